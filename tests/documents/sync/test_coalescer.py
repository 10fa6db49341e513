"""At once when idle, once per interval under load, and never most of the time."""

import asyncio
import time
from itertools import pairwise

from documents.sync.coalescer import Coalescer
from tests.clients import until


def work(seconds: float) -> None:
    """Use the processor for so long."""
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


async def test_the_first_poke_acts_at_once_and_the_others_once_per_interval() -> None:
    acted: list[float] = []
    loop = asyncio.get_running_loop()
    coalescer = Coalescer(lambda: acted.append(loop.time()), interval_s=0.05)
    began = loop.time()
    for _ in range(12):
        coalescer.poke()
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.06)
    assert 2 <= len(acted) <= 1 + (loop.time() - began) / 0.05
    assert all(later - earlier >= 0.045 for earlier, later in pairwise(acted))


async def test_what_takes_long_rests_longer_also_after_what_could_not_wait() -> None:
    acted: list[float] = []
    loop = asyncio.get_running_loop()

    def act() -> None:
        work(0.02)
        acted.append(loop.time())

    coalescer = Coalescer(act, interval_s=0.001)
    coalescer.act_now()
    began = loop.time()
    while loop.time() - began < 0.35:
        coalescer.poke()
        await asyncio.sleep(0.002)
    assert len(acted) <= 2 + (loop.time() - began) / 0.12  # 17 if it did nothing else


async def test_where_others_need_the_processor_it_acts_less_often() -> None:
    acted: list[float] = []
    loop = asyncio.get_running_loop()
    coalescer = Coalescer(lambda: acted.append(loop.time()), interval_s=0.001)
    coalescer.poke()
    work(0.02)  # before it can act
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    coalescer.poke()
    await until(lambda: len(acted) == 2)
    assert acted[1] - acted[0] > 0.05


async def test_nobody_waits_longer_than_a_tenth_of_a_second() -> None:
    acted: list[float] = []
    loop = asyncio.get_running_loop()

    def act() -> None:
        work(0.1)
        acted.append(loop.time())

    coalescer = Coalescer(act, interval_s=0.001)
    coalescer.act_now()
    coalescer.poke()
    await until(lambda: len(acted) == 2)
    assert acted[1] - acted[0] < 0.1 + 0.4  # it would be five times as long
