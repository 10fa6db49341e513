"""A room's seat in the channel layer: one channel in the document's group.

Messages are hints: they may be lost, and the log is the truth. Each carries its origin and
a counter, so that a loss is noticed. The only part of the engine that knows Channels.
"""

import asyncio
import logging
from collections import deque
from typing import Any, Protocol
from uuid import UUID, uuid4

logger = logging.getLogger(__name__)

_MAX_WAITING = 1000  # messages; beyond it the log has to heal what the bus did not carry


class Layer(Protocol):
    """What we use of a Channels layer: the in-memory one and the Redis ones."""

    async def new_channel(self, prefix: str = ...) -> str: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_discard(self, group: str, channel: str) -> None: ...
    async def group_send(self, group: str, message: dict[str, Any]) -> None: ...
    async def receive(self, channel: str) -> dict[str, Any]: ...


def group_of(document_id: UUID) -> str:
    """The name of a document's group in the channel layer."""
    return f"document.{document_id}"


class Seat:
    """``is_alone``: no other process can hear, so updates are not published at all."""

    def __init__(self, layer: Layer, document_id: UUID, *, is_alone: bool) -> None:
        self._layer = layer
        self._group = group_of(document_id)
        self._is_alone = is_alone
        self._origin = uuid4().hex
        self._counter = 0
        self._heard: dict[str, int] = {}
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_MAX_WAITING)
        self._wake = asyncio.Event()
        self._channel = ""

    async def take(self) -> None:
        """Join the group. Only after the first member has been authorized."""
        self._channel = await self._layer.new_channel()
        await self._layer.group_add(self._group, self._channel)

    async def renew(self) -> None:
        """Say again that we are here: layers forget a member after a day (``group_expiry``)."""
        await self._layer.group_add(self._group, self._channel)

    async def leave(self) -> None:
        await self._layer.group_discard(self._group, self._channel)

    async def next_message(self) -> tuple[dict[str, Any], bool]:
        """The next message of somebody else, and whether others were lost before it."""
        while True:
            message = await self._layer.receive(self._channel)
            origin = message.get("origin")
            if origin == self._origin:
                continue
            if origin is None:  # said by a request, not by a room
                return message, False
            expected = self._heard.get(origin, message["n"])
            self._heard[origin] = message["n"] + 1
            return message, message["n"] != expected

    def publish(self, kind: str, payload: bytes) -> None:
        """Queue a message for the rooms of this document in other processes."""
        if self._is_alone:
            return
        self._counter += 1
        self._waiting.append(
            {"type": kind, "origin": self._origin, "n": self._counter, "payload": payload}
        )
        self._wake.set()

    async def run(self) -> None:
        """Send what is queued, in order, for ever. A bus that is away loses messages."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                message = self._waiting.popleft()
                try:
                    await self._layer.group_send(self._group, message)
                except Exception as error:  # redis-py, channels-redis and OSError have no base
                    logger.warning("bus message lost", extra={"error": type(error).__name__})
