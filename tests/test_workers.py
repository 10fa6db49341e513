"""The workers beside a server share its memory, come back when they die, and end with it."""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tests.backends import free_port
from tests.clients import Client, until
from tests.servers import PYTHON, ROOT, Server

HEAP = 64 * 1024 * 1024  # glibc's HEAP_MAX_SIZE
BOTH = {"COLLAB_COMPACT_WORKER": "1", "COLLAB_WEBHOOK_WORKER": "1"}


def with_workers(new_server: Any) -> Server:
    server: Server = new_server(**BOTH)
    return server


def children(pid: int) -> set[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(each) for each in text.split() if is_alive(int(each))}


def is_alive(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def kilobytes(pid: int, kind: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:"))


async def test_they_are_two_and_take_little_memory_of_their_own(new_server: Any) -> None:
    workers = children(with_workers(new_server).pid)
    assert len(workers) == 2
    for pid in workers:
        assert kilobytes(pid, "Pss") < 0.75 * kilobytes(pid, "Rss")


async def test_all_threads_of_the_server_share_one_heap(new_server: Any) -> None:
    # What one thread has freed would be of no use to the others, and stay with the process.
    server = with_workers(new_server)
    async with Client(server, server.new_document(), ack="count") as alice:
        alice.types("x" * 100_000)  # is checked in one thread, stored in another
        await alice.all_saved(within=10)
    assert not heaps_of_threads(server.pid)


def heaps_of_threads(pid: int) -> list[str]:
    """glibc reserves 64 MB for each and has given them less than that."""
    maps = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    return [
        each[0]
        for each in maps
        if len(each) == 5 and each[1] == "---p" and HEAP / 2 < size_of(each[0]) < HEAP
    ]


def size_of(addresses: str) -> int:
    start, end = addresses.split("-")
    return int(end, 16) - int(start, 16)


async def test_they_share_no_connection_with_it(new_server: Any) -> None:
    # Each of two processes on one connection to the database would read the other's answers.
    server = with_workers(new_server)
    document = server.new_document()
    async with Client(server, document, ack="count") as alice:
        alice.types("x")
        await alice.all_saved(within=10)
        for pid in children(server.pid):
            assert not sockets_of(pid) & sockets_of(server.pid)


def sockets_of(pid: int) -> set[str]:
    found = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(each.readlink()))
    return {each for each in found if each.startswith("socket:")}


async def test_people_who_type_come_before_them(new_server: Any) -> None:
    server = with_workers(new_server)
    nice = {os.getpriority(os.PRIO_PROCESS, pid) for pid in children(server.pid)}
    assert nice == {os.getpriority(os.PRIO_PROCESS, server.pid) + 10}


async def test_one_that_was_killed_is_started_again(new_server: Any) -> None:
    server = with_workers(new_server)
    first = children(server.pid)
    killed = min(first)
    os.kill(killed, signal.SIGKILL)
    await until(lambda: children(server.pid) - first, within=10)
    assert killed not in children(server.pid)
    assert first - {killed} <= children(server.pid)


async def test_ctrl_c_in_a_terminal_is_for_the_server_alone(new_server: Any) -> None:
    server = with_workers(new_server)
    groups = {os.getpgid(pid) for pid in children(server.pid)}
    assert os.getpgid(server.pid) not in groups


async def test_a_server_that_may_not_start_says_so_and_leaves_none_behind(new_server: Any) -> None:
    first: Server = new_server(backend="sqlite", **BOTH)
    command = [PYTHON, "manage.py", "serve", "--port", str(free_port())]
    run = partial(subprocess.run, cwd=ROOT, env=first.environment, timeout=60)
    refused = await asyncio.to_thread(run, command, capture_output=True)
    assert refused.returncode == 1
    assert b"another process serves this database" in refused.stderr


async def test_they_end_with_a_server_that_stops(new_server: Any) -> None:
    server = with_workers(new_server)
    workers = children(server.pid)
    assert server.stop() == 0
    await until(lambda: not any(map(is_alive, workers)), within=20)


async def test_they_end_with_a_server_that_is_killed(new_server: Any) -> None:
    server = with_workers(new_server)
    workers = children(server.pid)
    os.kill(min(workers), signal.SIGKILL)  # the one that comes after it was not forked
    await until(lambda: len(children(server.pid) - workers) > 0, within=10)
    workers |= children(server.pid)
    server.kill()
    await until(lambda: not any(map(is_alive, workers)), within=20)
