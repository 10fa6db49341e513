import asyncio
from typing import Any

from documents.sync.bus import Seat


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

    async def group_send(self, group: str, message: dict[str, Any]) -> None: ...

    async def receive(self, channel: str) -> dict[str, Any]:
        return await asyncio.Event().wait() and {}


async def test_a_task_ends_although_the_layer_lost_its_cancellation() -> None:
    layer = DeafLayer()
    taking = asyncio.create_task(Seat(layer, "group", is_alone=True).take())
    await layer.is_asked.wait()
    taking.cancel()
    await asyncio.wait([taking], timeout=5)
    assert taking.cancelled()
