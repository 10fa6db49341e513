"""A stage for rooms: real rooms, replicas and journals on a log that is kept in memory.

Two hubs' worth of rooms can share one log and one channel layer, as two processes do.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pycrdt
from channels.layers import InMemoryChannelLayer

from collab.accounts.principal import Principal
from collab.conf import Conf
from collab.errors import CollabError, Unavailable
from documents.access import Standing
from documents.models import Role
from documents.protocol.messages import (
    Awareness,
    Denied,
    Event,
    Message,
    RoleChanged,
    Saved,
    SyncStep1,
    SyncStep2,
    Update,
)
from documents.protocol.ywebsocket import decode_server_frame
from documents.sync.bus import Seat, group_of
from documents.sync.journal import Journal
from documents.sync.log import Row, Stored
from documents.sync.member import Member, Wishes
from documents.sync.replica import merge
from documents.sync.room import Room
from documents.sync.underway import Underway
from presence.identity import identity_of

TAKES_AT_ONCE = True


class Log:
    """The log of one document, and a database that can be away or slow."""

    def __init__(self) -> None:
        self.updates: list[bytes] = []
        self.quarantined: list[bytes] = []
        self.fatal: list[bytes] = []
        self.reads = 0
        self.is_away = False
        self.may_commit = asyncio.Event()
        self.may_commit.set()

    async def append(self, batch: Mapping[UUID, Sequence[Row]]) -> dict[UUID, int]:
        await self.may_commit.wait()
        if self.is_away:
            raise ConnectionError("the database is away")
        heads = {}
        for document_id, rows in batch.items():
            self.updates += [row.update for row in rows]
            heads[document_id] = len(self.updates)
        return heads

    async def read(self, document_id: UUID, since: int) -> Stored:
        self.reads += 1
        await asyncio.sleep(0.01)
        return Stored(head=len(self.updates), updates=self.updates[since:])

    async def quarantine(self, document_id: UUID, update: bytes, why: str, who: str) -> None:
        self.quarantined.append(update)

    async def fatal_updates(self, document_id: UUID) -> list[bytes]:
        return self.fatal

    @property
    def text(self) -> str:
        """What somebody would read who knew nothing but the log."""
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        doc.apply_update(merge(self.updates))
        return str(doc.get("text", type=pycrdt.Text))


class Player:
    """A member with a replica of its own, driven by hand; what it was sent is in ``heard``."""

    def __init__(self, room: Room, name: str, role: Role, wishes: Wishes) -> None:
        self.room = room
        principal = Principal(guest_id=name, name=name)
        now = asyncio.get_running_loop().time()
        self.member = Member(
            principal,
            identity_of(principal),
            role,
            wishes,
            now=now,
            max_backlog_bytes=room._conf.max_backlog_bytes,
        )
        self.reads = asyncio.Event()  # cleared: it does not take what it is sent
        self.reads.set()
        self.unsent = 0  # bytes that its transport still has
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.heard: list[Message] = []
        self.closed_with: CollabError | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.member.connect(self)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.append(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and isinstance(error := task.exception(), CollabError):
            self.closed_with = error

    def send_now(self, frame: bytes) -> bool:
        return False

    def unsent_bytes(self) -> int:
        return self.unsent

    async def send_bytes(self, frame: bytes) -> None:
        await self.reads.wait()
        message = decode_server_frame(frame)
        self.heard.append(message)
        if isinstance(message, SyncStep2 | Update):
            self.doc.apply_update(message.update)

    async def says(self, message: Message) -> None:
        """As a connection does: at once if that can be (see ``conftest.py``)."""
        is_edit = TAKES_AT_ONCE and isinstance(message, Update)
        if is_edit and self.room.take_now(self.member, [message.update]):
            return
        await self.room.receive(self.member, message)  # type: ignore[arg-type]

    async def syncs(self) -> None:
        """As y-websocket does when it has connected."""
        self.room.join(self.member)
        await self.says(SyncStep1(self.doc.get_state()))
        await self.says(SyncStep2(self.doc.get_update(b"\x00")))

    async def types(self, text: str, at: int | None = None) -> bytes:
        """Insert locally and send the update; return it."""
        update = self.inserts(text, at)
        await self.says(Update(update))
        return update

    def inserts(self, text: str, at: int | None = None) -> bytes:
        """Insert locally, as somebody offline does."""
        before = self.doc.get_state()
        mine = self.doc.get("text", type=pycrdt.Text)
        mine.insert(len(mine) if at is None else at, text)
        return self.doc.get_update(before)

    def leaves(self) -> None:
        self.room.leave(self.member)
        self.member.disconnect()
        for task in self._tasks:
            task.cancel()

    @property
    def text(self) -> str:
        return str(self.doc.get("text", type=pycrdt.Text))

    def all_heard(self, kind: type[Message]) -> list[Any]:
        return [message for message in self.heard if isinstance(message, kind)]

    @property
    def saved(self) -> int:
        return max((message.count for message in self.all_heard(Saved)), default=0)

    @property
    def denials(self) -> list[str]:
        return [message.reason for message in self.all_heard(Denied)]

    @property
    def roles(self) -> list[str]:
        return [message.role for message in self.all_heard(RoleChanged)]

    @property
    def events(self) -> list[Event]:
        return self.all_heard(Event)

    @property
    def awareness(self) -> list[bytes]:
        return [message.payload for message in self.all_heard(Awareness)]


class CountingLayer(InMemoryChannelLayer):
    """Says how many received a message, as Redis does, and what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> int:
        self.sent.append(message["type"])
        await super().group_send(group, message)
        return len(self.groups.get(group, ()))


class Stage:
    """One document, one log, one layer; as many rooms as there are processes in the story."""

    def __init__(self, conf: Conf) -> None:
        self.document_id = uuid4()
        self.conf = conf
        self.log = Log()
        self.layer = CountingLayer()
        self.roles: dict[str, Role | None] | None = {}
        self._underway = Underway(None, "", max_bytes=0)  # as if all were one process
        self._tasks: dict[Room, list[asyncio.Task[None]]] = {}

    async def room(self, *, is_alone: bool = True, commits: bool = True) -> Room:
        """Open a room, as if in a process of its own; one that never ``commits`` dies before."""
        journal = Journal(
            self.log.append if commits else self._hangs,
            merge,
            interval_s=self.conf.commit_interval_ms / 1000,
            max_pending_bytes=self.conf.max_pending_bytes,
        )
        room = await self._opened(journal, is_alone=is_alone)
        self._tasks[room].append(asyncio.create_task(journal.run()))
        return room

    async def room_after(self, room: Room) -> Room:
        """The next one in the same process, after this one has failed."""
        room.fail(Unavailable("to be loaded again"))
        await room.close()
        *tasks, journal_task = self._tasks.pop(room)
        for task in tasks:
            task.cancel()
        again = await self._opened(room._journal, is_alone=False)
        self._tasks[again].append(journal_task)
        return again

    async def _opened(self, journal: Journal, *, is_alone: bool) -> Room:
        seat = Seat(self.layer, group_of(self.document_id), is_alone=is_alone)
        room = Room(
            self.document_id,
            seat=seat,
            journal=journal,
            conf=self.conf,
            read=self.log.read,
            quarantine=self.log.quarantine,
            fatal_updates=self.log.fatal_updates,
            underway=self._underway,
            standings=self._standings,
        )
        await room.open()
        self._tasks[room] = [asyncio.create_task(work) for work in (room.listen(), seat.run())]
        return room

    async def sweep(self) -> None:
        """What the hub does every few seconds."""
        for room in self._tasks:
            await room.heal(len(self.log.updates))

    def kill(self, room: Room) -> None:
        """Its process is gone, with all that it had not committed."""
        for task in self._tasks.pop(room):
            task.cancel()

    async def _hangs(self, batch: Mapping[UUID, Sequence[Row]]) -> dict[UUID, int]:
        await asyncio.Event().wait()
        raise AssertionError

    async def player(
        self, room: Room, name: str, role: Role = Role.EDITOR, **wishes: bool
    ) -> Player:
        player = Player(room, name, role, Wishes(**wishes))
        await player.syncs()
        return player

    async def _standings(
        self, document_id: UUID, principals: Sequence[Principal]
    ) -> list[Standing] | None:
        if self.roles is None:
            return None
        return [Standing(self.roles[principal.name]) for principal in principals]

    async def unreadable(self, document_id: UUID, since: int) -> Stored:
        raise ConnectionError("the database is away")

    def end(self) -> None:
        for room in list(self._tasks):
            self.kill(room)


@asynccontextmanager
async def staged(**conf: Any) -> AsyncIterator[Stage]:
    """A stage with quick intervals; ``conf`` overrides settings."""
    quick = {"flush_interval_ms": 0, "commit_interval_ms": 0, "awareness_interval_ms": 0}
    stage = Stage(Conf(**{**quick, **conf}))
    yield stage
    stage.end()
