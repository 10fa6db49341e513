"""The hub: the rooms of this process. Opens each once, closes idle ones, drains them all.

One hub per event loop; it owns the journal and every background task of the engine.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import Any
from uuid import UUID

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.conf import settings

from collab.accounts.principal import Principal
from collab.conf import Conf
from collab.database import in_database_thread
from collab.errors import CollabError, Unavailable
from documents.access import roles_of
from documents.models import Role
from documents.sync import log
from documents.sync.bus import Layer, Seat
from documents.sync.journal import Journal
from documents.sync.replica import merge
from documents.sync.room import Room

logger = logging.getLogger(__name__)

_TICK_S = 1.0
_SWEEP_S = 3.0
_RENEW_SEATS_S = 3600.0


def _roles(
    document_id: UUID, principals: Sequence[Principal]
) -> Awaitable[list[Role | None] | None]:
    return in_database_thread(roles_of)(document_id, principals)


def _quarantine(document_id: UUID, update: bytes, reason: str, author_name: str) -> Awaitable[None]:
    return in_database_thread(log.quarantine)(
        document_id, update, reason=reason, author_name=author_name
    )


def _read(document_id: UUID, since: int) -> Awaitable[log.Stored]:
    return in_database_thread(log.read)(document_id, since=since)


class Hub:
    """``is_alone``: this is the only process, so nothing is published to the channel layer."""

    def __init__(self, layer: Layer, conf: Conf, *, is_alone: bool) -> None:
        self._layer = layer
        self._conf = conf
        self._is_alone = is_alone
        self._rooms: dict[UUID, Room] = {}
        self._opening: dict[UUID, asyncio.Task[Room]] = {}
        self._room_tasks: dict[UUID, list[asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_draining = False
        self.journal = Journal(
            in_database_thread(log.append),
            merge,
            interval_s=conf.commit_interval_ms / 1000,
            max_pending_bytes=conf.max_pending_bytes,
        )
        self._start(self.journal.run())
        self._start(self._keep_house())
        if not is_alone:
            self._start(self._sweep())

    @property
    def rooms(self) -> Mapping[UUID, Room]:
        return self._rooms

    async def open(self, document_id: UUID) -> Room:
        """The document's room; loaded once, however many ask at that moment.

        The caller must have authorized somebody for this document, and must not await
        between this and ``room.join``.
        """
        if self._is_draining:
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
            seat=(seat := Seat(self._layer, document_id, is_alone=self._is_alone)),
            journal=self.journal,
            conf=self._conf,
            read=_read,
            quarantine=_quarantine,
            roles=_roles,
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

    async def drain(self) -> None:
        """Send every member away, spread over some seconds, and commit what is owed."""
        self._is_draining = True
        members = [member for room in self._rooms.values() for member in room.members]
        random.shuffle(members)
        pause_s = self._conf.drain_s / max(1, len(members))
        stopping = Unavailable("this server is stopping; connect again")
        for member in members:
            member.close(stopping)
            await asyncio.sleep(min(pause_s, 0.1))
        await self.journal.wait_until_settled()
        logger.info("drained", extra={"members": len(members)})

    async def stop(self) -> None:
        """End every background task. What was not committed is lost: drain first."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

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
                        await self._close(room)
                    elif must_renew:
                        await room.renew_seat()
                except Exception:  # one room's trouble, or a layer that is away, is not the others'
                    logger.exception("room not tended", extra={"document": room.document_id})

    async def _close(self, room: Room) -> None:
        # Out of the table first: whoever comes now opens a new room from the log.
        del self._rooms[room.document_id]
        for task in self._room_tasks.pop(room.document_id):
            task.cancel()
        await room.close()

    async def _sweep(self) -> None:
        """Compare every room with the log: one query for all of them heals what the bus lost."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                heads = await in_database_thread(log.heads)(list(self._rooms))
            except Exception:  # the database is away: the next sweep will do
                logger.exception("sweep failed")
                continue
            for document_id, head in heads.items():
                room = self._rooms.get(document_id)
                try:
                    if room is not None and room.head < head:
                        await room.catch_up()
                except Exception:  # one room's trouble is not the others'
                    logger.exception("room not healed", extra={"document": document_id})

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("engine task failed", exc_info=error)


_current: tuple[asyncio.AbstractEventLoop, Hub] | None = None


def current_hub() -> Hub:
    """The hub of the running event loop, made on first use."""
    global _current  # noqa: PLW0603 - one process, one loop, one hub; tests have a loop each
    loop = asyncio.get_running_loop()
    if _current is None or _current[0] is not loop:
        layer = get_channel_layer()
        _current = (
            loop,
            Hub(layer, settings.COLLAB, is_alone=isinstance(layer, InMemoryChannelLayer)),
        )
    return _current[1]
