"""Flow control of one connection, which Daphne does not have: both of its buffers are unbounded.

Out: ``writable`` waits while the transport still holds more than it likes to (64 KiB). In: a
WebSocket client that sends faster than we take is not read from. Twisted calls the camelCase
methods (``IPushProducer``); the server attaches one to each scope as ``scope["collab.flow"]``.
"""

import asyncio
from typing import Any

_MAX_UNREAD = 256  # messages that Daphne has parsed and nobody has taken
_MAX_UNREAD_BYTES = 1024 * 1024


class Flow:
    """``transport`` is Twisted's TCP transport."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._is_writable = asyncio.Event()
        self._is_writable.set()
        self._unread = 0
        self._unread_bytes = 0
        self._is_reading = True

    def begin(self) -> None:
        """Of a WebSocket: hear from the transport, in place of the HTTP channel it came from."""
        self._transport.unregisterProducer()
        self._transport.registerProducer(self, True)

    # -- Out --------------------------------------------------------------------------------
    async def writable(self) -> None:
        """Return when the transport has sent what it had."""
        await self._is_writable.wait()

    @property
    def is_writable(self) -> bool:
        return self._is_writable.is_set()

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
