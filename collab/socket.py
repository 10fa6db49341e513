"""The base of all our consumers: one connection from accept to close.

Turns a CollabError into a reason and a close code, limits what one client may send and how
many connections it may have, and counts, each in this one place. Differs from Channels' own
consumers in what they pay for each frame (measured): no channel per connection, no hop to
a thread per message. Knows nothing of documents or presence.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from channels.consumer import AsyncConsumer
from django.conf import settings
from django.db import Error as DatabaseError

from collab import logs, metrics
from collab.addresses import address_of
from collab.errors import CollabError, ProtocolError, TooManyRequests, Unavailable
from collab.flow import Flow
from collab.rates import Allowance, Places

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


_BURST_S = 10.0  # of both rates
_MESSAGES_IN_BURST = 4  # of the largest size
_from_address = Places("from your network")


class Disconnected(Exception):
    """The client has gone."""


class SocketConsumer(AsyncConsumer):  # type: ignore[misc]
    """Subclasses implement ``converse``; it ends by returning, CollabError or Disconnected."""

    scope: dict[str, Any]

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scope = scope
        self.flow: Flow | None = scope.get("collab.flow")
        self._receive = receive
        self._send = send
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        with metrics.CONNECTIONS.track_inprogress():
            await self._serve()

    async def _serve(self) -> None:
        logs.connection.set(secrets.token_hex(4))
        address = address_of(self.scope, settings.COLLAB.proxies)
        try:
            with _from_address.one(address, settings.COLLAB.max_connections_per_address):
                self._begin_counting()
                await self.converse()
        except* Disconnected:
            pass
        except* CollabError as errors:
            await self._refuse(_first(errors))
        except* DatabaseError as errors:
            logger.warning("database away", extra={"error": f"{errors.exceptions[0]!r:.200}"})
            await self._refuse(Unavailable("nobody can be let in at the moment; connect again"))
        except* Exception:
            logger.exception("consumer failed")
            await self._refuse(CollabError("something went wrong here; it has been noted"))

    def _begin_counting(self) -> None:
        conf = settings.COLLAB
        self._clock = asyncio.get_running_loop().time
        now = self._clock()
        self._messages = Allowance(conf.max_messages_per_s, conf.max_messages_per_s * _BURST_S, now)
        burst = max(conf.max_bytes_per_s * _BURST_S, conf.max_message_bytes * _MESSAGES_IN_BURST)
        self._bytes = Allowance(conf.max_bytes_per_s, burst, now)

    async def converse(self) -> None:
        raise NotImplementedError

    def farewell(self, error: CollabError) -> bytes | None:
        """What to say before the close code; None for nothing."""
        return None

    async def receive_bytes(self) -> bytes:
        """The next binary frame.

        Raises Disconnected, ProtocolError for a text frame, or TooManyRequests.
        """
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise Disconnected
        frame = message.get("bytes")
        self._count(len(frame or message.get("text") or ""))
        if frame is None:
            raise ProtocolError("text frame; this endpoint speaks binary frames only")
        return bytes(frame)

    def _count(self, size: int) -> None:
        if self.flow is not None:
            self.flow.taken(size)
        metrics.FRAMES_IN.inc()
        metrics.BYTES_IN.inc(size)
        now = self._clock()
        if not self._messages.take(1, now):
            limit = settings.COLLAB.max_messages_per_s
            raise TooManyRequests(f"too many messages; there may be {limit:,.0f} a second")
        if not self._bytes.take(size, now):
            limit = settings.COLLAB.max_bytes_per_s
            raise TooManyRequests(f"too many bytes; there may be {limit:,.0f} a second")

    async def send_bytes(self, frame: bytes) -> None:
        """Send one frame as soon as the transport has sent what it had."""
        if self.flow is not None:
            await self.flow.writable()
        metrics.FRAMES_OUT.inc()
        metrics.BYTES_OUT.inc(len(frame))
        await self._send({"type": "websocket.send", "bytes": frame})

    async def _refuse(self, error: CollabError) -> None:
        metrics.REFUSED.labels(error.code).inc()
        metrics.CLOSES.labels(error.close_code).inc()
        logger.info("sent away", extra={"reason": error.code, "close_code": error.close_code})
        # Daphne drops the reason of a close frame, so the reason goes ahead as a message; not
        # by way of ``send_bytes``: who does not read must not keep us.
        if (words := self.farewell(error)) is not None:
            await self._send({"type": "websocket.send", "bytes": words})
        await self._send({"type": "websocket.close", "code": error.close_code})


def _first(errors: BaseExceptionGroup[CollabError]) -> CollabError:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, CollabError)
    return error
