"""A member: one client in one room. Its role, what waits to be sent to it, the acks owed to it.

The room speaks to members synchronously; ``pump`` carries the frames to the socket, so that
no slow socket holds up a room. One that reads too slowly falls behind: it gets no more
increments, and one difference when it has read what was on its way. Knows no transport and
no document.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a client asked for in its URL: ``?ack=count``, ``?ack=echo``, ``?events=1``."""

    ack_count: bool = False
    ack_echo: bool = False
    events: bool = False


class Member:
    """``send`` queues a frame; nothing here awaits but ``pump``."""

    __slots__ = (
        "_ack_limit",
        "_acked",
        "_backlog_bytes",
        "_catch_up",
        "_closing",
        "_committed",
        "_drained",
        "_echoes",
        "_is_carried",
        "_is_urgent",
        "_level_bytes",
        "_max_backlog_bytes",
        "_moved_at",
        "_outbox",
        "_received",
        "_send_now",
        "_unsent_bytes",
        "_wake",
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
        send_now: Callable[[bytes], bool] = lambda _: False,
        unsent_bytes: Callable[[], int] = lambda: 0,
    ) -> None:
        """``send_now`` sends a frame if the transport has nothing else to send, and says whether
        it did; ``unsent_bytes`` says how much it has."""
        self.principal = principal
        self.identity = identity
        self.role = role
        self.wishes = wishes
        self.last_sent_at = now
        self.last_heard_at = now
        self.expires_at: datetime | None = None  # then its access has to be asked about
        self._outbox: deque[bytes] = deque()
        self._wake = Flag()
        self._is_carried = False  # until ``pump`` begins nothing is sent: it may be withdrawn yet
        self._closing: CollabError | None = None
        self._is_urgent = Flag()  # it is closed without another word
        # What is on its way to the client, and whether that moves.
        self._work = Allowance(max_work_share, max_work_share * _WORK_BURST_S, now)
        self._max_backlog_bytes = max_backlog_bytes
        self._send_now = send_now
        self._unsent_bytes = unsent_bytes
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
        if self._is_carried and not self._backlog_bytes and self._send_now(frame):
            return
        self._outbox.append(frame)
        self._backlog_bytes += len(frame)
        if self._backlog_bytes > self._max_backlog_bytes and self._drained.is_set():
            self._drained.clear()
            self._moved_at = now
        self._wake.set()

    def send_message(self, message: Message, now: float) -> None:
        self.send(encode_message(message), now)

    def close(self, error: CollabError) -> None:
        """End this connection: what is queued still goes out, then ``pump`` returns the error."""
        is_urgent = isinstance(error, _URGENT)
        if self._closing is None or (is_urgent and not self._is_urgent.is_set()):
            if is_urgent:
                self._outbox.clear()
                self._is_urgent.set()
            self._closing = error
            self._wake.set()

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

    async def pump(self, send: Callable[[bytes], Awaitable[None]]) -> CollabError:
        """Carry frames to the socket until the room closes this member; return why it did."""
        self._is_carried = True
        while True:
            while self._outbox:
                frame = self._outbox.popleft()
                await send(frame)
                self._backlog_bytes -= len(frame)
            if self._closing is not None:
                return self._closing
            self._drain()
            if not self._outbox:
                self._wake.clear()
                await self._wake.wait()

    def charge(self, seconds: float, now: float) -> None:
        """Count work that was done for it. Raises TooManyRequests after more than its share."""
        if not self._work.spend(seconds, now):
            raise TooManyRequests("you ask for more work than one connection may; slow down")

    async def must_go(self) -> CollabError:
        """Return as soon as this member is to be closed without another word."""
        await self._is_urgent.wait()
        assert self._closing is not None
        return self._closing

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
        level = self._backlog_bytes + self._unsent_bytes()
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
