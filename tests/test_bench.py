"""The load generator itself: it misses nothing that came, and nothing that did not.

Against our own server, and against one that loses, repeats and joins what it relays.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pycrdt
import pytest
from aiohttp import WSMsgType, web
from hypothesis import given
from hypothesis import strategies as st

from collab.lib0 import read_var_bytes
from documents.protocol.messages import Update
from documents.protocol.ywebsocket import encode_message
from tests.backends import free_port
from tests.bench import load
from tests.bench.climb import Climber
from tests.bench.figures import Figure, Results
from tests.bench.load import OutOfEdits, Plan, Result, Room
from tests.bench.report import table
from tests.bench.scenarios import people
from tests.servers import NewDocument, Server, skip_without

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_WRITERS, _EDITS = 3, 60

Relay = Callable[[int, bytes], list[bytes]]  # the n-th frame → what everybody else gets for it


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Six members, three of whom type for a second."""
    skip_without([] if shutil.which("gcc") else ["gcc"])
    file = typed(tmp_path / "updates")
    return Plan(6, _WRITERS, rate=120, warmup=0, seconds=1, drain=3, updates=file)


def typed(path: Path) -> Path:
    """Edits in the form of bench/peers/node/updates.mjs, but made here."""
    said = _WRITERS.to_bytes(4, "little")
    for writer in range(_WRITERS):
        doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=1000 + writer)
        words = doc.get(f"writer-{writer}", type=pycrdt.Text)
        updates: list[bytes] = []
        subscription = doc.observe(lambda event, updates=updates: updates.append(event.update))
        for number in range(_EDITS):
            words += f"~{_base62(writer, 2)}{_base62(number, 4)}"
        doc.unobserve(subscription)
        said += len(updates).to_bytes(4, "little")
        said += b"".join(len(each).to_bytes(2, "little") + each for each in updates)
    path.write_bytes(said)
    return path


def _base62(number: int, length: int) -> str:
    return "".join(_DIGITS[number // 62**place % 62] for place in reversed(range(length)))


async def drive(plan: Plan, port: int, target: str, *, is_silent: bool = False) -> Result:
    room = Room("room", ((port, target),))
    return await asyncio.to_thread(
        load.run, plan, [room], dialect="ywebsocket", is_silent=is_silent
    )


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[int]:
    """A server that hands on what ``relay`` makes of each frame; its port."""
    members: list[web.WebSocketResponse] = []
    count = 0

    async def handle(request: web.Request) -> web.WebSocketResponse:
        nonlocal count
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        members.append(socket)
        async for message in socket:
            assert message.type is WSMsgType.BINARY
            count += 1
            for frame in relay(count, message.data):
                others = [member for member in members if member is not socket]
                await asyncio.gather(*(member.send_bytes(frame) for member in others))
        members.remove(socket)
        return socket

    application = web.Application()
    application.router.add_get("/room", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port, shutdown_timeout=0).start()
    try:
        yield port
    finally:
        await runner.cleanup()


async def test_our_server_loses_nothing(server: Server, plan: Plan) -> None:
    document: NewDocument = server.new_document()
    target = f"/ws/documents/{document.id}?token={document.editor_link}&ack=count"
    result = await drive(plan, server.port, target)
    assert result.sent == 120
    assert result.delivered == result.expected == 120 * 5
    assert (result.lost, result.closed, result.strange) == (0, 0, 0)
    assert result.acknowledged == 120
    assert 0 < result.p50_ms <= result.p99_ms <= result.max_ms


async def test_a_large_document_comes_whole_in_fragments(
    server: Server, plan: Plan, tmp_path: Path
) -> None:
    fill = tmp_path / "fill"
    fill.write_bytes(large := large_update())
    document: NewDocument = server.new_document()
    target = f"/ws/documents/{document.id}?token={document.editor_link}"
    result = await drive(replace(plan, fill=fill), server.port, target)
    assert result.ready.bytes > 5 * len(large)
    assert (result.lost, result.closed, result.strange) == (0, 0, 0)


def large_update() -> bytes:
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=7)
    doc.get("filler", type=pycrdt.Text).insert(0, "." * 300_000)
    return doc.get_update()


async def test_edits_are_found_anywhere_in_large_frames(plan: Plan) -> None:
    large = large_update()

    def with_ballast(number: int, frame: bytes) -> list[bytes]:
        update = read_var_bytes(frame, 2)[0]
        return [encode_message(Update(pycrdt.merge_updates(large, update)))]

    async with relaying(with_ballast) as port:
        result = await drive(plan, port, "/room", is_silent=True)
    assert (result.lost, result.duplicates, result.strange) == (0, 0, 0)
    assert result.bytes > 120 * 5 * 300_000


class Search(Climber):
    """For a server that manages ``for_a_while`` edits a second in short steps, and ``for_long``."""

    def __init__(self, for_a_while: float, for_long: float, *, is_brief: bool) -> None:
        super().__init__(Plan(50, 50), is_brief=is_brief)
        self._for_a_while, self._for_long = for_a_while, for_long

    def _attempt(self, contestant: Any, rate: float, **changes: float) -> Any:
        is_short = changes["seconds"] < 2 if "seconds" in changes else False
        limit = self._for_a_while if is_short else self._for_long
        return SimpleNamespace(rate=rate, passes=rate <= limit)


@given(st.floats(1, 100_000), st.floats(0.1, 1), st.booleans())
def test_the_search_ends_close_to_what_a_server_manages(
    for_a_while: float, share: float, is_brief: bool
) -> None:
    for_long = for_a_while * share
    search = Search(for_a_while, for_long, is_brief=is_brief)
    server: Any = SimpleNamespace(name="server")
    for _ in range(2):  # the second time from near to what was found
        if (found := search.highest(server)) is None:
            assert for_long < 1
        else:
            assert found.rate <= for_long <= found.rate * (2.01 if is_brief else 1.11)


class Recorded:
    """A server that manages less than 100 edits/s, and what was asked of it."""

    name = "server"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def step(self, contestant: Any, plan: Plan, documents: int) -> Any:
        self.asked.append(f"{plan.rate:.0f}")
        return SimpleNamespace(passes=plan.rate < 100, rate=plan.rate)

    def rest(self) -> bool:
        return self.asked[-1] != "160"

    def start_anew(self) -> None:
        self.asked.append("anew")


@pytest.fixture
def recorded() -> Iterator[Any]:
    server = Recorded()
    with patch("tests.bench.climb.step", server.step):
        yield server


def test_what_is_started_anew_comes_to_its_rate_step_by_step(recorded: Any) -> None:
    climber = Climber(Plan(50, 50))
    climber._attempt(recorded, 160)
    climber._attempt(recorded, 80)
    climber._attempt(recorded, 90)
    again = ["anew", "20", "40", "80", "160", "anew"]
    assert recorded.asked == ["160", *again, "10", "20", "40", "80", "90"]


def test_a_later_round_warms_up_once_before_it_judges(recorded: Any) -> None:
    climber = Climber(Plan(50, 50))
    found = climber.highest(recorded)
    assert found is not None
    assert recorded.asked[:3] == ["31", "61", "122"], "it came there step by step"
    recorded.asked.clear()
    climber.highest(recorded)
    first = found.rate / 1.5
    expected = [first / 8, first / 4, first / 2, first, first * 2]
    assert recorded.asked[:5] == [f"{rate:.0f}" for rate in expected]


def test_another_server_is_not_warmed_up_for_what_the_first_managed(recorded: Any) -> None:
    climber = Climber(Plan(50, 50))
    climber.highest(SimpleNamespace(name="first", rest=lambda: True))
    recorded.asked.clear()
    climber.highest(recorded)
    assert recorded.asked[0] == "31"


def test_cursors_move_as_often_as_people_type() -> None:
    plan = people._Crowd(10, 50, 10, with_cursors=True).plan(8)
    assert plan.rate == 10 * 10 * 3
    assert plan.awareness * plan.members * 10 == plan.rate


def test_a_round_in_which_nothing_was_reached_is_worse_than_any_other() -> None:
    results = Results()
    for rate in (100, None, 300):
        results.add("fan-out", "collab", Figure("edits", "1/s", 200, more_is_better=True))
        results.add("fan-out", "peer", Figure("edits", "1/s", rate, more_is_better=True))
        results.add("fan-out", "idle peer", Figure("edits", "1/s", None, more_is_better=True))
    said = table(results, ["collab", "peer", "idle peer"])
    assert "| 200 | 100 (2×) in 2 of 3 | fails |" in said


async def test_without_enough_edits_no_server_is_blamed(plan: Plan) -> None:
    async with relaying(lambda number, frame: [frame]) as port:
        with pytest.raises(OutOfEdits):
            await drive(replace(plan, rate=1200), port, "/room", is_silent=True)


async def test_what_a_server_loses_is_counted(plan: Plan) -> None:
    async with relaying(lambda number, frame: [] if number % 10 == 0 else [frame]) as port:
        result = await drive(plan, port, "/room", is_silent=True)
    assert result.lost == 12 * 5
    assert result.delivered == 108 * 5
    assert result.duplicates == 0


async def test_what_a_server_repeats_is_counted(plan: Plan) -> None:
    async with relaying(lambda number, frame: [frame, frame]) as port:
        result = await drive(plan, port, "/room", is_silent=True)
    assert result.lost == 0
    assert result.delivered == 120 * 5
    assert result.duplicates == 120 * 5


async def test_edits_are_counted_in_merged_updates_too(plan: Plan) -> None:
    kept: list[bytes] = []

    def two_at_once(number: int, frame: bytes) -> list[bytes]:
        kept.append(read_var_bytes(frame, 2)[0])
        if number % 2:
            return []
        merged = encode_message(Update(pycrdt.merge_updates(*kept)))
        kept.clear()
        return [merged]

    async with relaying(two_at_once) as port:
        result = await drive(plan, port, "/room", is_silent=True)
    # Whoever sent the second of two does not get the first: a loss of this relay, not of ours.
    assert result.lost == 60
    assert result.delivered == 120 * 5 - 60
    assert result.frames == 60 * 5
