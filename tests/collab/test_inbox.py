"""An inbox gives out what was put into it, in order, and loses nothing."""

import asyncio

import pytest

from collab.inbox import Inbox


def message(number: int) -> dict[str, int]:
    return {"number": number}


async def test_what_waits_is_taken_in_order():
    inbox = Inbox()
    for number in range(3):
        inbox.put_nowait(message(number))
    assert [await inbox.get() for _ in range(3)] == [message(number) for number in range(3)]


async def test_who_waits_gets_the_next_message():
    inbox = Inbox()
    taking = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    assert not taking.done()
    inbox.put_nowait(message(1))
    inbox.put_nowait(message(2))
    assert await asyncio.wait_for(taking, 1) == message(1)
    assert await asyncio.wait_for(inbox.get(), 1) == message(2)


async def test_who_gave_up_leaves_the_message_to_the_next():
    inbox = Inbox()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(inbox.get(), 0.01)
    taking = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(message(1))
    taking.cancel()  # when it was just about to take it
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert await asyncio.wait_for(inbox.get(), 1) == message(1)


async def test_who_comes_while_another_gives_up_is_not_forgotten():
    inbox = Inbox()
    impatient = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    patient = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    inbox.put_nowait(message(1))
    assert await asyncio.wait_for(patient, 1) == message(1)
