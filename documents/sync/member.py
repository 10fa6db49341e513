"""A member: one client in one room. Its role, what waits to be sent to it, the acks owed to it.

The room speaks to members synchronously. Nearly every frame goes out at once; what the socket
does not take is carried to it by a task that lives as long as there is something to carry, so
that no slow socket holds up a room, and none that is idle costs a task. One that reads too
slowly falls behind: it gets no more increments, and one difference when it has read what was
on its way. Knows no transport and no document.
"""

from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from collab.accounts.principal import Principal
from collab.errors import NO_MORE_ACCESS, CollabError, TooManyRequests, Unresponsive
from collab.flag import Flag
from collab.rates import Allowance
from documents.models import Role
from documents.protocol.messages import Denied, Event, Message, RoleChanged, Saved
from documents.protocol.ywebsocket import encode_message
from presence.identity import Identity

# Nothing more goes to who may not see it, or does not read.
_URGENT = (*NO_MORE_ACCESS, Unresponsive)

_WORK_BURST_S = 20.0

UpdateFrames = Callable[[list[bytes]], list[bytes]]

# A deque has 0.7 KB, and most members never have anything to wait for. Nothing is put into this.
_NOTHING: Final[deque[bytes]] = deque()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a client asked for in its URL: ``?ack=count``, ``?ack=echo``, ``?events=1``."""

    ack_count: bool = False
    ack_echo: bool = False
    events: bool = False


class Connection(Protocol):
    """What a member needs of the consumer, which is not to be known here."""

    def send_now(self, frame: bytes) -> bool:
        """Send a frame if the transport has nothing else to send; whether it did."""

    async def send_bytes(self, frame: bytes) -> None:
        """Send a frame; return when the transport has it."""

    def unsent_bytes(self) -> int:
        """What the transport has still to send."""

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Make a task of what has to wait. With its error, if it has one, the connection ends."""


class Member:
    """``send`` sends a frame or queues it; nothing here awaits but what ``connect`` starts."""

    __slots__ = (
        "_ack_limit",
        "_acked",
        "_backlog_bytes",
        "_catch_up",
        "_closing",
        "_committed",
        "_connection",
        "_drained",
        "_echoes",
        "_is_carried",
        "_is_urgent",
        "_level_bytes",
        "_max_backlog_bytes",
        "_moved_at",
        "_outbox",
        "_received",
        "_work",
        "expires_at",
        "identity",
        "last_heard_at",
        "last_sent_at",
        "principal",
        "role",
        "wishes",
    )

    def __init__(
        self,
        principal: Principal,
        identity: Identity,
        role: Role,
        wishes: Wishes,
        *,
        now: float,
        max_backlog_bytes: int = 1024 * 1024,
        max_work_share: float = 0,
    ) -> None:
        self.principal = principal
        self.identity = identity
        self.role = role
        self.wishes = wishes
        self.last_sent_at = now
        self.last_heard_at = now
        self.expires_at: datetime | None = None  # then its access has to be asked about
        self._outbox = _NOTHING
        self._connection: Connection | None = None  # while it is connected
        self._is_carried = False  # somebody carries what waits, or will
        self._closing: CollabError | None = None
        self._is_urgent = False  # it is closed without another word
        # What is on its way to the client, and whether that moves.
        self._work = Allowance(max_work_share, max_work_share * _WORK_BURST_S, now)
        self._max_backlog_bytes = max_backlog_bytes
        self._backlog_bytes = 0
        self._level_bytes = 0
        self._moved_at = now
        self._drained = Flag(is_set=True)
        self._catch_up: Callable[[], None] | None = None
        # Updates received, committed and acknowledged, counted per connection.
        self._received = 0
        self._committed = 0
        self._acked = 0
        self._ack_limit: int | None = None
        self._echoes: list[bytes] = []

    # -- To the client ----------------------------------------------------------------------
    def send(self, frame: bytes, now: float) -> None:
        if self._closing is not None:
            return
        self.last_sent_at = now
        connection = self._connection
        if connection is not None and not self._backlog_bytes and connection.send_now(frame):
            return
        if self._outbox is _NOTHING:
            self._outbox = deque()
        self._outbox.append(frame)
        self._backlog_bytes += len(frame)
        if self._backlog_bytes > self._max_backlog_bytes and self._drained.is_set():
            self._drained.clear()
            self._moved_at = now
        self._have_it_carried()

    def send_message(self, message: Message, now: float) -> None:
        self.send(encode_message(message), now)

    def close(self, error: CollabError) -> None:
        """End this connection with ``error``, after what is queued; or if it is urgent, now."""
        is_urgent = isinstance(error, _URGENT)
        if self._closing is not None and (self._is_urgent or not is_urgent):
            return
        self._closing = error
        if not is_urgent:
            self._have_it_carried()
            return
        self._is_urgent = True
        self._outbox = _NOTHING
        if self._connection is not None:  # whoever carries may be in the middle of a frame
            self._connection.start(self._expel())
            self.disconnect()

    @property
    def may_write(self) -> bool:
        """Its role at this moment; nothing more once it is being sent away."""
        return self._closing is None and self.role.may_write

    def about_to_write(self) -> None:
        """Its edit is applied right after this. Raises CollabError: it is not wanted any more."""

    @property
    def closing(self) -> CollabError | None:
        """Why this member is being sent away; None while it is welcome."""
        return self._closing

    # -- By the socket ----------------------------------------------------------------------
    def connect(self, connection: Connection) -> None:
        """Send from now on; before this it may still be withdrawn."""
        self._connection = connection
        if self._outbox or self._closing is not None:
            self._have_it_carried()

    def disconnect(self) -> None:
        """Nothing is sent or started any more."""
        self._connection = None

    def _have_it_carried(self) -> None:
        if self._connection is not None and not self._is_carried:
            self._is_carried = True
            self._connection.start(self._carry(self._connection))

    async def _carry(self, connection: Connection) -> None:
        """Carry to the socket what waits. Raises what the room has closed this member with."""
        is_done = False
        try:
            while True:
                while self._outbox:
                    frame = self._outbox.popleft()
                    await connection.send_bytes(frame)
                    self._backlog_bytes -= len(frame)
                if self._closing is not None:
                    raise self._closing
                self._drain()
                if not self._outbox and self._closing is None:
                    break
            self._outbox = _NOTHING
            is_done = True
        finally:
            self._is_carried = False
            if not is_done:  # the connection is at its end
                self.disconnect()

    async def _expel(self) -> None:
        assert self._closing is not None
        raise self._closing

    def charge(self, seconds: float, now: float) -> None:
        """Count work that was done for it. Raises TooManyRequests after more than its share."""
        if not self._work.spend(seconds, now):
            raise TooManyRequests("you ask for more work than one connection may; slow down")

    # -- Slow readers -----------------------------------------------------------------------
    @property
    def is_over(self) -> bool:
        """Whether more is on its way to it than may be, or was until it has read it all."""
        return not self._drained.is_set()

    @property
    def is_behind(self) -> bool:
        """Whether it gets no increments, because it will get a difference."""
        return self._catch_up is not None

    def fall_behind(self, catch_up: Callable[[], None]) -> None:
        """Have ``catch_up`` called when all that is on its way has been read."""
        self._catch_up = catch_up

    async def drained(self) -> None:
        """Return when it may be answered: nobody can make us pile up answers by not reading."""
        await self._drained.wait()

    def is_stuck(self, now: float, timeout_s: float) -> bool:
        """Whether nothing of what is on its way has moved for so long."""
        unsent_bytes = self._connection.unsent_bytes() if self._connection is not None else 0
        level = self._backlog_bytes + unsent_bytes
        if not self.is_over or level < self._level_bytes:
            self._moved_at = now
        self._level_bytes = level
        return now - self._moved_at >= timeout_s

    def _drain(self) -> None:
        self._drained.set()
        if self._catch_up is not None:
            catch_up, self._catch_up = self._catch_up, None
            catch_up()

    # -- Roles and events -------------------------------------------------------------------
    def change_role(self, role: Role, now: float) -> None:
        if role != self.role:
            self.role = role
            if self.wishes.events or self.wishes.ack_count:
                self.send_message(RoleChanged(role.key), now)

    def tell(self, event: Event, now: float) -> None:
        if self.wishes.events:
            self.send_message(event, now)

    # -- Acknowledgements -------------------------------------------------------------------
    @property
    def wants_acks(self) -> bool:
        """Whether it is to be told of commits at all."""
        return self.wishes.ack_count or self.wishes.ack_echo

    def count_update(self) -> int:
        """Count one received sync message that carries an update; return its number."""
        self._received += 1
        return self._received

    def deny(self, number: int, reason: str, now: float) -> None:
        """Refuse update ``number`` and go on. It is never committed: acks stop short of it."""
        if self._ack_limit is None:
            self._ack_limit = number - 1
        self.send_message(Denied(reason), now)

    def note_committed(self, number: int, update: bytes) -> None:
        """Update ``number`` is in the log. Said to the client by the next ``send_acks``."""
        self._committed = max(self._committed, number)
        if self.wishes.ack_echo and update:
            self._echoes.append(update)

    def send_acks(self, update_frames: UpdateFrames, now: float) -> None:
        """Tell the client what has been committed since it was last told."""
        if self._echoes:
            for frame in update_frames(self._echoes):
                self.send(frame, now)
            self._echoes = []
        if self.wishes.ack_count:
            count = self._committed
            if self._ack_limit is not None:
                count = min(count, self._ack_limit)
            if count > self._acked:
                self._acked = count
                self.send_message(Saved(count), now)
