"""The base of all our consumers: one connection from accept to close.

Turns a CollabError into a reason and a close code, in one place. Differs from Channels' own
consumers in what they pay for each frame (measured): no channel per connection, no hop to
a thread per message. Knows nothing of documents or presence.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from channels.consumer import AsyncConsumer

from collab.errors import CollabError, ProtocolError

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Disconnected(Exception):
    """The client has gone."""


class SocketConsumer(AsyncConsumer):  # type: ignore[misc]
    """Subclasses implement ``converse``; it ends by returning, CollabError or Disconnected."""

    scope: dict[str, Any]

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        try:
            await self.converse()
        except* Disconnected:
            pass
        except* CollabError as errors:
            await self._refuse(_first(errors))
        except* Exception:
            logger.exception("consumer failed")
            await self._refuse(CollabError("something went wrong here; it has been noted"))

    async def converse(self) -> None:
        raise NotImplementedError

    def farewell(self, error: CollabError) -> bytes | None:
        """What to say before the close code; None for nothing."""
        return None

    async def receive_bytes(self) -> bytes:
        """The next binary frame. Raises Disconnected, or ProtocolError for a text frame."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise Disconnected
        frame = message.get("bytes")
        if frame is None:
            raise ProtocolError("text frame; this endpoint speaks binary frames only")
        return bytes(frame)

    async def send_bytes(self, frame: bytes) -> None:
        await self._send({"type": "websocket.send", "bytes": frame})

    async def _refuse(self, error: CollabError) -> None:
        # Daphne drops the reason of a close frame, so the reason goes ahead as a message.
        if (words := self.farewell(error)) is not None:
            await self.send_bytes(words)
        await self._send({"type": "websocket.close", "code": error.close_code})


def _first(errors: BaseExceptionGroup[CollabError]) -> CollabError:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, CollabError)
    return error
