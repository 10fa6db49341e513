"""The WebSocket at /ws/documents/<id>: authorize, join, listen. The y-websocket protocol.

Authorization comes before anything is joined: a refused client has touched no room and no
group (``documents.sync.hub`` adds the room's channel to the group after this).
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextvars import copy_context
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.conf import settings

from collab import logs
from collab.database import in_database_thread
from collab.errors import CollabError, NotFound, TooLarge
from collab.rates import Places
from collab.socket import SocketConsumer
from documents.admission import Admission, admit
from documents.protocol.messages import Denied
from documents.protocol.ywebsocket import decode_frame, encode_message, only_update_in
from documents.sync.door import Mark
from documents.sync.hub import current_hub
from documents.sync.member import Member, Wishes
from documents.sync.room import Room
from presence.identity import identity_of

_FRAMES_AT_ONCE = 32  # of one client: the others wait
_of_user = Places("of yours")


class DocumentConsumer(SocketConsumer):
    """One client of one document."""

    __slots__ = ("_context", "_document_id", "_limit", "_place", "_tasks")

    def __init__(self, document_id: str) -> None:
        self._document_id = document_id
        self._limit: int = settings.COLLAB.max_message_bytes
        self._place: tuple[Room, Member] | None = None  # once it listens

    async def converse(self) -> None:
        document_id = _parsed(self._document_id)
        member, mark = await self._admitted(document_id)
        with _of_user.one(member.identity.id, settings.COLLAB.max_connections_per_user):
            room = await current_hub().open(document_id)
            room.join(member)
            try:
                # For instance while the room was loading, when nobody was in it to ask for.
                if room.door.has_changed_since(mark):
                    await room.recheck_access([member])
                async with asyncio.TaskGroup() as self._tasks:
                    self._context = copy_context()
                    member.connect(self)
                    try:
                        await self._listen(room, member)
                    finally:  # a group that ends takes no more tasks
                        member.disconnect()
            finally:
                room.leave(member)

    async def _admitted(self, document_id: UUID) -> tuple[Member, Mark | None]:
        """Who may come in, and a mark of the moment before that was found out."""
        query = {key: values[-1] for key, values in parse_qs(self._query_string()).items()}
        mark = current_hub().mark(document_id)
        admission = await in_database_thread(admit)(self.scope["headers"], query, document_id)
        self.scope.clear()  # two kilobytes of each connection that nobody reads again
        member = self._member(admission, query)
        logs.user.set(member.identity.id)
        return member, mark

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        # In this one's name: whoever made it speak must not appear in what it logs.
        self._tasks.create_task(work, context=self._context)

    def farewell(self, error: CollabError) -> bytes:
        return encode_message(Denied(str(error)))

    def _member(self, admission: Admission, query: dict[str, str]) -> Member:
        acks = query.get("ack", "").split(",")
        wishes = Wishes(
            ack_count="count" in acks, ack_echo="echo" in acks, events=query.get("events") == "1"
        )
        member = Member(
            admission.principal,
            identity_of(admission.principal),
            admission.role,
            wishes,
            now=asyncio.get_running_loop().time(),
            max_backlog_bytes=settings.COLLAB.max_backlog_bytes,
            max_work_share=settings.COLLAB.max_work_share,
        )
        member.expires_at = admission.expires_at
        return member

    async def _listen(self, room: Room, member: Member) -> None:
        limit = self._limit
        self._place = room, member
        while True:
            frames = await self.receive_waiting(_FRAMES_AT_ONCE)
            while frames:
                taken = 0 if self.was_offered else self.take_now(frames)
                self.was_offered = False
                for frame in frames[taken : taken + 1]:
                    if len(frame) > limit:
                        raise TooLarge(f"a message of {len(frame):,} bytes; it may have {limit:,}")
                    for message in decode_frame(frame):
                        await room.receive(member, message)
                frames = frames[taken + 1 :]
                await asyncio.sleep(0)  # a queue that is not empty is no reason to wait by itself

    def take_now(self, frames: Sequence[bytes]) -> int:
        if self._place is None:
            return 0
        updates = []
        for frame in frames:
            update = only_update_in(frame)
            if update is None or len(frame) > self._limit:
                break
            updates.append(update)
        room, member = self._place
        return room.take_now(member, updates) if updates else 0

    def _query_string(self) -> str:
        return bytes(self.scope.get("query_string", b"")).decode("latin-1")


def _parsed(document_id: str) -> UUID:
    try:
        return UUID(document_id)
    except ValueError:
        raise NotFound("no such document") from None
