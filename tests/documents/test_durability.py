"""An acknowledged edit survives ``kill -9``."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pycrdt

from tests.clients import Client, connected, until
from tests.servers import NewDocument, Server

ROUNDS = 20
TYPISTS = 10


class Typist(Client):
    """Counts its own edits, and knows which of them each message carried."""

    def __init__(self, server: Server, document: NewDocument, number: int) -> None:
        self.edits = 0
        self.acknowledged = 0
        self.carried: list[int] = []
        super().__init__(server, document, ack="count")
        self.root = f"typist {number}"
        self.mine: pycrdt.Array[Any] = self.doc.get(self.root, type=pycrdt.Array)

    def _forget(self) -> None:
        super()._forget()
        self.carried = []

    def _send(self, message: Any) -> None:
        before = self.sent_updates
        super()._send(message)
        if self.sent_updates > before:
            self.carried.append(self.edits)

    def type_once(self) -> None:
        self.edits += 1
        self.mine.append(float(self.edits))

    def note_acks(self) -> None:
        """What the server said is safe, before it is forgotten with the connection."""
        if self.saved:
            self.acknowledged = max(self.acknowledged, self.carried[self.saved - 1])

    async def types_until(self, is_over: Callable[[], bool], dice: random.Random) -> None:
        while not is_over():
            self.type_once()
            await asyncio.sleep(dice.random() * 0.01)


def edits_in(state: bytes, root: str) -> list[float]:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(state)
    return list(doc.get(root, type=pycrdt.Array))


async def test_acknowledged_edits_survive_twenty_kills(new_server):
    server = new_server()
    document = server.new_document()
    dice = random.Random(20)
    typists = [Typist(server, document, number) for number in range(TYPISTS)]
    for _ in range(ROUNDS):
        async with connected(*typists):
            is_killed = asyncio.Event()
            typing = [
                asyncio.create_task(typist.types_until(is_killed.is_set, dice))
                for typist in typists
            ]
            await until(lambda: all(typist.saved > 1 for typist in typists))
            await asyncio.sleep(dice.uniform(0.05, 0.3))
            server.kill()
            is_killed.set()
            await asyncio.gather(*typing)
            for typist in typists:
                typist.note_acks()
        server.start()
        state = await asyncio.to_thread(server.snapshot, document)
        for typist in typists:
            stored = edits_in(state, typist.root)
            assert stored == [float(number) for number in range(1, len(stored) + 1)]
            assert len(stored) >= typist.acknowledged, f"{typist.root} lost acknowledged edits"
    assert all(typist.acknowledged > ROUNDS for typist in typists)

    # Nothing that was not acknowledged is lost either, once the typists are back.
    async with connected(*typists):
        for typist in typists:
            await typist.all_saved()
    state = server.snapshot(document)
    for typist in typists:
        assert len(edits_in(state, typist.root)) == typist.edits
    assert "hold together" in server.manage("verify", document.id)


async def test_nothing_is_lost_when_the_server_is_told_to_stop(new_server):
    server = new_server()
    document = server.new_document()
    typists = [Typist(server, document, number) for number in range(TYPISTS)]
    async with connected(*typists):
        for _ in range(20):
            for typist in typists:
                typist.type_once()
            await asyncio.sleep(0.002)
        assert await asyncio.to_thread(server.stop) == 0
        codes = {(await typist.end())[0] for typist in typists}
        assert codes == {4503}
        for typist in typists:
            typist.note_acks()
    server.start()
    state = server.snapshot(document)
    for typist in typists:
        assert len(edits_in(state, typist.root)) >= typist.acknowledged
    async with connected(*typists):
        for typist in typists:
            await typist.all_saved()
    state = server.snapshot(document)
    assert all(len(edits_in(state, typist.root)) == typist.edits for typist in typists)
