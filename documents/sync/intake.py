"""What an update must pass before it reaches a replica: the guard, and the document's bounds."""

import asyncio
from functools import partial

from collab.conf import Conf
from collab.errors import InvalidUpdate, TooLarge
from documents.sync import guard
from documents.sync.depth import depth_of
from documents.sync.replica import EMPTY_STATE_VECTOR, Replica, merge

_SCAN_IN_THREAD_BYTES = 32 * 1024  # a longer scan takes several ms of pure Python
_NESTING_IN_DOUBT = 10_000  # yrs is safe to 20,000 levels (measured)


class Intake:
    """The limits of one room's document."""

    def __init__(self, conf: Conf) -> None:
        self._conf = conf

    async def check(self, update: bytes) -> tuple[bytes, guard.Scan]:
        """Scan and normalise; a long scan leaves the event loop. Raises InvalidUpdate."""
        check = partial(guard.check, update, max_depth=self._conf.max_depth)
        return check() if len(update) <= _SCAN_IN_THREAD_BYTES else await asyncio.to_thread(check)

    def refuse_growth(self, replica: Replica, update: bytes, scan: guard.Scan) -> None:
        """Raise TooLarge for what would make the document too large; deletions never do."""
        limit = self._conf.max_document_bytes
        if not scan.clocks or replica.size_bytes + len(update) <= limit:
            return
        size = replica.measure()  # the sum of updates overstates
        if size + len(update) > limit:
            raise TooLarge(f"the document has {size:,} bytes; it may have {limit:,}")

    async def refuse_nesting(self, replica: Replica, update: bytes, scan: guard.Scan) -> None:
        """yrs recurses over nested types and ends the process at some ten thousand levels."""
        if not scan.types or replica.nesting_bound + scan.types <= _NESTING_IN_DOUBT:
            return
        whole = merge([replica.difference(EMPTY_STATE_VECTOR), update])
        depth = await asyncio.to_thread(depth_of, whole)
        limit = self._conf.max_nesting
        if depth > limit:
            raise InvalidUpdate(f"{depth:,} levels of nesting; there may be {limit:,}")
        replica.nesting_bound = depth
