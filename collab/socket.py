"""The base of all our consumers: one connection from accept to close.

Turns a CollabError into a reason and a close code, limits what one client may send and how
many connections it may have, and counts, each in this one place. Differs from Channels' own
consumers in what they pay for each frame (measured): no channel per connection, no hop to
a thread per message. Knows nothing of documents or presence.
"""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from channels.consumer import AsyncConsumer
from django.conf import settings
from django.db import Error as DatabaseError

from collab import logs, metrics
from collab.addresses import address_of, network_of
from collab.errors import (
    NO_MORE_ACCESS,
    CollabError,
    ProtocolError,
    TooManyRequests,
    Unavailable,
)
from collab.flow import Flow
from collab.rates import Allowance, Places

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


_BURST_S = 10.0  # of both rates
_MESSAGES_IN_BURST = 4  # of the largest size
_FAREWELL_S = 1.0
_from_address = Places("from your network")


class Disconnected(Exception):
    """The client has gone."""


class SocketConsumer(AsyncConsumer):  # type: ignore[misc]
    """Subclasses implement ``converse``; it ends by returning, CollabError or Disconnected."""

    __slots__ = (
        "_bytes",
        "_counted",
        "_end",
        "_failure",
        "_messages",
        "_receive",
        "_send",
        "_was_refused",
        "flow",
        "scope",
        "was_offered",
    )

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scope = scope
        self.flow: Flow | None = scope.get("collab.flow")
        self._receive = receive
        self._send = send
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        logs.connection.set(secrets.token_hex(4))
        network = network_of(address_of(scope, settings.COLLAB.proxies))
        metrics.CONNECTIONS.inc()
        try:
            with _from_address.one(network, settings.COLLAB.max_connections_per_address):
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
        finally:
            metrics.CONNECTIONS.dec()

    def _begin_counting(self) -> None:
        conf = settings.COLLAB
        now = time.monotonic()
        self._counted = 0  # frames that wait and were counted as they came
        self._was_refused = False
        self.was_offered = False  # whether ``take_now`` has had the frame that came first
        self._end: Disconnected | CollabError | None = None
        self._failure: Exception | None = None  # of ``take_now``
        self._messages = Allowance(conf.max_messages_per_s, conf.max_messages_per_s * _BURST_S, now)
        burst = max(conf.max_bytes_per_s * _BURST_S, conf.max_message_bytes * _MESSAGES_IN_BURST)
        self._bytes = Allowance(conf.max_bytes_per_s, burst, now)

    async def converse(self) -> None:
        raise NotImplementedError

    def farewell(self, error: CollabError) -> bytes | None:
        """What to say before the close code; None for nothing."""
        return None

    async def receive_waiting(self, most: int) -> list[bytes]:
        """The next binary frame, and others that wait behind it.

        Taken together they are dealt with faster than they come: a client of whom one frame had
        to wait must not stay in the queue for good. Raises Disconnected, ProtocolError for a text
        frame, or TooManyRequests.
        """
        if self._end is not None:
            raise self._end
        if self.flow is None:
            return [self._taken(await self._receive())]
        self.flow.listen(self._offer)
        try:
            message = await self._receive()
        finally:
            self.flow.listen(None)
        frames = [self._taken(message)]
        was_offered = self.was_offered
        try:
            while self.flow.unread and len(frames) < most:
                frames.append(self._taken(await self._receive()))
        except (Disconnected, CollabError) as end:  # first, what came before it
            self._end = end
        self.was_offered = was_offered
        return frames

    def _taken(self, message: dict[str, Any]) -> bytes:
        """The frame in a message, counted."""
        if self._failure is not None:
            raise self._failure
        if message["type"] == "websocket.disconnect":
            raise Disconnected
        frame = message.get("bytes")
        size = len(frame or message.get("text") or "")
        if self.flow is not None:
            self.flow.taken(size)
        self.was_offered, self._was_refused = self._was_refused, False
        if self._counted:
            self._counted -= 1
        else:
            self._count(1, size)
        if frame is None:
            raise ProtocolError("text frame; this endpoint speaks binary frames only")
        return bytes(frame)

    def _offer(self, frames: Sequence[bytes]) -> int:
        """How many of the frames that came while ``receive_waiting`` waits are dealt with.

        The others are the very next ones that it gets.
        """
        try:
            self._count(len(frames), sum(map(len, frames)))
        except TooManyRequests:  # which is found out one by one, in the task's turn
            return 0
        try:
            taken = self.take_now(frames)
        except Exception as error:  # here it would be nobody's: ``_taken`` raises it
            self._failure, taken = error, 0
        self._counted = len(frames) - taken
        self._was_refused = self._counted > 0
        return taken

    def take_now(self, frames: Sequence[bytes]) -> int:
        """Act on frames at once, without the task's turn; on how many of them, from the first on.

        With the next one nothing has happened, and ``receive_waiting`` brings it; ``was_offered``
        then.
        """
        return 0

    def _count(self, frames: int, size: int) -> None:
        """Count so many frames of so many bytes together. Raises TooManyRequests."""
        now = time.monotonic()
        if not self._messages.has(frames, now):
            limit = settings.COLLAB.max_messages_per_s
            raise TooManyRequests(f"too many messages; there may be {limit:,.0f} a second")
        if not self._bytes.take(size, now):
            limit = settings.COLLAB.max_bytes_per_s
            raise TooManyRequests(f"too many bytes; there may be {limit:,.0f} a second")
        self._messages.take(frames, now)
        metrics.FRAMES_IN.inc(frames)
        metrics.BYTES_IN.inc(size)

    async def send_bytes(self, frame: bytes) -> None:
        """Send one frame as soon as the transport has sent what it had."""
        metrics.FRAMES_OUT.inc()
        metrics.BYTES_OUT.inc(len(frame))
        if self.flow is not None:
            await self.flow.send(frame)
        else:
            await self._send({"type": "websocket.send", "bytes": frame})

    def send_now(self, frame: bytes) -> bool:
        """Send one frame if the transport can take it at once; whether it did."""
        if self.flow is None or not self.flow.send_now(frame):
            return False
        metrics.FRAMES_OUT.inc()
        metrics.BYTES_OUT.inc(len(frame))
        return True

    def unsent_bytes(self) -> int:
        """What the transport has still to send."""
        return self.flow.unsent_bytes() if self.flow is not None else 0

    async def _refuse(self, error: CollabError) -> None:
        metrics.REFUSED.labels(error.code).inc()
        metrics.CLOSES.labels(error.close_code).inc()
        logger.info("sent away", extra={"reason": error.code, "close_code": error.close_code})
        # Daphne drops the reason of a close frame, so the reason goes ahead as a message; not
        # by way of ``send_bytes``: who does not read must not keep us.
        if (words := self.farewell(error)) is not None and await self._may_speak(error):
            await self._send({"type": "websocket.send", "bytes": words})
        await self._send({"type": "websocket.close", "code": error.close_code})

    async def _may_speak(self, error: CollabError) -> bool:
        """Whether words can follow: not amid a message that may not be ended, or cannot be."""
        if self.flow is None or not self.flow.is_amid_message:
            return True
        if isinstance(error, NO_MORE_ACCESS):
            return False
        return await self.flow.finish(within_s=_FAREWELL_S)


def _first(errors: BaseExceptionGroup[CollabError]) -> CollabError:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, CollabError)
    return error
