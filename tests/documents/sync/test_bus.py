import asyncio
from typing import Any

import pytest

from documents.sync.bus import HERE, Seat
from tests.clients import until


class DeafLayer:
    """Loses a cancellation that comes while it connects, as redis-py does before Python 3.12."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()

    async def new_channel(self, prefix: str = "") -> str:
        self.is_asked.set()
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return "channel"
        return "channel"

    async def group_add(self, group: str, channel: str) -> None: ...

    async def group_discard(self, group: str, channel: str) -> None: ...

    async def group_send(self, group: str, message: dict[str, Any]) -> int | None: ...

    async def receive(self, channel: str) -> dict[str, Any]:
        return await asyncio.Event().wait() and {}


class SlowLayer(DeafLayer):
    """Answers when it ``may_answer``, that one process received the message."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []
        self.brings: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.may_answer = asyncio.Event()

    async def group_send(self, group: str, message: dict[str, Any]) -> int:
        self.sent.append(message)
        await self.may_answer.wait()
        return 1

    async def receive(self, channel: str) -> dict[str, Any]:
        return await self.brings.get()


@pytest.mark.parametrize("somebody_came", [False, True])
async def test_a_seat_is_silent_unless_somebody_came_since_the_last_answer(
    somebody_came: bool,
) -> None:
    layer = SlowLayer()
    seat = Seat(layer, "group", is_alone=False)
    tasks = [asyncio.create_task(seat.run()), asyncio.create_task(seat.next_message())]
    seat.publish("first")
    await until(lambda: layer.sent)
    layer.brings.put_nowait(layer.sent[0])
    if somebody_came:
        layer.brings.put_nowait({"type": HERE, "origin": "somebody"})
    await until(layer.brings.empty)
    layer.may_answer.set()
    await asyncio.sleep(0.01)
    assert seat.is_heard == somebody_came
    seat.publish("second")
    await asyncio.sleep(0.01)
    assert len(layer.sent) == 1 + somebody_came
    for task in tasks:
        task.cancel()


async def test_a_task_ends_although_the_layer_lost_its_cancellation() -> None:
    layer = DeafLayer()
    taking = asyncio.create_task(Seat(layer, "group", is_alone=True).take())
    await layer.is_asked.wait()
    taking.cancel()
    await asyncio.wait([taking], timeout=5)
    assert taking.cancelled()
