"""The hub: the rooms of this process. Opens each once, closes idle ones, drains them all.

One hub per event loop; it owns the journal and every background task of the engine.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextvars import Context
from typing import Any
from uuid import UUID

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.conf import settings
from django.utils import timezone

from collab.accounts.principal import Principal
from collab.conf import Conf
from collab.database import in_database_thread, in_writer_thread
from collab.errors import CollabError, NotFound, Unavailable
from documents.access import Standing, standings_of
from documents.sync import log
from documents.sync.bus import PEOPLE_GROUP, Layer, Seat, group_of
from documents.sync.door import Mark
from documents.sync.journal import Journal
from documents.sync.replica import merge
from documents.sync.room import Room
from documents.sync.underway import NOTED_NOWHERE, Underway
from documents.sync.withdrawals import Withdrawals

logger = logging.getLogger(__name__)

_TICK_S = 1.0
_STOP_S = 3.0
_RENEW_SEATS_S = 3600.0


def _standings(
    document_id: UUID, principals: Sequence[Principal]
) -> Awaitable[list[Standing] | None]:
    return in_database_thread(standings_of)(document_id, principals, timezone.now())


def _quarantine(document_id: UUID, update: bytes, reason: str, author_name: str) -> Awaitable[None]:
    return in_database_thread(log.quarantine)(
        document_id, update, reason=reason, author_name=author_name
    )


def _fatal_updates(document_id: UUID) -> Awaitable[list[bytes]]:
    return in_database_thread(log.fatal_updates)(document_id)


def _read(document_id: UUID, since: int) -> Awaitable[log.Stored]:
    return in_database_thread(log.read)(document_id, since=since)


class Hub:
    """``is_alone``: this is the only process, so nothing is published to the channel layer."""

    def __init__(
        self, layer: Layer, conf: Conf, *, is_alone: bool, underway: Underway = NOTED_NOWHERE
    ) -> None:
        self._layer = layer
        self._underway = underway
        self._conf = conf
        self._is_alone = is_alone
        self._rooms: dict[UUID, Room] = {}
        self._opening: dict[UUID, asyncio.Task[Room]] = {}
        self._room_tasks: dict[UUID, list[asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.is_draining = False
        self._withdrawals = Withdrawals()
        self.journal = Journal(
            in_writer_thread(log.append),
            merge,
            interval_s=conf.commit_interval_ms / 1000,
            max_pending_bytes=conf.max_pending_bytes,
        )
        self._start(self.journal.run())
        self._start(self._keep_house())
        self._start(self._sweep())
        self._start(self._hear_of_people())

    @property
    def rooms(self) -> Mapping[UUID, Room]:
        return self._rooms

    def mark(self, document_id: UUID) -> Mark | None:
        """A moment before somebody is authorized; None if nobody here would hear of changes."""
        room = self._rooms.get(document_id)
        return room.door.mark() if room is not None else None

    async def open(self, document_id: UUID) -> Room:
        """The document's room; loaded once, however many ask at that moment.

        The caller must have authorized somebody for this document, and must not await
        between this and ``room.join``.
        """
        if self.is_draining:
            raise Unavailable("this server is stopping")
        while (room := self._rooms.get(document_id)) is None:
            opening = self._opening.get(document_id)
            if opening is None:
                opening = self._start(self._open(document_id))
                self._opening[document_id] = opening
            try:
                # One joiner's disconnection must not cancel the others' loading.
                await asyncio.shield(opening)
            except CollabError:
                raise
            except Exception as error:
                raise Unavailable("the document cannot be loaded at the moment") from error
        return room

    async def _open(self, document_id: UUID) -> Room:
        room = Room(
            document_id,
            seat=(seat := Seat(self._layer, group_of(document_id), is_alone=self._is_alone)),
            journal=self.journal,
            conf=self._conf,
            read=_read,
            quarantine=_quarantine,
            fatal_updates=_fatal_updates,
            underway=self._underway,
            standings=_standings,
        )
        try:
            await room.open()
        except Exception:
            logger.exception("room did not open", extra={"document": document_id})
            self.journal.forget(document_id)
            await seat.leave()
            raise
        finally:
            del self._opening[document_id]
        self._rooms[document_id] = room
        self._room_tasks[document_id] = [self._start(room.listen()), self._start(seat.run())]
        return room

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call something after a while; not at all if the process stops before."""

        async def wait_and_call() -> None:
            await asyncio.sleep(seconds)
            call()

        self._start(wait_and_call())

    async def drain(self) -> None:
        """Send every member away, spread over some seconds, and commit what is owed."""
        self.is_draining = True
        members = [member for room in self._rooms.values() for member in room.members]
        random.shuffle(members)
        loop = asyncio.get_running_loop()
        began, pause_s = loop.time(), self._conf.drain_s / max(1, len(members))
        stopping = Unavailable("this server is stopping; connect again")
        for number, member in enumerate(members, start=1):
            member.close(stopping)
            if (wait := began + min(pause_s, 0.1) * number - loop.time()) > 0:
                await asyncio.sleep(wait)
        for room in self._rooms.values():
            room.take_up()
        await self.journal.wait_until_settled()
        logger.info("drained", extra={"members": len(members)})

    async def stop(self) -> None:
        """End every background task. What was not committed is lost: drain first."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:  # a layer that hangs must not keep us
            await asyncio.wait(self._tasks, timeout=_STOP_S)

    async def _keep_house(self) -> None:
        loop = asyncio.get_running_loop()
        renewed_at = loop.time()
        while True:
            await asyncio.sleep(_TICK_S)
            now = loop.time()
            must_renew = now - renewed_at > _RENEW_SEATS_S
            renewed_at = now if must_renew else renewed_at
            for room in list(self._rooms.values()):
                try:
                    room.tick(now)
                    if room.has_failed or room.may_close(now):
                        self._close(room)
                        continue
                    if must_renew:
                        self._start(room.renew_seat())
                    if room.door.ask_about_expired(timezone.now()):
                        self._start(room.door.catch_up(now))
                except Exception:  # one room's trouble, or a layer that is away, is not the others'
                    logger.exception("room not tended", extra={"document": room.document_id})

    def _close(self, room: Room) -> None:
        # Out of the table first: whoever comes now opens a new room from the log.
        del self._rooms[room.document_id]
        for task in self._room_tasks.pop(room.document_id):
            task.cancel()
        self._start(room.close())

    async def _sweep(self) -> None:
        """Compare every room with the log: one query for all of them heals what the bus lost."""
        while True:
            await asyncio.sleep(self._conf.sweep_s)
            try:
                asked = list(self._rooms)
                heads = await in_database_thread(log.heads)(asked)
                documents, people = await in_database_thread(self._withdrawals.unseen)()
            except Exception:  # the database is away: the next sweep will do
                logger.exception("sweep failed")
                continue
            for document_id in asked:
                if document_id not in heads and (room := self._rooms.get(document_id)):
                    room.fail(NotFound("the document was deleted"))
            for document_id in documents & self._rooms.keys():
                self._rooms[document_id].door.ask_about_everybody()
            for user_id in people:
                self._ask_about(user_id)
            for document_id, head in heads.items():
                room = self._rooms.get(document_id)
                try:
                    if room is not None:
                        await room.heal(head)
                except Exception:  # one room's trouble is not the others'
                    logger.exception("room not healed", extra={"document": document_id})

    async def _hear_of_people(self) -> None:
        """Somebody was deactivated, has a new password, logged out …: ask again everywhere."""
        loop = asyncio.get_running_loop()
        seat = Seat(self._layer, PEOPLE_GROUP, is_alone=True)  # it never speaks
        while True:
            if not seat.is_taken:
                if not await seat.take():
                    await asyncio.sleep(_TICK_S)
                continue
            heard = await seat.next_message()
            if (user_id := heard.message.get("user")) is not None:
                for room in self._ask_about(user_id):
                    self._start(room.door.catch_up(loop.time()))

    def _ask_about(self, user_id: int) -> list[Room]:
        """The rooms that have this user as a member; they ask with their next healing."""
        return [room for room in self._rooms.values() if room.door.ask_about(user_id)]

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        # In no one's name: who opens a room must not appear in the logs of what it does later.
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("engine task failed", exc_info=error)


_current: tuple[asyncio.AbstractEventLoop, Hub] | None = None


def start_hub(underway: Underway = NOTED_NOWHERE) -> Hub:
    """Make the hub of the running event loop."""
    global _current  # noqa: PLW0603 - one process, one loop, one hub; tests have a loop each
    layer = get_channel_layer()
    is_alone = isinstance(layer, InMemoryChannelLayer)
    hub = Hub(layer, settings.COLLAB, is_alone=is_alone, underway=underway)
    _current = (asyncio.get_running_loop(), hub)
    return hub


def current_hub() -> Hub:
    """The hub of the running event loop, made on first use where no server made it."""
    if _current is None or _current[0] is not asyncio.get_running_loop():
        return start_hub()
    return _current[1]
