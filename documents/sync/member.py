"""A member: one client in one room. Its role, what waits to be sent to it, the acks owed to it.

The room speaks to members synchronously; ``pump`` carries the frames to the socket, so that
no slow socket holds up a room. Knows no transport and no document.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from collab.accounts.principal import Principal
from collab.errors import CollabError, NoAccess, NotFound
from documents.models import Role
from documents.protocol.messages import Denied, Event, Message, RoleChanged, Saved
from documents.protocol.ywebsocket import encode_message
from presence.identity import Identity

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
        "_closing",
        "_committed",
        "_echoes",
        "_outbox",
        "_received",
        "_wake",
        "identity",
        "last_sent_at",
        "principal",
        "role",
        "wishes",
    )

    def __init__(
        self, principal: Principal, identity: Identity, role: Role, wishes: Wishes, *, now: float
    ) -> None:
        self.principal = principal
        self.identity = identity
        self.role = role
        self.wishes = wishes
        self.last_sent_at = now
        self._outbox: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._closing: CollabError | None = None
        # Updates received, committed and acknowledged, counted per connection.
        self._received = 0
        self._committed = 0
        self._acked = 0
        self._ack_limit: int | None = None
        self._echoes: list[bytes] = []

    # -- To the client ----------------------------------------------------------------------
    def send(self, frame: bytes, now: float) -> None:
        if self._closing is None:
            self._outbox.append(frame)
            self.last_sent_at = now
            self._wake.set()

    def send_message(self, message: Message, now: float) -> None:
        self.send(encode_message(message), now)

    def close(self, error: CollabError) -> None:
        """End this connection: what is queued still goes out, then ``pump`` returns the error.

        Nothing more goes to somebody without access.
        """
        if self._closing is None:
            if isinstance(error, NoAccess | NotFound):
                self._outbox.clear()
            self._closing = error
            self._wake.set()

    @property
    def may_write(self) -> bool:
        """Its role at this moment; nothing more once it is being sent away."""
        return self._closing is None and self.role.may_write

    @property
    def closing(self) -> CollabError | None:
        """Why this member is being sent away; None while it is welcome."""
        return self._closing

    async def pump(self, send: Callable[[bytes], Awaitable[None]]) -> CollabError:
        """Carry frames to the socket until the room closes this member; return why it did."""
        while True:
            while self._outbox:
                await send(self._outbox.popleft())
            if self._closing is not None:
                return self._closing
            self._wake.clear()
            await self._wake.wait()

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
