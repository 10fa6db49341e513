"""A room: one document in this process. Its replica and its members.

Data flows one way: frame → guard → replica → {members now, bus now, journal soon} → commit →
ack. Everything here runs on the event loop and between two awaits the room is whole: that is
what makes it the one owner of its replica. Authorization has happened before ``join``; the
role is looked at again on every write.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from collab.accounts.principal import Principal
from collab.conf import Conf
from collab.errors import CollabError, InvalidUpdate, NoAccess, NotFound, Unavailable
from documents.models import Role
from documents.protocol.messages import (
    Awareness,
    Event,
    Message,
    QueryAwareness,
    SyncStep1,
    SyncStep2,
    Update,
)
from documents.protocol.ywebsocket import encode_message
from documents.sync.bus import Seat
from documents.sync.cursors import Cursors
from documents.sync.fanout import Fanout
from documents.sync.guard import Scan
from documents.sync.intake import Intake
from documents.sync.journal import Journal, Owed
from documents.sync.log import Stored
from documents.sync.member import Member
from documents.sync.replica import EMPTY_STATE_VECTOR, Replica, ReplicaBroken, merge
from documents.sync.salvage import load_what_can_be

logger = logging.getLogger(__name__)

_RETRY_S = 1.0
# An awareness update about nobody: harmless to every client, and a message all the same.
HEARTBEAT = encode_message(Awareness(b"\x00"))


class Room:
    """Made by the hub. ``read``, ``quarantine`` and ``roles`` are the room's database."""

    def __init__(
        self,
        document_id: UUID,
        *,
        seat: Seat,
        journal: Journal,
        conf: Conf,
        read: Callable[[UUID, int], Awaitable[Stored]],
        quarantine: Callable[[UUID, bytes, str, str], Awaitable[None]],
        roles: Callable[[UUID, Sequence[Principal]], Awaitable[list[Role | None] | None]],
    ) -> None:
        self.document_id = document_id
        self.members: set[Member] = set()
        self.head = 0
        self.empty_since: float | None = None
        self._seat = seat
        self._journal = journal
        self._conf = conf
        self._read = read
        self._quarantine = quarantine
        self._roles = roles
        self._replica = Replica()
        self._intake = Intake(conf)
        self._fanout = Fanout(self.members, conf, publish=partial(seat.publish, "document.update"))
        self._cursors = Cursors(
            conf, send=self._fanout.send, publish=partial(seat.publish, "document.awareness")
        )
        self._loop = asyncio.get_running_loop()
        self._serving = asyncio.Event()
        self._failure: CollabError | None = None
        self._acks_due: set[Member] = set()
        self._base: bytes = b""
        self._base_frames: list[bytes] = []

    # -- Life -------------------------------------------------------------------------------
    async def open(self) -> None:
        """Take the seat, then load: what is committed in between arrives by the bus."""
        started = self._loop.time()
        await self._seat.take()
        self._journal.register(self.document_id, self._settled)
        await self._load()
        self.empty_since = self._loop.time()
        logger.info(
            "room opened",
            extra={
                "document": self.document_id,
                "head": self.head,
                "bytes": self._replica.size_bytes,
                "ms": round((self._loop.time() - started) * 1000),
            },
        )

    async def close(self) -> None:
        """Leave the group. Only when nobody is here and nothing is owed to the log."""
        self._fanout.close()
        self._cursors.close()
        self._journal.forget(self.document_id)
        await self._seat.leave()
        logger.info("room closed", extra={"document": self.document_id, "head": self.head})

    async def renew_seat(self) -> None:
        await self._seat.renew()

    def may_close(self, now: float) -> bool:
        """Whether the last member left long enough ago and the log has everything."""
        return (
            self.empty_since is not None
            and now - self.empty_since >= self._conf.room_grace_s
            and not self._journal.is_pending(self.document_id)
        )

    async def listen(self) -> None:
        """Hear the document's group, for ever."""
        while True:
            try:
                message, has_gap = await self._seat.next_message()
            except Exception:  # the layer is away; redis-py and channels-redis have no base
                logger.exception("bus away", extra={"document": self.document_id})
                await asyncio.sleep(_RETRY_S)
                continue
            while not await self._is_heard(message, has_gap=has_gap):  # noqa: ASYNC110
                await asyncio.sleep(_RETRY_S)

    async def _is_heard(self, message: dict[str, Any], *, has_gap: bool) -> bool:
        """Act on a message; False if the database was away: what it said must not be forgotten."""
        extra = {"document": self.document_id, "kind": message["type"]}
        try:
            await self._serving.wait()
            await self._hear(message)
            if has_gap:
                logger.warning("bus gap", extra=extra)
                await self.catch_up()
        except CollabError as error:
            logger.warning("bus message refused", extra={**extra, "error": error.code})
        except Exception:
            logger.exception("bus message not handled", extra=extra)
            return False
        return True

    async def catch_up(self) -> None:
        """Fetch from the log what the bus did not bring."""
        stored = await self._read(self.document_id, self.head)
        if stored.parts:  # together: one row may depend on another that was committed after it
            await self._apply_foreign(merge(stored.parts))
        self.head = max(self.head, stored.head)

    async def _load(self) -> None:
        """(Re)build the replica: the log, and what this process still owes it."""
        owed = self._journal.pending(self.document_id)  # before the read: it may commit meanwhile
        stored = await self._read(self.document_id, 0)
        self._replica, left_out = load_what_can_be([*stored.parts, *owed])
        if left_out:
            logger.error(
                "updates left out",
                extra={"document": self.document_id, "bytes": sum(map(len, left_out))},
            )
        self.head = stored.head
        self._serving.set()

    # -- Members ----------------------------------------------------------------------------
    def join(self, member: Member) -> None:
        """Welcome a member that has been authorized: our state vector, and who is here."""
        if self._failure is not None:
            raise self._failure
        greeting = encode_message(SyncStep1(self._replica.state_vector()))
        self.members.add(member)
        self.empty_since = None
        now = self._loop.time()
        member.send(greeting, now)
        if not self._cursors.is_empty:
            member.send_message(self._cursors.everybody(), now)

    def leave(self, member: Member) -> None:
        self.members.discard(member)
        self._cursors.leave(member)
        if not self.members:
            self.empty_since = self._loop.time()

    async def receive(self, member: Member, message: Message) -> None:
        """Act on one message of a member. Raises CollabError: the member is to be closed."""
        await self._serving.wait()
        if (end := self._failure or member.closing) is not None:
            raise end
        match message:
            case SyncStep1(state_vector):
                self._answer(member, state_vector)
            case SyncStep2(update):
                await self._ingest(member, update, is_answer=True)
            case Update(update):
                await self._ingest(member, update, is_answer=False)
            case Awareness(payload):
                self._cursors.receive(member, payload)
            case QueryAwareness():
                member.send_message(self._cursors.everybody(), self._loop.time())

    def tick(self, now: float) -> None:
        """Once a second: forget cursors that nobody renewed, speak where there is silence."""
        if self._replica.is_broken and self._serving.is_set():
            # It broke while reading: nobody is to blame, and whoever comes loads it anew.
            self.fail(Unavailable("the document has to be loaded again; connect again"))
        self._cursors.expire(now)
        silent_since = now - self._conf.heartbeat_s
        for member in self.members:
            if member.last_sent_at <= silent_since:
                member.send(HEARTBEAT, now)

    # -- Reading ----------------------------------------------------------------------------
    def _answer(self, member: Member, state_vector: bytes) -> None:
        now = self._loop.time()
        if state_vector == EMPTY_STATE_VECTOR:
            state = self._replica.state()
            if state.base is not self._base:
                self._base = state.base
                self._base_frames = self._encode_base(state.base)
            for frame in self._base_frames:
                member.send(frame, now)
            missing = state.tail
        else:
            missing = self._replica.difference(state_vector)
        *parts, last = self._fanout.parts(missing)
        for part in parts:
            member.send_message(Update(part), now)
        member.send_message(SyncStep2(last), now)

    def _encode_base(self, base: bytes) -> list[bytes]:
        if not base:
            return []
        logger.info("state encoded", extra={"document": self.document_id, "bytes": len(base)})
        return self._fanout.update_frames([base])

    # -- Writing ----------------------------------------------------------------------------
    async def _ingest(self, member: Member, update: bytes, *, is_answer: bool) -> None:
        number = member.count_update()
        if not member.may_write and not is_answer:
            member.deny(number, "read-only", self._loop.time())
            return
        update, scan = await self._checked(update)
        if not self._replica.would_change_by(scan):
            # Known, but perhaps only to memory: the ack waits for what is still owed.
            self._owe(member, number, b"")
            return
        if member.may_write:
            self._intake.refuse_growth(self._replica, update, scan)
            await self._intake.refuse_nesting(self._replica, update, scan)
            await self._serving.wait()
        if not member.may_write:  # at this moment: it may have changed while we waited
            member.deny(number, "read-only", self._loop.time())
            return
        self._journal.ensure_capacity(len(update))
        try:
            self._replica.apply(update, scan)
        except ReplicaBroken as error:
            await self._rebuild(update, scan, str(error), member)
        self._owe(member, number, update)
        self._fanout.relay(update, member)

    async def _checked(self, update: bytes) -> tuple[bytes, Scan]:
        checked = await self._intake.check(update)
        await self._serving.wait()  # it may have been rebuilt meanwhile
        return checked

    def _owe(self, member: Member, number: int, update: bytes) -> None:
        settle = partial(self._committed, member, number, update)
        if not update and not self._journal.is_pending(self.document_id):
            settle()
            self._send_acks()
            return
        author = member.principal
        self._journal.owe(
            self.document_id, Owed(update, author.user_id, member.identity.name, settle)
        )

    def _committed(self, member: Member, number: int, update: bytes) -> None:
        member.note_committed(number, update)
        self._acks_due.add(member)

    def _settled(self, head: int | None, rows: int) -> None:
        """The journal has committed what was owed; None: the document does not exist any more."""
        if head is None:
            self.fail(NotFound("the document was deleted"))
            return
        if head - rows == self.head:  # otherwise rows of other processes stand between
            self.head = head
        self._send_acks()

    def _send_acks(self) -> None:
        now = self._loop.time()
        for member in self._acks_due:
            member.send_acks(self._fanout.update_frames, now)
        self._acks_due.clear()

    async def _rebuild(self, update: bytes, scan: Scan, reason: str, member: Member) -> None:
        """The replica broke over ``update``: start again from the log.

        Returns with the update applied if it was not to blame: what breaks pycrdt may have
        waited here, sent by somebody else, for the innocent update that brings its neighbours.
        Otherwise the update is kept away and InvalidUpdate raised.
        """
        had_unresolved = self._replica.has_unresolved
        extra = {"document": self.document_id, "by": member.identity.id, "bytes": len(update)}
        logger.error("replica broke", extra=extra)
        await self._reload()
        if had_unresolved:
            if self._applies_without_unresolved(update, scan):
                logger.error("unresolved updates left out", extra=extra)
                return
            await self._reload()
        await self._quarantine(self.document_id, update, reason, member.identity.name)
        raise InvalidUpdate("the update cannot be applied")

    async def _reload(self) -> None:
        """Start again from the log; if that is not possible, everybody is sent away."""
        self._serving.clear()
        try:
            await self._load()
        except Exception as error:
            unavailable = Unavailable("the document cannot be loaded at the moment")
            self.fail(unavailable)
            raise unavailable from error
        finally:
            self._serving.set()

    def _applies_without_unresolved(self, update: bytes, scan: Scan) -> bool:
        try:
            self._replica = self._replica.without_unresolved()
            self._replica.apply(update, scan)
        except (ReplicaBroken, CollabError):
            return False
        return True

    def fail(self, error: CollabError) -> None:
        """Close everybody with ``error``, now and whoever comes: the hub drops this room."""
        self._failure = error
        for member in self.members:
            member.close(error)

    @property
    def has_failed(self) -> bool:
        return self._failure is not None

    # -- From other processes ---------------------------------------------------------------
    async def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "document.update":
                await self._apply_foreign(message["payload"])
            case "document.awareness":
                self._cursors.receive_remote(message["payload"])
            case "document.event":
                now = self._loop.time()
                event = Event(message["event"], message["data"])
                for member in self.members:
                    member.tell(event, now)
            case "access.changed":
                await self.recheck_access()
            case unknown:
                logger.warning("unknown bus message", extra={"kind": unknown})

    async def _apply_foreign(self, update: bytes) -> None:
        """Apply what another process has checked and applied before."""
        update, scan = await self._checked(update)
        if not self._replica.would_change_by(scan):
            return
        try:
            self._replica.apply(update, scan)
        except ReplicaBroken:
            logger.exception("replica broke", extra={"document": self.document_id})
            await self._reload()
            return
        self._fanout.relay(update, None)

    async def recheck_access(self, members: Sequence[Member] | None = None) -> None:
        """Ask again what (all) members may do: downgrade in place, or send away."""
        members = list(self.members) if members is None else members
        roles = await self._roles(self.document_id, [member.principal for member in members])
        if roles is None:
            self.fail(NotFound("the document was deleted"))
            return
        now = self._loop.time()
        for member, role in zip(members, roles, strict=True):
            if role is None:
                member.close(NoAccess("your access to this document was withdrawn"))
            else:
                member.change_role(role, now)
