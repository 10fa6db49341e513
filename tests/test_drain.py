"""A process that is told to stop hands everybody over, and loses nothing."""

import asyncio
import random
import signal
import socket
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import Any

import aiohttp
import httpx
import pytest

from tests.clients import Client, until
from tests.servers import PYTHON, ROOT, NewDocument, Server
from tests.slow_markdown import SLOW

CONNECTIONS = 500
WRITERS = 50
DRAIN_S = 5.0
PROGRAMS = 6


class Follower(Client):
    """Goes to the other process when it is sent away."""

    def __init__(self, here: Server, there: Server, document: NewDocument) -> None:
        super().__init__(here, document, ack="count")
        self._there = f"{there.socket_url}/{document.id}"
        self.sent_away: tuple[float, int | None] | None = None

    async def lives(self) -> None:
        await self.closed.wait()
        self.sent_away = time.monotonic(), self.close_code
        await self.disconnect()
        self.url = self._there
        while not self.is_connected:
            with suppress(aiohttp.ClientError, OSError):
                await self.connect()


async def test_five_hundred_are_handed_over_under_load(new_server: Any) -> None:
    settings = {"COLLAB_DRAIN_S": str(DRAIN_S), "COLLAB_MAX_CONNECTIONS_PER_ADDRESS": "0"}
    here = new_server(backend="postgres", **settings)
    there = here.another()
    documents = [here.new_document() for _ in range(WRITERS)]
    followers = [
        Follower(here, there, documents[number % WRITERS]) for number in range(CONNECTIONS)
    ]
    writers = followers[:WRITERS]
    dice = random.Random(7)
    for start in range(0, CONNECTIONS, 100):
        await asyncio.gather(*(each.connect() for each in followers[start : start + 100]))
    lives = [asyncio.create_task(each.lives()) for each in followers]
    is_over = False

    async def writes(writer: Follower) -> None:
        while not is_over:
            writer.types("x")
            await asyncio.sleep(dice.random())

    writing = [asyncio.create_task(writes(writer)) for writer in writers]
    await asyncio.sleep(1)
    told = time.monotonic()
    here.signal(signal.SIGTERM)
    code = await asyncio.to_thread(here.wait_for_exit, 40)
    stopped_after = time.monotonic() - told
    await asyncio.wait_for(asyncio.gather(*lives), 30)
    is_over = True
    await asyncio.gather(*writing)
    await asyncio.gather(*(each.all_saved(within=20) for each in writers))

    away = [each.sent_away for each in followers if each.sent_away is not None]
    assert {code for _, code in away} == {4503}
    assert len(away) == CONNECTIONS
    spread = max(at for at, _ in away) - told
    first_half = sum(at - told < DRAIN_S / 2 for at, _ in away)
    print(
        f"{CONNECTIONS} sent away within {spread:.1f} s, {first_half} of them in the first half; "
        f"exit {code} after {stopped_after:.1f} s"
    )
    assert code == 0
    assert spread < DRAIN_S + 3
    assert CONNECTIONS * 0.25 < first_half < CONNECTIONS * 0.75
    assert stopped_after < DRAIN_S + 8
    for number, writer in enumerate(writers):
        others = [each for each in followers[number::WRITERS] if each is not writer]
        written = str(writer.text)
        await until(lambda: all(str(each.text) == written for each in others), within=10)  # noqa: B023
        assert there.snapshot(documents[number])
    await asyncio.gather(*(each.disconnect() for each in followers))


async def test_a_second_signal_exits_at_once(new_server: Any) -> None:
    server = new_server(COLLAB_DRAIN_S="30")
    document = server.new_document()
    clients = [Client(server, document, ack="count") for _ in range(40)]  # for four seconds
    await asyncio.gather(*(each.connect() for each in clients))
    clients[0].types("safe")
    await clients[0].all_saved()
    server.signal(signal.SIGTERM)
    await until(lambda: server.log_lines("stopping"))
    await asyncio.sleep(1.2)
    began = time.monotonic()
    server.signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.wait_for_exit, 5) == 1
    assert time.monotonic() - began < 2
    await asyncio.gather(*(each.disconnect() for each in clients))
    server.start()
    async with Client(server, document) as newcomer:
        assert str(newcomer.text) == "safe"


async def test_a_signal_that_comes_by_two_ways_is_one(new_server: Any) -> None:
    server = new_server(COLLAB_DRAIN_S="2")
    document = server.new_document()
    clients = [Client(server, document) for _ in range(5)]
    await asyncio.gather(*(each.connect() for each in clients))
    server.signal(signal.SIGTERM)
    await until(lambda: server.log_lines("stopping"))
    server.signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.wait_for_exit, 20) == 0
    assert server.log_lines("drained")
    await asyncio.gather(*(each.disconnect() for each in clients))


@pytest.mark.parametrize(("is_converting", "within"), [(False, 4.0), (True, 9.0)])
def test_requests_are_answered_and_what_cannot_be_stopped_keeps_nobody(
    new_server: Any, is_converting: bool, within: float
) -> None:
    server: Server = new_server(program=(PYTHON, "tests/slow_markdown.py"))
    made = server.api("POST", "documents", json={"title": "x", "content": "begun"})
    path = f"documents/{made.json()['id']}"
    answers: dict[str, int] = {}

    def read_and_write(number: int) -> None:
        alice, address = server.people["alice"].bearer, f"{server.url}/api/v1/{path}"
        with httpx.Client(headers=alice, timeout=30) as program:
            for written in count():
                mark = f"m{number}x{written}e"
                operation = {"op": "append", "content": mark}
                answer = program.patch(f"{address}/content", json={"operations": [operation]})
                answers[mark] = answer.status_code
                program.get(f"{address}/snapshot?format=text").raise_for_status()

    with ThreadPoolExecutor(PROGRAMS + 1) as threads:
        programs = [threads.submit(read_and_write, number) for number in range(PROGRAMS)]
        conversion: Future[Any] | None = None
        if is_converting:
            wish = {"title": "x", "content": SLOW}
            conversion = threads.submit(server.api, "POST", "documents", json=wish)
        asyncio.run(until(lambda: len(answers) > 10 * PROGRAMS, within=30))
        told = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait_for_exit(20) == 0
        assert time.monotonic() - told < within

    # Nobody's request was cut off, save the one that could not be answered in time.
    assert [type(each.exception()) for each in programs] == [httpx.ConnectError] * PROGRAMS
    assert conversion is None or isinstance(conversion.exception(), httpx.RemoteProtocolError)
    server.start()
    assert not server.log_lines("crashed or stalled")
    text = server.api("GET", f"{path}/snapshot?format=text").raise_for_status().text.split()
    assert len(text) == len(set(text))
    assert set(answers.values()) <= {200, 503}
    assert set(text) - {"begun"} == {mark for mark, status in answers.items() if status == 200}


async def test_a_crash_is_no_drain(new_server: Any) -> None:
    """Who is closed by a kill sees no close code of ours."""
    server = new_server()
    document = server.new_document()
    client = await Client(server, document).connect()
    server.kill()
    await asyncio.wait_for(client.closed.wait(), 5)
    assert client.close_code not in {1000, 4503}
    await client.disconnect()


def test_a_port_that_is_taken_ends_the_start(new_server: Any) -> None:
    server = new_server()
    server.stop()
    with socket.create_server(("127.0.0.1", server.port)):
        command = [PYTHON, "manage.py", "serve", "--port", str(server.port)]
        ended = subprocess.run(
            command, cwd=ROOT, env=server.environment, capture_output=True, text=True, check=False
        )
    assert ended.returncode == 1
    assert "Address already in use" in ended.stderr
