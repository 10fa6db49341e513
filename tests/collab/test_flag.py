"""A flag lets everybody go on who waits for it, and nobody else."""

import asyncio

import pytest

from collab.flag import Flag


async def waiting_for(flag: Flag) -> asyncio.Task[None]:
    task = asyncio.create_task(flag.wait())
    await asyncio.sleep(0)
    return task


async def test_nobody_waits_for_one_that_is_set():
    await Flag(is_set=True).wait()
    flag = Flag()
    flag.set()
    await flag.wait()
    assert flag.is_set()


async def test_all_who_wait_go_on_even_if_it_is_cleared_at_once():
    flag = Flag()
    first, second = await waiting_for(flag), await waiting_for(flag)
    flag.set()
    flag.clear()
    await asyncio.wait_for(asyncio.gather(first, second), 1)
    assert not flag.is_set()


async def test_after_it_was_cleared_one_waits_again():
    flag = Flag(is_set=True)
    flag.clear()
    task = await waiting_for(flag)
    assert not task.done()
    flag.set()
    await asyncio.wait_for(task, 1)


async def test_who_gave_up_takes_nobody_along_and_leaves_nothing():
    flag = Flag()
    patient = await waiting_for(flag)
    for _ in range(1000):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flag.wait(), 0)
    assert len(flag._waiters) <= 2
    flag.set()
    await asyncio.wait_for(patient, 1)
