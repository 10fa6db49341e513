"""The change feed: who wrote when, row by row of the log; as pages, and as it happens.

All who follow a document in one process share one poller, which asks the database once a
second for all documents, and one reading of new rows. So it needs no bus; what this process
commits itself is told at once. A follower is a position and nothing else: whoever reads slowly
costs no memory. Tells who, when and how much; never content.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextvars import Context
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from collab.accounts.principal import Principal
from collab.database import in_database_thread
from collab.errors import CollabError, NoAccess, NotAuthenticated, NotFound, Unavailable
from documents.access import Standing, standings_of
from documents.sync import log
from documents.sync.hub import Hub, current_hub
from documents.sync.log import Change
from documents.sync.withdrawals import Withdrawals

logger = logging.getLogger(__name__)

PAGE = 100  # rows that are read, kept and sent at once
_POLL_S = 1.0
_DRAIN_S = 2.0


class HistoryGone(CollabError):
    """The log does not go on from there: fetch the whole document, then go on from ``head``.

    Its rows have been folded and dropped; or there never were so many, because an older backup
    was restored.
    """

    status, code = 410, "history-gone"

    def __init__(self, head: int) -> None:
        super().__init__(f"the log does not reach back to there; it stands at {head}")
        self.head = head


def changes_after(document_id: UUID, *, since: int, head: int, limit: int = PAGE) -> list[Change]:
    """The rows after ``since``, oldest first. ``head``: what the log had reached before.

    Synchronous. Raises HistoryGone.
    """
    found = log.changes(document_id, since=since, limit=limit)
    first = found[0].head if found else head + 1
    if first != since + 1:
        raise HistoryGone(head)
    return found


class _Follower:
    """Somebody who reads along. ``news`` is set when there is something to do."""

    __slots__ = ("ask_at", "ended", "news", "principal")

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.news = asyncio.Event()
        self.ended: CollabError | None = None
        self.ask_at: datetime | None = None  # … what they may still do

    def end(self, error: CollabError) -> None:
        self.ended = error
        self.news.set()

    def apply(self, standing: Standing) -> None:
        self.ask_at = standing.expires_at
        if not standing.is_known:
            self.end(NotAuthenticated("your log-in has ended"))
        elif standing.role is None:
            self.end(NoAccess("your access to this document was withdrawn"))


class _Followed:
    """A document with its followers in this process, and the page that was read last."""

    def __init__(self, document_id: UUID, head: int) -> None:
        self.document_id = document_id
        self.head = head
        self.followers: set[_Follower] = set()
        self._page: Sequence[Change] = ()
        self._reading = asyncio.Lock()

    def note_head(self, head: int) -> None:
        if head > self.head:
            self.head = head
            for follower in self.followers:
                follower.news.set()

    async def after(self, position: int) -> list[Change]:
        """The next page after a position; nothing if there is none. Raises HistoryGone."""
        if position == self.head:
            return []
        async with self._reading:  # whoever comes second finds what the first has read
            if not self._page or not self._page[0].head <= position + 1 <= self._page[-1].head:
                self._page = await in_database_thread(changes_after)(
                    self.document_id, since=position, head=self.head
                )
            page = [change for change in self._page if change.head > position]
        self.note_head(page[-1].head)
        return page


class Feed:
    """The documents that are followed in this process. One per event loop: ``current_feed``."""

    def __init__(self) -> None:
        self._followed: dict[UUID, _Followed] = {}
        self._poller: asyncio.Task[None] | None = None
        self._is_draining = False

    async def follow(
        self, document_id: UUID, principal: Principal, *, since: int, head: int, heartbeat_s: float
    ) -> AsyncGenerator[list[Change], None]:
        """Pages of changes after ``since``, for ever; an empty one first, and after each silence.

        The caller has authorized the principal. Ends by raising CollabError: HistoryGone, or
        what ended the access. Whoever stops early must close it.
        """
        if self._is_draining:
            raise Unavailable("this server is stopping")
        follower = _Follower(principal)
        followed = self._followed.setdefault(document_id, _Followed(document_id, head))
        followed.followers.add(follower)
        followed.note_head(head)
        self._poll_from_now_on()
        try:
            # Access may have changed between the caller's question and our being told of it.
            await _ask_again(document_id, [follower])
            position, page = since, await followed.after(since)
            yield []
            while True:
                if follower.ended is not None:
                    raise follower.ended
                if page:
                    position = page[-1].head
                    yield page
                elif not await _is_set(follower.news, within_s=heartbeat_s):
                    yield []
                follower.news.clear()
                page = await followed.after(position)
        finally:
            followed.followers.remove(follower)
            if not followed.followers:
                del self._followed[document_id]

    def note_heads(self, heads: Mapping[UUID, int]) -> None:
        """What was committed, by whomsoever."""
        for document_id in heads.keys() & self._followed.keys():
            self._followed[document_id].note_head(heads[document_id])

    async def drain(self) -> None:
        """Tell all followers that this process stops, and wait until they have gone."""
        self._is_draining = True
        for followed in self._followed.values():
            _end(followed.followers, Unavailable("this server is stopping; connect again"))
        waited = 0.0
        while self._followed and waited < _DRAIN_S:
            await asyncio.sleep(0.05)
            waited += 0.05

    # -- The poller -------------------------------------------------------------------------
    def _poll_from_now_on(self) -> None:
        if self._poller is None or self._poller.done():
            # In no one's name: whoever comes first must not appear in the logs of all others.
            work = self._poll()
            self._poller = asyncio.get_running_loop().create_task(work, context=Context())

    async def _poll(self) -> None:
        """Until nobody follows anything."""
        withdrawals, is_failing = Withdrawals(), False
        while self._followed:
            try:
                await self._look(withdrawals)
                is_failing = False
            except Exception:  # the database is away: the next look will do
                # Once, not every second of an hour.
                if not is_failing:
                    logger.exception("change feed not looked after")
                is_failing = True
            await asyncio.sleep(_POLL_S)

    async def _look(self, withdrawals: Withdrawals) -> None:
        asked = list(self._followed.values())
        heads = await in_database_thread(log.heads)([each.document_id for each in asked])
        documents, people = await in_database_thread(withdrawals.unseen)()
        self.note_heads(heads)
        now = timezone.now()
        for followed in asked:
            for each in followed.followers:
                if followed.document_id in documents or each.principal.user_id in people:
                    each.ask_at = now
        for followed in asked:
            if followed.document_id not in heads:
                _end(followed.followers, NotFound("the document was deleted"))
                continue
            due = [each for each in followed.followers if each.ask_at and each.ask_at <= now]
            await _ask_again(followed.document_id, due)


async def _ask_again(document_id: UUID, followers: Sequence[_Follower]) -> None:
    """What these may still do. When it fails, they are asked about with the next look."""
    if not followers:
        return
    principals = [follower.principal for follower in followers]
    standings = await in_database_thread(standings_of)(document_id, principals, timezone.now())
    if standings is None:
        _end(followers, NotFound("the document was deleted"))
        return
    for follower, standing in zip(followers, standings, strict=True):
        follower.apply(standing)


def _end(followers: Iterable[_Follower], error: CollabError) -> None:
    for follower in followers:
        follower.end(error)


async def _is_set(event: asyncio.Event, *, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


_current: tuple[Hub, Feed] | None = None


def current_feed() -> Feed:
    """The feed of the running event loop, which hears what its hub's journal commits."""
    global _current  # noqa: PLW0603 - one process, one loop, one hub, one feed
    hub = current_hub()
    if _current is None or _current[0] is not hub:
        _current = (hub, Feed())
        hub.journal.listen(_current[1].note_heads)
    return _current[1]
