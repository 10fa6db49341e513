"""A room's seat in the channel layer: one channel in the document's group.

Messages are hints: they may be lost, and the log is the truth. Each carries its origin and
a counter, so that a loss is noticed. Every call has a timeout: a layer that hangs holds up
nobody. The only part of the engine that knows Channels.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID, uuid4

from collab import metrics
from documents.sync.solitude import Solitude

logger = logging.getLogger(__name__)

# Beyond these the log has to heal what the bus did not carry.
_MAX_WAITING = 1000  # messages
_MAX_WAITING_BYTES = 32 * 1024 * 1024
_TIMEOUT_S = 3.0
HERE = "document.here"  # said by who takes a seat


class Layer(Protocol):
    """What we use of a Channels layer; ``group_send`` may say how many processes received it."""

    async def new_channel(self, prefix: str = ...) -> str: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_discard(self, group: str, channel: str) -> None: ...
    async def group_send(self, group: str, message: dict[str, Any]) -> int | None: ...
    async def receive(self, channel: str) -> dict[str, Any]: ...


# What concerns people rather than documents; every process hears it.
PEOPLE_GROUP = "people"


def group_of(document_id: UUID) -> str:
    """The name of a document's group in the channel layer."""
    return f"document.{document_id}"


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of somebody else.

    ``has_gap``: others before it were lost, or said too early. ``ends_silence``: we have said
    nothing lately, for nobody was there.
    """

    message: dict[str, Any]
    has_gap: bool = False
    ends_silence: bool = False


class Seat:
    """``is_alone``: no other process can hear, so nothing is published at all."""

    def __init__(self, layer: Layer, group: str, *, is_alone: bool) -> None:
        self._layer = layer
        self._group = group
        self.is_alone = is_alone
        self._origin = uuid4().hex
        self._counter = 0
        self._runs: dict[str, tuple[int, int]] = {}  # origin → first and next number without gap
        self._solitude = Solitude()
        self._was_silent = False
        self._loop = asyncio.get_running_loop()
        self._early: deque[dict[str, Any]] = deque()  # came while the seat was being taken
        self._waiting: deque[dict[str, Any]] = deque()
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._channel = ""
        self._is_reachable = True
        self.is_taken = False

    # -- Coming and going -------------------------------------------------------------------
    async def take(self) -> bool:
        """Join the group and wait until that is real; False if the layer is away.

        Only after the first member has been authorized. A Redis layer's ``group_add`` returns
        before its SUBSCRIBE is confirmed: what was published right after it would be missed.
        """
        try:
            async with _in_time():
                self._channel = self._channel or await self._layer.new_channel()
                await self._layer.group_add(self._group, self._channel)
                if not self.is_alone:
                    await self._hear_ourselves()
        except Exception as error:  # redis-py, channels-redis and OSError have no base
            self._note_unreachable(error)
            self._channel = ""  # a layer gives up a channel whose ``receive`` was cancelled
            return False
        self._is_reachable = True
        self.is_taken = True
        return True

    async def _hear_ourselves(self) -> None:
        await self._layer.group_send(self._group, {"type": HERE, "origin": self._origin})
        while True:
            message = await self._layer.receive(self._channel)
            if message["type"] == HERE and message["origin"] == self._origin:
                return
            self._early.append(message)

    async def renew(self) -> None:
        """Say again that we are here: layers forget a member after a day (``group_expiry``)."""
        async with _in_time():
            await self._layer.group_add(self._group, self._channel)

    async def leave(self) -> None:
        """Leave the group; a layer that is away forgets us by itself."""
        try:
            async with _in_time():
                await self._layer.group_discard(self._group, self._channel)
        except Exception as error:
            logger.warning("seat not left", extra={"error": type(error).__name__})

    # -- Hearing ----------------------------------------------------------------------------
    async def next_message(self) -> Heard:
        """The next message of somebody else, in the order in which each of them said it."""
        while True:
            if self._early:
                message = self._early.popleft()
            else:
                message = await self._layer.receive(self._channel)
            origin = message.get("origin")
            if origin is None:  # said by a request, not by a room
                return Heard(message)
            if origin != self._origin:
                ends_silence, self._was_silent = self._was_silent, False
                self._solitude.is_disturbed(self._counter)
                has_gap = message["type"] != HERE and self._note(origin, message)
                return Heard(message, has_gap, ends_silence)
            if message["type"] != HERE:
                self._solitude.comes_back(message["n"])

    def _note(self, origin: str, message: dict[str, Any]) -> bool:
        """Whether messages of this origin are missing before it, or among those that it covers."""
        number = message["n"]
        first, expected = self._runs.get(origin, (number, number))
        has_gap = number != expected
        if has_gap:
            first = number
            metrics.BUS_GAPS.inc()
        self._runs[origin] = first, number + 1
        since: int = message.get("since", number)
        return bool(has_gap or since < first)

    def disown(self, message: dict[str, Any]) -> None:
        """It came and could not be applied: a commit that covers it has a gap."""
        if (origin := message.get("origin")) in self._runs:
            first, expected = self._runs[origin]
            self._runs[origin] = max(first, message["n"] + 1), expected

    # -- Speaking ---------------------------------------------------------------------------
    @property
    def is_heard(self) -> bool:
        """Whether a room in another process may be there to listen."""
        return not self.is_alone and not self._solitude.is_sure(self._loop.time())

    def publish(self, kind: str, **fields: Any) -> int:
        """Queue a message for the rooms of this document in other processes; return its number.

        To nobody nothing is said. It has a number all the same: who comes later, or was there
        and not heard, knows by it that there was more.
        """
        if self.is_alone:
            return self._counter
        self._counter += 1
        if not self.is_heard:
            self._was_silent = True
            return self._counter
        self._waiting.append({"type": kind, "origin": self._origin, "n": self._counter, **fields})
        self._waiting_bytes += _size(self._waiting[-1])
        while len(self._waiting) > _MAX_WAITING or (
            self._waiting_bytes > _MAX_WAITING_BYTES and len(self._waiting) > 1
        ):
            self._next_waiting()
            metrics.BUS_LOST.inc()
        self._wake.set()
        return self._counter

    async def run(self) -> None:
        """Send what is queued, in order, for ever. A bus that is away loses messages."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._send(self._next_waiting())

    def _next_waiting(self) -> dict[str, Any]:
        message = self._waiting.popleft()
        self._waiting_bytes -= _size(message)
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        said_at = self._loop.time()
        try:
            async with _in_time():
                receivers = await self._layer.group_send(self._group, message)
        except Exception as error:  # redis-py, channels-redis and OSError have no base
            metrics.BUS_LOST.inc()
            self._note_unreachable(error)
            return
        if receivers is not None:
            self._solitude.reached(message["n"], receivers, said_at)
        metrics.BUS_SENT.inc()
        self._is_reachable = True

    def _note_unreachable(self, error: Exception) -> None:
        if self._is_reachable:  # once, not for every message of an hour
            logger.warning("bus away: is Redis up?", extra={"error": f"{error!r:.200}"})
        self._is_reachable = False


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """Bounded in time, and ended by a cancellation, which not all of redis-py lets through.

    Before Python 3.12 ``asyncio.wait_for`` loses one that comes when its future is just done: a
    task that goes round for ever would not end.
    """
    async with asyncio.timeout(_TIMEOUT_S):
        yield
    if (task := asyncio.current_task()) is not None and task.cancelling():
        raise asyncio.CancelledError


def _size(message: dict[str, Any]) -> int:
    return len(message.get("payload", b""))
