"""Whoever says nothing stays connected: two minutes, most of them while other tests run."""

import asyncio
import threading
from typing import Any

from documents.protocol.messages import Awareness
from documents.protocol.ywebsocket import encode_message
from tests.clients import Client
from tests.documents.test_interop import needs_node, run_node
from tests.servers import Server

SECONDS = 120
_found: dict[str, Any] = {}
_threads: list[threading.Thread] = []


def begin_early(server: Server) -> None:
    """Start the silence before the first test; the tests here come last and ask how it went."""
    raw, stock = server.new_document(), server.new_document()

    def keep_still() -> None:
        _found["raw"] = asyncio.run(_ping_only(Client(server, raw)))

    def run_stock() -> None:
        try:
            _found["stock"] = run_node(
                "silence.mjs", server, stock, seconds=SECONDS, within_s=SECONDS + 60
            )
        except Exception as error:  # told by the test, not by a thread that nobody watches
            _found["stock"] = {"error": str(error)}

    for work in (keep_still, run_stock):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        _threads.append(thread)


async def _ping_only(client: Client) -> dict[str, Any]:
    """No message after the first: WebSocket pings alone."""
    async with client:
        loop = asyncio.get_running_loop()
        began, longest, heard = loop.time(), 0.0, len(client.frames)
        last = began
        while loop.time() - began < SECONDS and client.is_connected:
            await client.ping()
            await asyncio.sleep(1)
            if len(client.frames) > heard:
                heard, last = len(client.frames), loop.time()
            longest = max(longest, loop.time() - last)
        nothing = encode_message(Awareness(b"\x00"))
        return {
            "connected": client.is_connected,
            "code": client.close_code,
            "longest": longest,
            "heartbeats": client.frames.count(nothing),
        }


def _outcome(name: str) -> dict[str, Any]:
    for thread in _threads:
        thread.join(SECONDS + 90)
    found: dict[str, Any] = _found[name]
    return found


def test_a_client_that_only_pings_stays_connected():
    found = _outcome("raw")
    assert found["connected"], found
    assert found["heartbeats"] >= 5
    # y-websocket 3 hangs up after 30 s without a message.
    assert found["longest"] < 25


@needs_node
def test_a_stock_client_without_awareness_stays_connected():
    found = _outcome("stock")
    assert "error" not in found, found["error"]
    assert found["connected"]
    assert found["disconnections"] == 0
