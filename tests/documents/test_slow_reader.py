"""One of fifty does not read while others edit heavily: a cost to nobody, and it catches up."""

import asyncio
import statistics
import time
from functools import partial
from typing import Any

from tests.clients import Client, until

MEMBERS = 48  # besides the writer and the one that stalls
BACKLOG = 256 * 1024
MiB = 1024 * 1024
PAGE = "x" * 60_000
PAGES = 400


class Watcher(Client):
    """Notes when something came, and keeps nothing of it."""

    def _forget(self) -> None:
        super()._forget()
        self.heard_at = 0.0
        self.bytes = 0

    def _hear(self, frame: bytes) -> None:
        self.heard_at = time.monotonic()
        self.bytes += len(frame)
        if not self.synced.is_set():
            super()._hear(frame)


def have_heard(watchers: list[Watcher], since: float) -> bool:
    return all(each.heard_at > since for each in watchers)


async def writes_pages(author: Client, watchers: list[Watcher], pages: int) -> list[float]:
    """Write and delete page after page, each when the last was seen by all; the latencies."""
    latencies = []
    for _ in range(pages):
        began = time.monotonic()
        author.types(PAGE, place=0)
        await until(partial(have_heard, watchers, began), within=20)
        latencies.append(time.monotonic() - began)
        del author.text[0 : len(PAGE)]
    return latencies


async def test_a_stalled_reader_costs_nobody_anything_and_catches_up(new_server: Any) -> None:
    server = new_server(
        COLLAB_MAX_BACKLOG_BYTES=str(BACKLOG),
        COLLAB_BACKLOG_TIMEOUT_S="60",
        COLLAB_MAX_BYTES_PER_S="0",
    )
    document = server.new_document()
    author, stalled = Client(server, document, ack="count"), Client(server, document)
    watchers = [Watcher(server, document) for _ in range(MEMBERS)]
    async with author, stalled:
        await asyncio.gather(*(each.connect() for each in watchers))
        before = await writes_pages(author, watchers, PAGES // 4)
        await author.all_saved()
        memory = server.memory_bytes

        stalled.reads.clear()
        heard = len(stalled.frames)
        during = await writes_pages(author, watchers, PAGES)
        author.types("the end")
        await author.all_saved()
        grown = server.memory_bytes - memory
        written = PAGES * len(PAGE)
        print(
            f"{written / MiB:.0f} MiB written, {grown / MiB:.1f} MiB of memory; median latency "
            f"{statistics.median(before) * 1000:.0f} ms before, "
            f"{statistics.median(during) * 1000:.0f} ms with the stalled reader"
        )
        assert grown < written / 4
        assert statistics.median(during) < 2 * statistics.median(before) + 0.02

        stalled.reads.set()
        await stalled.sees("the end", within=20)
        assert str(stalled.text) == str(author.text)
        assert stalled.close_code is None
        assert len(stalled.frames) - heard < PAGES  # not every edit, though each was two
        await asyncio.gather(*(each.disconnect() for each in watchers))


async def test_who_does_not_read_at_all_is_closed_with_4508(new_server: Any) -> None:
    server = new_server(COLLAB_MAX_BACKLOG_BYTES=str(BACKLOG), COLLAB_BACKLOG_TIMEOUT_S="2")
    document = server.new_document()
    async with Client(server, document) as author, Client(server, document) as stalled:
        stalled.reads.clear()
        for _ in range(300):
            author.types(PAGE, place=0)
            await asyncio.sleep(0.005)
            del author.text[0 : len(PAGE)]
        await until(lambda: server.log_lines("sent away", "unresponsive"), within=15)
        stalled.reads.set()
        await asyncio.wait_for(stalled.closed.wait(), 30)
        author.types("still here")
        async with Client(server, document) as newcomer:
            await newcomer.sees("still here")
