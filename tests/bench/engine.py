"""``make bench-engine``: the engine's costs beside bare pycrdt's, and what a connection costs.

Figures of one machine mean little; the ratios are what to compare.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collab.settings")
django.setup()

import aiohttp
import pycrdt

from collab.lib0 import read_var_bytes
from documents.protocol.messages import Update
from documents.protocol.ywebsocket import encode_message
from documents.sync.guard import check, scan
from documents.sync.replica import Replica
from tests.documents.sync.updates import edited
from tests.servers import NewDocument, Server, make_template

ROUNDS = 5
KEYSTROKES = 5000
IDLE = 1000
WRITERS = 50
EDITS_EACH = 60


def keystrokes() -> list[bytes]:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    words = doc.get("text", type=pycrdt.Text)
    return [edited(doc, lambda n=n: words.insert(n, "x")) for n in range(KEYSTROKES)]


def microseconds(work: Callable[[], None], times: int) -> float:
    """The median over the rounds, per time."""
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) / times * 1e6)
    return statistics.median(took)


def engine() -> None:
    strokes = keystrokes()

    def bare() -> None:
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        for stroke in strokes:
            doc.apply_update(stroke)

    def guarded() -> None:
        replica = Replica()
        for stroke in strokes:
            replica.apply(*check(stroke, max_depth=64))

    base = microseconds(bare, KEYSTROKES)
    print(f"{'a keystroke':34} {'µs':>8} {'ratio':>7}")
    print(f"{'  pycrdt, apply_update alone':34} {base:8.1f} {1:7.1f}")
    for name, work in (
        ("  scan alone", lambda: [scan(stroke) for stroke in strokes]),
        ("  guard and replica", guarded),
    ):
        took = microseconds(work, KEYSTROKES)  # type: ignore[arg-type]
        print(f"{name:34} {took:8.1f} {took / base:7.1f}")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def service(server: Server) -> None:
    document = server.new_document()
    pid = server._running().pid
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        await idle(server, document, http)
        await everybody_writes(server, document, http, pid)


async def connect(
    server: Server, document: NewDocument, http: aiohttp.ClientSession, count: int
) -> list[aiohttp.ClientWebSocketResponse]:
    url = f"{server.socket_url}/{document.id}?token={document.editor_link}"
    sockets: list[aiohttp.ClientWebSocketResponse] = []
    while len(sockets) < count:
        some = min(50, count - len(sockets))
        sockets += await asyncio.gather(*(http.ws_connect(url) for _ in range(some)))
    return sockets


async def idle(server: Server, document: NewDocument, http: aiohttp.ClientSession) -> None:
    warm = await connect(server, document, http, 50)  # what is loaded only once
    await asyncio.gather(*(socket.close() for socket in warm))
    await asyncio.sleep(1)
    before = server.memory_bytes
    started = time.perf_counter()
    sockets = await connect(server, document, http, IDLE)
    took = time.perf_counter() - started
    await asyncio.sleep(1)
    each = (server.memory_bytes - before) / IDLE / 1024
    print(f"\n{IDLE} idle connections: {each:.1f} KB each, {IDLE / took:.0f} handshakes/s")
    await asyncio.gather(*(socket.close() for socket in sockets))
    await asyncio.sleep(1)


async def everybody_writes(
    server: Server, document: NewDocument, http: aiohttp.ClientSession, pid: int
) -> None:
    """All members type; every edit is relayed to all others, committed, and counted at the end."""
    sockets = await connect(server, document, http, WRITERS)
    strokes = [keystrokes()[:EDITS_EACH] for _ in sockets]
    replicas: list[pycrdt.Doc[Any]] = [pycrdt.Doc() for _ in sockets]
    readers = [asyncio.create_task(_read(s, d)) for s, d in zip(sockets, replicas, strict=True)]
    cpu, started = cpu_seconds(pid), time.perf_counter()
    for turn in range(EDITS_EACH):
        for socket, mine in zip(sockets, strokes, strict=True):
            await socket.send_bytes(encode_message(Update(mine[turn])))
    wanted = WRITERS * EDITS_EACH
    while min(_length(d) for d in replicas) < wanted - EDITS_EACH:
        await asyncio.sleep(0.01)
    took, used = time.perf_counter() - started, cpu_seconds(pid) - cpu
    print(
        f"{WRITERS} members, all writing: {wanted} edits reached everybody in {took:.2f} s "
        f"({wanted / took:.0f} edits/s, {used / wanted * 1e6:.0f} µs of server CPU an edit)"
    )
    for reader in readers:
        reader.cancel()


def _length(doc: "pycrdt.Doc[Any]") -> int:
    return len(doc.get("text", type=pycrdt.Text))


async def _read(socket: aiohttp.ClientWebSocketResponse, doc: "pycrdt.Doc[Any]") -> None:
    async for frame in socket:
        if frame.type is aiohttp.WSMsgType.BINARY and frame.data[:2] == b"\x00\x02":
            doc.apply_update(read_var_bytes(frame.data, 2)[0])


def main() -> None:
    engine()
    with tempfile.TemporaryDirectory(prefix="collab-bench-") as folder:
        directory = Path(folder)
        template = make_template(directory)
        (directory / "server").mkdir()
        with Server(directory / "server", template) as server:
            asyncio.run(service(server))


if __name__ == "__main__":
    main()
