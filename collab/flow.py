"""Flow control of one connection, which Daphne does not have: both of its buffers are unbounded.

Out: ``writable`` waits while the transport still holds more than it likes to. In: a
WebSocket client that sends faster than we take is not read from. Twisted calls the camelCase
methods (``IPushProducer``); the server attaches one to each scope as ``scope["collab.flow"]``.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from collab.flag import Flag
from collab.frames import binary_frames, whole_frame

_MAX_UNREAD = 256  # messages that Daphne has parsed and nobody has taken
_MAX_UNREAD_BYTES = 1024 * 1024
_MAX_IN_A_ROW = 256  # messages of one read that are dealt with at once; the others take turns
_NOTHING: Iterator[bytes] = iter(())
_FRAGMENT_BYTES = 64 * 1024  # of a large message, held by the transport at once


class Flow:
    """``transport`` is Twisted's TCP transport."""

    __slots__ = (
        "_in_a_row",
        "_is_amid_message",
        "_is_open",
        "_is_reading",
        "_is_writable",
        "_rest",
        "_take",
        "_transport",
        "_unread",
        "_unread_bytes",
    )

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._is_writable = Flag(is_set=True)
        self._take: Callable[[Sequence[bytes]], int] | None = None
        self._in_a_row = 0
        self._unread = 0
        self._unread_bytes = 0
        self._is_reading = True
        self._is_open = False
        self._is_amid_message = False
        self._rest = _NOTHING

    def begin(self) -> None:
        """Of a WebSocket: hear from the transport, in place of the HTTP channel it came from."""
        self._is_open = True
        self._transport.unregisterProducer()
        self._transport.registerProducer(self, True)

    # -- Out --------------------------------------------------------------------------------
    def end(self) -> None:
        """Of a WebSocket: its closing has begun; no message may follow."""
        self._is_open = False

    async def writable(self) -> None:
        """Return when the transport has sent what it had."""
        await self._is_writable.wait()

    @property
    def is_writable(self) -> bool:
        return self._is_writable.is_set()

    @property
    def is_amid_message(self) -> bool:
        """Whether a message was begun and not ended: only a close may follow."""
        return self._is_amid_message

    def send_now(self, message: bytes) -> bool:
        """Send a WebSocket message at once, if nothing else waits to be sent; whether it was.

        Saves a task's turn, autobahn's framing and two system calls for every frame.
        """
        transport = self._transport
        if not self._may_send or len(message) > _FRAGMENT_BYTES or not self._is_writable.is_set():
            return False
        if transport.dataBuffer or transport._tempDataBuffer or self._is_amid_message:
            return False
        frame = whole_frame(message)
        try:
            sent = transport.socket.send(frame)
        except BlockingIOError:
            sent = 0
        except OSError:  # the connection is lost: let the transport find out
            return False
        if sent < len(frame):
            transport.write(frame[sent:])
        return True

    async def send(self, message: bytes) -> None:
        """Send a WebSocket message as fast as the transport takes it.

        In fragments: however many are sent the same large state at once, nothing is copied but
        what is under way.
        """
        self._rest = binary_frames(message, _FRAGMENT_BYTES)
        self._is_amid_message = True
        await self._send_rest()

    async def finish(self, within_s: float) -> bool:
        """Go on with a message that was given up; whether it is out, so that another may follow."""
        try:
            async with asyncio.timeout(within_s):
                await self._send_rest()
        except TimeoutError:
            return False
        return True

    async def _send_rest(self) -> None:
        while self._is_amid_message:
            await self.writable()
            frame = next(self._rest, None)
            if frame is None:
                self._is_amid_message, self._rest = False, _NOTHING
            elif self._may_send:
                self._transport.write(frame)

    @property
    def _may_send(self) -> bool:
        return self._is_open and self._transport.connected and not self._transport.disconnecting

    def abort(self) -> None:
        """Drop the connection, with all that the client has not read."""
        self._transport.abortConnection()

    def unsent_bytes(self) -> int:
        """What the transport has still to send."""
        transport = self._transport
        return int(len(transport.dataBuffer) - transport.offset + transport._tempDataLen)

    def pauseProducing(self) -> None:
        self._is_writable.clear()

    def resumeProducing(self) -> None:
        self._is_writable.set()
        if self._transport.disconnecting:
            self._transport.unregisterProducer()  # or it would wait for us and never close

    def stopProducing(self) -> None:
        self._is_writable.set()

    # -- In ---------------------------------------------------------------------------------
    def listen(self, take: Callable[[Sequence[bytes]], int] | None) -> None:
        """Offer binary messages to ``take`` first, if none before them waits to be taken."""
        self._take = take

    def begin_reading(self) -> None:
        """Something was read from the client."""
        self._in_a_row = 0

    def offer(self, messages: Sequence[bytes]) -> int:
        """How many of them, from the first on, were taken: they need not wait for a task's turn."""
        if self._take is None or self._unread:
            return 0
        some = messages[: _MAX_IN_A_ROW - self._in_a_row]
        self._in_a_row += len(some)
        return self._take(some) if some else 0

    @property
    def unread(self) -> int:
        """Messages that wait to be taken."""
        return self._unread

    def received(self, size: int) -> None:
        """A message of so many bytes waits to be taken."""
        self._unread += 1
        self._unread_bytes += size
        is_full = self._unread > _MAX_UNREAD or self._unread_bytes > _MAX_UNREAD_BYTES
        if is_full and self._is_reading:
            self._is_reading = False
            self._transport.pauseProducing()

    def taken(self, size: int) -> None:
        """A message of so many bytes was taken."""
        self._unread -= 1
        self._unread_bytes -= size
        is_half = self._unread <= _MAX_UNREAD // 2 and self._unread_bytes <= _MAX_UNREAD_BYTES // 2
        if is_half and not self._is_reading:
            self._is_reading = True
            self._transport.resumeProducing()
