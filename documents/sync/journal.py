"""The journal: what all rooms of this process owe the log, committed together.

One writer task; a batch starts when the previous commit has ended (group commit).
Acknowledges only after commit. Keeps everything while the database is away.
Knows nothing of members, frames or pycrdt.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from collab import metrics
from collab.errors import Unavailable
from documents.sync.log import Row

logger = logging.getLogger(__name__)

_RETRY_FIRST_S = 0.1
_RETRY_MOST_S = 5.0
_FAILURES_ENOUGH = 2
# While many write, commits take a fifth of the time at most, unless that kept them waiting.
_MANY = 10
_REST_AS_LONG = 4
_REST_AT_MOST_S = 0.1

Append = Callable[[Mapping[UUID, Sequence[Row]]], Awaitable[dict[UUID, int]]]
Merge = Callable[[Sequence[bytes]], bytes]


@dataclass(slots=True)  # not frozen: one is made for every edit
class Owed:
    """One update on its way to the log, and whom to tell (``settle``) once it is there.

    An empty update asks only to be told when all that was owed before it is committed.
    """

    update: bytes
    author_id: int | None = None
    author_name: str = ""
    settle: Callable[[], None] | None = None


# The document's new head (None: the document is gone), and how many rows of ours end there.
Settled = Callable[[int | None, int], None]
Committed = Callable[[Mapping[UUID, int]], None]


class Journal:
    """``append`` commits a batch; ``merge`` makes one update of several."""

    def __init__(
        self, append: Append, merge: Merge, *, interval_s: float, max_pending_bytes: int
    ) -> None:
        self._append = append
        self._merge = merge
        self._interval_s = interval_s
        self._max_pending_bytes = max_pending_bytes
        self._waiting: dict[UUID, list[Owed]] = {}
        self._in_flight: dict[UUID, list[Owed]] = {}
        self._held: dict[UUID, list[Owed]] = {}  # could not be committed; waits to be tried again
        self._retry_s: dict[UUID, float] = {}
        self._settled: dict[UUID, Settled] = {}
        self._listeners: list[Committed] = []
        self._wake = asyncio.Event()
        self._is_settled = asyncio.Event()
        self._is_settled.set()
        self._since: dict[UUID, float] = {}  # when the oldest pending edit of each came
        self.pending_bytes = 0

    @property
    def oldest_pending_s(self) -> float:
        """How long the oldest edit has been waiting for its commit; 0 if none does."""
        if not self._since:
            return 0.0
        return monotonic() - min(self._since.values())

    @property
    def is_failing(self) -> bool:
        return bool(self._held)

    def register(self, document_id: UUID, settled: Settled) -> None:
        """Have ``settled`` called after each commit of this document."""
        self._settled[document_id] = settled

    def forget(self, document_id: UUID) -> None:
        self._settled.pop(document_id, None)

    def listen(self, committed: Committed) -> None:
        """Have ``committed`` called with the new heads after each commit, whosesoever it was."""
        self._listeners.append(committed)

    def owe(self, document_id: UUID, owed: Owed) -> None:
        """Queue an update for the next commit."""
        self.pending_bytes += len(owed.update)
        self._since.setdefault(document_id, monotonic())
        queue = self._held if document_id in self._held else self._waiting
        queue.setdefault(document_id, []).append(owed)
        self._is_settled.clear()
        self._wake.set()

    def has_room_for(self, size: int) -> bool:
        return self.pending_bytes + size <= self._max_pending_bytes

    def ensure_capacity(self, size: int) -> None:
        """Raise Unavailable when the database has been away for so long that memory is full.

        To be asked before a replica changes: what it holds must be able to reach the log.
        """
        if not self.has_room_for(size):
            raise Unavailable("edits cannot be stored at the moment; they stay on your device")

    def pending(self, document_id: UUID) -> list[bytes]:
        """The updates of a document that are not known to be committed, oldest first."""
        queues = (self._in_flight, self._held, self._waiting)
        owed = [each for queue in queues for each in queue.get(document_id, ())]
        return [each.update for each in owed if each.update]

    def is_pending(self, document_id: UUID) -> bool:
        queues = (self._in_flight, self._held, self._waiting)
        return any(document_id in queue for queue in queues)

    async def wait_until_settled(self) -> None:
        """Return when everything owed so far is committed."""
        await self._is_settled.wait()

    async def run(self) -> None:
        """Commit batch after batch, for ever. The only writer of this process."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._in_flight, self._waiting = self._waiting, {}
            started = monotonic()
            if not await self._try(self._in_flight):
                await self._commit_each_alone()
            were_many = sum(map(len, self._in_flight.values())) >= _MANY
            self._in_flight = {}
            if not self._waiting and not self._held:
                self._is_settled.set()
            took = monotonic() - started
            rest = min(_REST_AS_LONG * took, _REST_AT_MOST_S) if were_many else 0.0
            await asyncio.sleep(max(self._interval_s - took, rest, 0.0))

    async def _commit_each_alone(self) -> None:
        """So that one document's fault cannot hold up the others; what fails is held for later."""
        failures = 0
        for document_id, owed in list(self._in_flight.items()):
            # After two failures it is the database that is away: spare it the others.
            if failures == _FAILURES_ENOUGH or not await self._try({document_id: owed}):
                failures = min(failures + 1, _FAILURES_ENOUGH)
                self._hold(document_id, owed)
            del self._in_flight[document_id]

    def _hold(self, document_id: UUID, owed: list[Owed]) -> None:
        """Keep what could not be committed, in order, and try it again after a while."""
        self._held[document_id] = [*owed, *self._waiting.pop(document_id, [])]
        retry_s = self._retry_s.get(document_id, _RETRY_FIRST_S)
        self._retry_s[document_id] = min(2 * retry_s, _RETRY_MOST_S)
        asyncio.get_running_loop().call_later(retry_s, self._release, document_id)

    def _release(self, document_id: UUID) -> None:
        self._waiting[document_id] = self._held.pop(document_id)
        self._wake.set()

    async def _try(self, batch: dict[UUID, list[Owed]]) -> bool:
        """Commit and settle a batch; False if the database did not take it.

        A commit whose answer was lost may be made twice: updates are idempotent.
        """
        began = monotonic()
        try:
            rows = self._rows(batch)
            heads = await self._append(rows) if rows else {}
        except Exception as error:  # whatever it was, the edits are kept and tried again
            metrics.COMMIT_FAILURES.inc()
            extra = {"documents": len(batch), "error": f"{error!r:.200}"}
            # The traceback once, not with every attempt of an hour.
            logger.error("commit failed", exc_info=not self.is_failing, extra=extra)
            return False
        metrics.COMMIT_S.observe(monotonic() - began)
        for document_id, owed in batch.items():
            self._since.pop(document_id, None)
            if document_id in self._waiting:  # what came while this was being committed
                self._since[document_id] = began
            self._retry_s.pop(document_id, None)
            self._settle(document_id, owed, heads, rows=len(rows.get(document_id, ())))
        self._tell(heads)
        return True

    def _rows(self, batch: Mapping[UUID, list[Owed]]) -> dict[UUID, list[Row]]:
        """One row per document and author."""
        rows: dict[UUID, list[Row]] = {}
        for document_id, owed in batch.items():
            by_author: defaultdict[tuple[int | None, str], list[bytes]] = defaultdict(list)
            for each in owed:
                if each.update:
                    by_author[each.author_id, each.author_name].append(each.update)
            if by_author:
                rows[document_id] = [
                    Row(update, author_id, author_name)
                    for (author_id, author_name), updates in by_author.items()
                    for update in self._merged(updates)
                ]
        return rows

    def _merged(self, updates: list[bytes]) -> list[bytes]:
        try:
            return [self._merge(updates)]
        except ValueError:  # a row each, rather than none for ever
            logger.exception("updates not merged")
            return updates

    def _settle(
        self, document_id: UUID, owed: list[Owed], heads: Mapping[UUID, int], *, rows: int
    ) -> None:
        is_gone = rows > 0 and document_id not in heads
        self.pending_bytes -= sum(len(each.update) for each in owed)
        try:
            if not is_gone:
                for each in owed:
                    if each.settle is not None:
                        each.settle()
            settled = self._settled.get(document_id)
            if settled is not None and rows:
                settled(heads.get(document_id), rows)
        except Exception:  # whoever is told must never end the only writer of all documents
            logger.exception("settling failed", extra={"document": document_id})

    def _tell(self, heads: Mapping[UUID, int]) -> None:
        for committed in self._listeners:
            try:
                committed(heads)
            except Exception:  # likewise
                logger.exception("listener failed")
