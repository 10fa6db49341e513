"""Chaos: clients write acknowledged edits while everything is killed, paused and cut.

Nothing acknowledged may be missing at the end, and everybody has the same document. The
schedule comes from a seed; what it meets does not, so that a failure need not come again.
"""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pycrdt

from documents.protocol.state_vector import decode_state_vector
from tests.backends import Postgres, Redis
from tests.clients import Client, until
from tests.servers import NewDocument, Server, Service

_RECONNECT_S = 0.3
_RECOVERY_S = 60


@dataclass
class Report:
    """What happened."""

    seed: int
    seconds: float
    edits: int = 0
    acknowledged: int = 0
    reconnections: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    taken_over: int = 0
    recovery_s: float = 0.0

    def __str__(self) -> str:
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        return (
            f"seed {self.seed}, {self.seconds:.0f} s: {self.edits} edits, {self.acknowledged} "
            f"acknowledged and none of them missing; {self.faults.total()} faults ({faults}); "
            f"{self.reconnections} reconnections, {self.gaps} gaps on the bus, "
            f"{self.taken_over} times stored for another process; "
            f"all equal {self.recovery_s:.1f} s after the end"
        )


class Typist(Client):
    """Writes into a text that all share and into a list of its own, and counts what is safe."""

    def __init__(self, service: Service, document: NewDocument, number: int, report: Report):
        self.number = number
        self.edits = 0
        self.acknowledged = 0
        self.carried: list[int] = []
        self._service = service
        self._document = document
        self._report = report
        self.is_over = False
        super().__init__(service.servers[0], document, ack="count")
        self.mine: pycrdt.Array[Any] = self.doc.get(f"typist {number}", type=pycrdt.Array)

    def __str__(self) -> str:
        return (
            f"typist {self.number} at {self.url}: connected {self.is_connected}, synced "
            f"{self.synced.is_set()}, {self.saved} of {self.sent_updates} saved"
        )

    def _forget(self) -> None:
        super()._forget()
        self.carried = []

    def _send(self, message: Any) -> None:
        before = self.sent_updates
        super()._send(message)
        if self.sent_updates > before:
            self.carried.append(self.edits)

    def type_once(self, dice: random.Random) -> None:
        self.edits += 1
        with self.doc.transaction():
            self.mine.append(float(self.edits))
            if dice.random() < 0.5:
                self.text.insert(dice.randrange(len(self.text) + 1), "x")
            elif len(self.text):
                start = dice.randrange(len(self.text))
                del self.text[start : start + 1]

    def note_acks(self) -> None:
        if self.saved:
            self.acknowledged = max(self.acknowledged, self.carried[self.saved - 1])

    async def lives(self, dice: random.Random) -> None:
        """Connect to one process after another, as long as the story goes on."""
        while not self.is_over:
            server = dice.choice(self._service.servers)
            self.url = f"{server.socket_url}/{self._document.id}"
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with asyncio.timeout(5):
                    await self.open()
                await self.closed.wait()
            self.note_acks()
            await self.disconnect()
            self._report.reconnections += 1
            await asyncio.sleep(dice.random() * _RECONNECT_S)

    async def types(self, dice: random.Random) -> None:  # type: ignore[override]
        while not self.is_over:
            self.type_once(dice)
            self.note_acks()
            await asyncio.sleep(dice.random() * 0.1)

    async def is_cut(self) -> None:
        """Its network is gone without a word."""
        if self._socket is not None and (response := self._socket._response).connection:
            transport = response.connection.transport
            if transport is not None:
                transport.abort()


class Chaos:
    """Injects one fault after another."""

    def __init__(self, service: Service, typists: list[Typist], report: Report) -> None:
        self._service = service
        self._typists = typists
        self._report = report
        self._dice = random.Random(report.seed)
        self._faults: list[tuple[float, str, Callable[[], Any]]] = [
            (4, "web processes killed", self._kill_server),
            (2, "web processes paused", self._pause_server),
            (2, "Redis killed", lambda: self._kill(service.redis)),
            (1, "Redis paused", lambda: self._pause(service.redis)),
            (2, "PostgreSQL killed", lambda: self._kill(service.postgres)),
            (1, "PostgreSQL paused", lambda: self._pause(service.postgres)),
            (4, "connections cut", self._cut),
        ]

    async def goes_on_until(self, end: float) -> None:
        weights = [weight for weight, _, _ in self._faults]
        while time.monotonic() < end:
            await asyncio.sleep(self._dice.uniform(0.3, 2.0))
            _, kind, inject = self._dice.choices(self._faults, weights)[0]
            self._report.faults[kind] += 1
            await inject()

    async def _kill_server(self) -> None:
        await self._kill(self._dice.choice(self._service.servers))

    async def _pause_server(self) -> None:
        server = self._dice.choice(self._service.servers)
        server.signal(signal.SIGSTOP)
        await asyncio.sleep(self._dice.uniform(0.5, 4))
        server.signal(signal.SIGCONT)

    async def _kill(self, victim: Server | Postgres | Redis) -> None:
        await asyncio.to_thread(victim.kill)
        await asyncio.sleep(self._dice.uniform(0.2, 2.0))
        await asyncio.to_thread(victim.start)

    async def _pause(self, victim: Postgres | Redis) -> None:
        victim.pause()
        await asyncio.sleep(self._dice.uniform(0.5, 5))
        victim.resume()

    async def _cut(self) -> None:
        for typist in self._dice.sample(self._typists, 5):
            await typist.is_cut()


async def chaos(
    directory: Path, *, seed: int, seconds: float, processes: int, clients: int
) -> Report:
    """The whole story. Raises AssertionError if anything acknowledged is missing."""
    report = Report(seed, seconds)
    service = await asyncio.to_thread(Service, directory, processes=processes)
    try:
        await _happens(service, report, clients)
    except BaseException:
        print(f"seed {seed}, faults {dict(report.faults)}")
        for server in service.servers:
            ended = server._process.poll() if server._process else "stopped"
            print(f"--- {server.port} {server.directory.name}, ended: {ended}")
            for notes in server.directory.rglob("fatal-*.txt"):
                print(notes.name, notes.read_text()[-4000:])
            print(server.logs()[-6000:])
        raise
    finally:
        await asyncio.to_thread(service.close)
    return report


async def _happens(service: Service, report: Report, clients: int) -> None:
    document = service.servers[0].new_document()
    typists = [Typist(service, document, number, report) for number in range(clients)]
    dice = [random.Random(f"{report.seed} {number}") for number in range(clients)]
    lives = [asyncio.create_task(t.lives(d)) for t, d in zip(typists, dice, strict=True)]
    typing = [asyncio.create_task(t.types(d)) for t, d in zip(typists, dice, strict=True)]
    await Chaos(service, typists, report).goes_on_until(time.monotonic() + report.seconds)
    for task in typing:
        task.cancel()
    await asyncio.gather(*typing, return_exceptions=True)
    ended = time.monotonic()
    try:
        await until(lambda: all(_is_done(each) for each in typists), within=_RECOVERY_S)
    except AssertionError:
        open_ones = "\n".join(map(str, (each for each in typists if not _is_done(each))))
        raise AssertionError(f"not done after {_RECOVERY_S} s:\n{open_ones}") from None
    await until(lambda: len({_clocks(each.doc) for each in typists}) == 1, within=_RECOVERY_S)
    report.recovery_s = time.monotonic() - ended
    await asyncio.sleep(1)  # deletions have no clocks
    assert len({_state(each.doc) for each in typists}) == 1
    await _check(service, document, typists, report)
    for typist in typists:
        typist.is_over = True
        await typist.disconnect()
    for task in lives:
        task.cancel()
    await asyncio.gather(*lives, return_exceptions=True)


def _is_done(typist: Typist) -> bool:
    return typist.is_connected and typist.synced.is_set() and typist.saved >= typist.sent_updates


def _clocks(doc: "pycrdt.Doc[Any]") -> frozenset[tuple[int, int]]:
    return frozenset(decode_state_vector(doc.get_state()).items())


def _state(doc: "pycrdt.Doc[Any]") -> str:
    """What the document says: text and lists."""
    text = str(doc.get("text", type=pycrdt.Text))
    return text + repr(
        [list(doc.get(root, type=pycrdt.Array)) for root in sorted(doc.keys()) if root != "text"]
    )


async def _check(
    service: Service, document: NewDocument, typists: list[Typist], report: Report
) -> None:
    for typist in typists:
        typist.note_acks()
    for server in service.servers:
        async with Client(server, document) as newcomer:
            for typist in typists:
                root = f"typist {typist.number}"
                found = list(newcomer.doc.get(root, type=pycrdt.Array))
                wanted = [float(number + 1) for number in range(typist.edits)]
                missing = sorted(set(wanted[: typist.acknowledged]) - set(found))
                assert not missing, f"{root}: acknowledged and missing: {missing[:10]}"
                assert found == wanted, f"{root} differs"
            assert str(newcomer.text) == str(typists[0].text)
    said = await asyncio.to_thread(service.servers[0].manage, "verify")
    assert "hold together" in said
    report.edits = sum(each.edits for each in typists)
    report.acknowledged = sum(each.acknowledged for each in typists)
    report.gaps = service.logged("bus gap")
    report.taken_over = service.logged("storing for another process")
