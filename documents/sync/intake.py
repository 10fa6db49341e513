"""What an update must pass before it reaches a replica: the guard, and the document's bounds."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from hashlib import sha256
from time import perf_counter
from uuid import UUID

from collab import metrics
from collab.conf import Conf
from collab.errors import InvalidUpdate, TooLarge
from documents.sync import guard
from documents.sync.depth import depth_of
from documents.sync.replica import EMPTY_STATE_VECTOR, Replica, merge
from documents.sync.underway import Underway

_SCAN_IN_THREAD_BYTES = 32 * 1024  # a longer scan takes several ms of pure Python
_NESTING_IN_DOUBT = 10_000  # yrs is safe to 20,000 levels (measured)


class Intake:
    """The limits of one room's document. ``fatal`` are updates that ended a process before."""

    def __init__(self, document_id: UUID, conf: Conf, underway: Underway) -> None:
        self._document_id = document_id
        self._conf = conf
        self._underway = underway
        self._fatal_hashes: set[bytes] = set()
        self._fatal_clocks: list[dict[int, tuple[int, int]]] = []

    @property
    def has_fatal(self) -> bool:
        """Whether there is anything that may not pass."""
        return bool(self._fatal_hashes)

    def refuse_from_now_on(self, fatal: Iterable[bytes]) -> None:
        """Let nothing pass that holds a struct of these updates."""
        for update in fatal:
            self._fatal_hashes.add(sha256(update).digest())
            with suppress(InvalidUpdate):  # one that only pycrdt could read has no clocks
                clocks = guard.scan(update, max_depth=self._conf.max_depth).clocks
                self._fatal_clocks.append(clocks)

    async def check(self, update: bytes, *, is_stored: bool = False) -> tuple[bytes, guard.Scan]:
        """Scan and normalise; a long scan leaves the event loop. Raises InvalidUpdate.

        ``is_stored``: it is in the log, so it did no harm to whoever put it there.
        """
        if self._fatal_hashes and not is_stored:
            self._refuse_fatal(update)
        if len(update) > _SCAN_IN_THREAD_BYTES:
            return await asyncio.to_thread(self._check, update)
        return self._check(update)

    def beware(self) -> None:
        """Let edits in one by one for a while, whichever the document."""
        self._underway.beware()

    @property
    def is_careful(self) -> bool:
        """Whether nothing may be taken together with others."""
        return bool(self._fatal_hashes) or self._underway.is_careful

    def check_now(self, update: bytes) -> tuple[bytes, guard.Scan] | None:
        """``check``, while not careful, of one that may be checked on the event loop; None for
        others."""
        return self._check(update) if len(update) <= _SCAN_IN_THREAD_BYTES else None

    def _check(self, update: bytes) -> tuple[bytes, guard.Scan]:
        typing = guard.scan_typing(update)
        if typing is not None:
            return update, typing
        with self._note(update):
            return guard.check(update, max_depth=self._conf.max_depth)

    def _note(self, update: bytes) -> AbstractContextManager[None]:
        """While pycrdt works on an update: in case it ends the process."""
        return self._underway.note(self._document_id, update)

    def _refuse_fatal(self, update: bytes) -> None:
        clocks = guard.scan(update, max_depth=self._conf.max_depth).clocks
        holds_one = any(_overlap(clocks, fatal) for fatal in self._fatal_clocks)
        if holds_one or sha256(update).digest() in self._fatal_hashes:
            raise InvalidUpdate("this edit ended a server process before; it has been set aside")

    async def refuse_contradiction(
        self, replica: Callable[[], Replica], update: bytes, scan: guard.Scan
    ) -> None:
        """Raise InvalidUpdate for what cannot be merged with something that waits.

        A forger may say one clock twice, with other content. Merged into one update, for a
        frame or for the log, yrs would cut one of them anywhere, in half a character even, and
        what it writes then nobody can read. Afterwards nothing has waited that was not compared.
        """
        compared = {update}
        while beside := [each for each in replica().waiting_beside(scan) if each not in compared]:
            compared.update(beside)
            if len(update) + sum(map(len, beside)) > _SCAN_IN_THREAD_BYTES:
                await asyncio.to_thread(self._compare, update, beside)
            else:
                self._compare(update, beside)

    def _compare(self, update: bytes, beside: Iterable[bytes]) -> None:
        for waiting in beside:
            for both in ([waiting, update], [update, waiting]):
                guard.scan(merge(both), max_depth=self._conf.max_depth)

    def news_in(
        self, replica: Replica, update: bytes, scan: guard.Scan
    ) -> tuple[bytes, guard.Scan]:
        """The update without what the replica knows of its structs. Raises InvalidUpdate."""
        if not scan.continues_within(replica.clocks):
            return update, scan
        return guard.check(replica.without_known(update), max_depth=self._conf.max_depth)

    def apply(self, replica: Replica, update: bytes, scan: guard.Scan) -> None:
        """Apply what was checked. Raises what ``Replica.apply`` does."""
        with self._note(update):
            self.apply_unnoted(replica, update, scan)

    def apply_unnoted(self, replica: Replica, update: bytes, scan: guard.Scan) -> None:
        """Likewise, of what many have written."""
        began = perf_counter()
        replica.apply(update, scan)
        metrics.APPLY_S.observe(perf_counter() - began)

    def has_room_for(self, replica: Replica, more_bytes: int) -> bool:
        """Whether the document may grow by so much without another look."""
        return replica.size_bytes + more_bytes <= self._conf.max_document_bytes

    def refuse_growth(self, replica: Replica, more_bytes: int, scan: guard.Scan) -> None:
        """Raise TooLarge for what would make the document too large; deletions never do."""
        if not scan.clocks or self.has_room_for(replica, more_bytes):
            return
        limit = self._conf.max_document_bytes
        size = replica.measure()  # the sum of updates overstates
        if size + more_bytes > limit:
            raise TooLarge(f"the document has {size:,} bytes; it may have {limit:,}")

    def may_nest_deeply(self, replica: Replica, types: int, before: int = 0) -> bool:
        """Whether so many new types have to be looked at; ``before`` are not in the replica yet."""
        return types > 0 and replica.nesting_bound + before + types > _NESTING_IN_DOUBT

    async def refuse_nesting(self, replica: Replica, update: bytes, scan: guard.Scan) -> None:
        """yrs recurses over nested types and ends the process at some ten thousand levels."""
        if not self.may_nest_deeply(replica, scan.types):
            return
        whole = merge([replica.difference(EMPTY_STATE_VECTOR), update])
        depth = await asyncio.to_thread(depth_of, whole)
        limit = self._conf.max_nesting
        if depth > limit:
            raise InvalidUpdate(f"{depth:,} levels of nesting; there may be {limit:,}")
        replica.nesting_bound = depth


def _overlap(ours: dict[int, tuple[int, int]], theirs: dict[int, tuple[int, int]]) -> bool:
    return any(
        start < theirs[client][1] and theirs[client][0] < end
        for client, (start, end) in ours.items()
        if client in theirs
    )
