"""``make bench-idle``: ten thousand connections that do nothing, and two people who go on typing.

IDLE_CONNECTIONS (10000), IDLE_SECONDS (120). Says what each costs in memory, whether any was
dropped, and how long the pair's edits took from one to the other before and meanwhile.
"""

import asyncio
import base64
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

from tests.clients import Client, until
from tests.servers import NewDocument, Server, make_template

CONNECTIONS = int(os.environ.get("IDLE_CONNECTIONS", "10000"))
SECONDS = float(os.environ.get("IDLE_SECONDS", "120"))
AT_ONCE = 200
PER_SOURCE = 20_000  # below the number of ephemeral ports of one loopback address


class Idler(asyncio.Protocol):
    """A WebSocket client that answers pings and nothing else: some hundred bytes of Python."""

    def __init__(self, path: str, port: int, is_open: "asyncio.Future[None]") -> None:
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            f"{base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
        )
        self._is_open = is_open
        self._left = b""
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        self._left += data
        if not self._is_open.done():
            if b"\r\n\r\n" not in self._left:
                return
            head, self._left = self._left.split(b"\r\n\r\n", 1)
            assert b" 101 " in head.split(b"\r\n")[0] + b" ", head
            self._is_open.set_result(None)
        # Frames of the server are not masked; ours here are all shorter than 126 bytes.
        while len(self._left) >= 2 and len(self._left) >= 2 + (length := self._left[1]):
            kind, payload = self._left[0] & 0x0F, self._left[2 : 2 + length]
            self._left = self._left[2 + length :]
            if kind == 9:
                self._transport.write(bytes([0x8A, 0x80 | length, 0, 0, 0, 0]) + payload)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        if not self._is_open.done():
            self._is_open.set_exception(error or ConnectionError("closed"))


async def connect(server: Server, document: NewDocument, number: int) -> Idler:
    loop = asyncio.get_running_loop()
    is_open: asyncio.Future[None] = loop.create_future()
    path = f"/ws/documents/{document.id}?token={document.viewer_link}"
    source = f"127.0.0.{2 + number // PER_SOURCE}"
    _, idler = await loop.create_connection(
        lambda: Idler(path, server.port, is_open), "127.0.0.1", server.port, local_addr=(source, 0)
    )
    await is_open
    return idler


async def latencies(author: Client, reader: Client, rounds: int) -> list[float]:
    """Milliseconds from one's keystroke to the other's screen."""
    took = []
    for number in range(rounds):
        began = time.perf_counter()
        author.types(f"{number} ")
        await until(lambda: str(reader.text) == str(author.text), within=10)
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.2)
    return took


def said(took: list[float]) -> str:
    ordered = sorted(took)
    return f"median {statistics.median(took):.1f} ms, p99 {ordered[int(len(took) * 0.99)]:.1f} ms"


async def bench(server: Server) -> None:
    documents = [server.new_document() for _ in range(100)]
    pair = server.new_document()
    async with Client(server, pair) as author, Client(server, pair) as reader:
        warm = await asyncio.gather(*(connect(server, documents[0], n) for n in range(50)))
        alone = await latencies(author, reader, 50)
        before = server.memory_bytes
        began = time.perf_counter()
        idlers = list(warm)
        while len(idlers) < CONNECTIONS:
            some = range(len(idlers), min(CONNECTIONS, len(idlers) + AT_ONCE))
            idlers += await asyncio.gather(
                *(connect(server, documents[n % len(documents)], n) for n in some)
            )
        took = time.perf_counter() - began
        await asyncio.sleep(2)
        each = (server.memory_bytes - before) / (CONNECTIONS - len(warm)) / 1024
        print(
            f"{CONNECTIONS} idle connections on {len(documents)} documents: {each:.1f} KB each, "
            f"{(CONNECTIONS - len(warm)) / took:.0f} handshakes/s",
            flush=True,
        )
        ends = time.monotonic() + SECONDS
        meanwhile: list[float] = []
        while time.monotonic() < ends:
            meanwhile += await latencies(author, reader, 20)
        dropped = sum(idler.is_lost for idler in idlers)
        memory = server.memory_bytes / 2**20
        print(f"after {SECONDS:.0f} s: {dropped} dropped, {memory:.0f} MiB in all")
        print(f"an edit from one to the other: {said(alone)} alone, {said(meanwhile)} meanwhile")
        for idler in idlers:
            idler._transport.abort()


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="collab-bench-") as folder:
        directory = Path(folder)
        template = make_template(directory)
        (directory / "server").mkdir()
        settings = {"COLLAB_MAX_CONNECTIONS_PER_ADDRESS": "0"}
        with Server(directory / "server", template, **settings) as server:
            asyncio.run(bench(server))


if __name__ == "__main__":
    main()
