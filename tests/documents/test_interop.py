"""Real Yjs clients, unchanged, over a real server: y-websocket, @y/websocket, pycrdt's provider."""

import asyncio
import itertools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pycrdt
import pytest
import websockets

from documents.protocol.messages import QueryAwareness, SyncStep2, Update
from documents.protocol.ywebsocket import encode_message
from tests.clients import Client, connected, text_of, until
from tests.servers import NewDocument, Server

NODE = Path(__file__).parent.parent / "node"
WITHIN_S = 180


def why_no_node() -> str:
    """Why the clients written in JavaScript cannot be run here; empty if they can."""
    if shutil.which("node") is None:
        return "no node: real Yjs clients were not tried"
    if not (NODE / "node_modules").is_dir():
        return "no tests/node/node_modules (run tests/prepare.sh): real Yjs clients were not tried"
    return ""


needs_node = pytest.mark.skipif(bool(why_no_node()), reason=why_no_node())


def run_node(
    script: str,
    server: Server,
    document: NewDocument,
    *,
    within_s: float = WITHIN_S,
    **options: Any,
) -> dict[str, Any]:
    """Run a script of tests/node on a document; return what it found."""
    given = {
        "url": server.socket_url,
        "id": document.id,
        "token": document.editor_link,
        "snapshot": f"{server.url}/api/v1/documents/{document.id}/snapshot?format=yjs",
        "apiToken": server.people["alice"].token,
        **options,
    }
    done = subprocess.run(
        ["node", script, json.dumps(given)],
        cwd=NODE,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    assert done.returncode == 0, f"{script}:\n{done.stderr[-6000:]}"
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


OLD, NEW = "y-websocket", "@y/websocket"


@needs_node
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kinds", [[OLD] * 2, [NEW] * 2, [OLD, NEW]], ids="+".join)
def test_two_clients_and_the_server_converge(server, kinds, seed):
    found = run_node(
        "converge.mjs", server, server.new_document(), kinds=kinds, edits=150, seed=seed
    )
    assert not found["pending"]
    assert any(found["contents"].values())


@needs_node
@pytest.mark.parametrize("seed", [1, 2])
def test_ten_clients_of_both_generations_and_the_server_converge(server, seed):
    kinds = list(itertools.islice(itertools.cycle([OLD, NEW]), 10))
    found = run_node(
        "converge.mjs", server, server.new_document(), kinds=kinds, edits=60, seed=seed
    )
    assert found["clients"] == 10
    assert found["interruptions"] > 0


@needs_node
@pytest.mark.parametrize("kind", [OLD, NEW])
def test_without_a_wish_nothing_unknown_is_sent(server, kind):
    found = run_node("acks.mjs", server, server.new_document(), kind=kind, ack="")
    assert found["events"] == [True]
    assert set(found["types"]) <= {0, 1}
    assert found["echoed"] == 0


@needs_node
@pytest.mark.parametrize("kind", [OLD, NEW])
def test_an_echo_comes_after_the_commit(server, kind):
    # What @y/websocket 4.0.0-3, the newest that npm has, takes for nothing yet, and later
    # versions for a confirmation.
    found = run_node("acks.mjs", server, server.new_document(), kind=kind, ack="echo")
    assert found["events"] == [True]
    assert found["echoed"] == 20


@needs_node
def test_a_count_comes_after_the_commit(server):
    found = run_node("acks.mjs", server, server.new_document(), kind=OLD, ack="count")
    assert found["saved"] == 21
    assert found["types"] == [0, 1, 100]


@needs_node
@pytest.mark.parametrize("kind", [OLD, NEW])
def test_carets_come_move_return_and_go(server, kind):
    document = server.new_document()
    state = run_node("carets.mjs", server, document, kind=kind)
    assert state["cursor"] == 7
    assert state["user"]["name"] != "The Queen"
    assert state["user"]["guest"] is True


class _Line:
    """pycrdt's provider knows no transport: this is its own example, over ``websockets``."""

    def __init__(self, connection: websockets.ClientConnection, path: str) -> None:
        self._connection = connection
        self.path = path

    def __aiter__(self) -> "_Line":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.recv()
        except websockets.ConnectionClosed:
            raise StopAsyncIteration from None

    async def send(self, message: bytes) -> None:
        await self._connection.send(message)

    async def recv(self) -> bytes:
        message = await self._connection.recv()
        assert isinstance(message, bytes)
        return message


async def test_pycrdts_own_provider_syncs(server):
    document = server.new_document()
    path = f"{server.socket_url}/{document.id}?token={document.editor_link}"
    first, second = pycrdt.Doc(), pycrdt.Doc()
    texts = [doc.get("text", type=pycrdt.Text) for doc in (first, second)]
    async with (
        websockets.connect(path) as one,
        websockets.connect(path) as two,
        pycrdt.Provider(first, _Line(one, path)) as provider,
        pycrdt.Provider(second, _Line(two, path)) as other_provider,
        Client(server, document) as ours,
    ):
        await asyncio.wait_for(provider.synced.wait(), 5)
        await asyncio.wait_for(other_provider.synced.wait(), 5)
        texts[0] += "hello "
        await until(lambda: str(texts[1]) == "hello ")
        texts[1] += "world"
        await until(lambda: str(texts[0]) == "hello world")
        await ours.sees("hello world")
        del texts[0][:6]
        await until(lambda: str(texts[1]) == str(ours.text) == "world")
    await until(lambda: text_of(server.snapshot(document)) == "world")


async def test_several_messages_in_one_frame_are_all_heard(server):
    document = server.new_document()
    alone = pycrdt.Doc()
    frames = []
    subscription = alone.observe(
        lambda event: frames.append(pycrdt.create_update_message(event.update))
    )
    text = alone.get("text", type=pycrdt.Text)
    for word in ("one ", "two ", "three"):
        text += word
    alone.unobserve(subscription)
    async with connected(Client(server, document), Client(server, document)) as (alice, bob):
        alice.send_frame(b"".join(frames))
        await bob.sees("one two three")


async def test_half_a_surrogate_pair_deleted_does_not_damage_the_document(server):
    """Yjs lets a client delete half of an emoji: both halves then show as U+FFFD."""
    document = server.new_document()
    async with connected(Client(server, document), Client(server, document)) as (mallory, alice):
        family = bytes.fromhex("010101000401047465787406f09f91a7616200")  # client 1: "👧ab"
        half = bytes.fromhex("000101010001")  # delete client 1, clock 0, length 1
        mallory.send_frame(encode_message(Update(family)))
        mallory.send_frame(encode_message(Update(half)))
        await until(lambda: any(isinstance(said, Update) for said in alice.received))
        mallory.send_frame(encode_message(QueryAwareness()))
        async with connected(Client(server, document)) as (newcomer,):
            assert newcomer.doc.get_state() == b"\x01\x01\x04"
            [answer] = [said for said in newcomer.received if isinstance(said, SyncStep2)]
            assert pycrdt.get_state(answer.update) == b"\x01\x01\x04"
