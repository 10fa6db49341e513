"""What a connection's task does with frames, without a server."""

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pycrdt
import pytest

from collab.errors import TooManyRequests
from collab.flow import Flow
from documents.consumers import DocumentConsumer
from documents.protocol.messages import Update
from documents.protocol.ywebsocket import encode_message
from documents.sync.guard import Scanner
from tests.documents.sync.stage import Player, staged

TRANSPORT = SimpleNamespace(pauseProducing=lambda: None, resumeProducing=lambda: None)


class Connection:
    """A consumer that listens, and a wire to it as Daphne's protocol is one."""

    def __init__(self, player: Player) -> None:
        self._consumer = DocumentConsumer()
        self._consumer.flow = self._flow = Flow(TRANSPORT)
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._consumer._receive = self._queue.get
        self._consumer._begin_counting()
        self.listening = asyncio.create_task(self._consumer._listen(player.room, player.member))

    async def carries(self, frame: bytes) -> None:
        """As ``SocketProtocol.onMessage`` does."""
        self._flow.begin_reading()
        if not self._flow.offer(frame):
            self._flow.received(len(frame))
            self._queue.put_nowait({"type": "websocket.receive", "bytes": frame})
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def new_item(player: Player) -> bytes:
    """A frame with an edit that creates a shared type, which no room takes at once."""
    before = player.doc.get_state()
    player.doc.get("items", type=pycrdt.Array).append(pycrdt.Map({"is": "new"}))
    return encode_message(Update(player.doc.get_update(before)))


async def test_what_is_not_taken_at_once_is_counted_once_and_scanned_twice_at_most(
    settings: Any,
) -> None:
    settings.COLLAB = settings.COLLAB.model_copy(update={"max_messages_per_s": 2})  # 20 at once
    async with staged() as scene:
        room = await scene.room()
        bob = await scene.player(room, "bob")
        connection = Connection(bob)
        await asyncio.sleep(0)
        with patch.object(Scanner, "scan", autospec=True, side_effect=Scanner.scan) as scan:
            for _ in range(20):
                await connection.carries(new_item(bob))
            assert scan.call_count <= 40
        assert not connection.listening.done()
        await connection.carries(new_item(bob))
        with pytest.raises(TooManyRequests):
            await connection.listening
