"""Flow control: a stand-in for Twisted's transport is told when to stop and when to go on."""

import asyncio

from collab.flow import Flow


class Transport:
    disconnecting = False
    dataBuffer, offset, _tempDataLen = b"12345", 2, 4

    def __init__(self) -> None:
        self.producer: object = "the HTTP channel"
        self.is_read = True

    def registerProducer(self, producer: object, streaming: bool) -> None:
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.is_read = False

    def resumeProducing(self) -> None:
        self.is_read = True


async def test_sending_waits_while_the_transport_is_full() -> None:
    flow = Flow(transport := Transport())
    flow.begin()
    assert transport.producer is flow
    await flow.writable()
    flow.pauseProducing()
    waiting = asyncio.create_task(flow.writable())
    await asyncio.sleep(0)
    assert not waiting.done()
    flow.resumeProducing()
    await waiting
    assert flow.unsent_bytes() == 7


async def test_a_closing_transport_does_not_wait_for_us() -> None:
    flow = Flow(transport := Transport())
    flow.begin()
    transport.disconnecting = True
    flow.resumeProducing()
    assert transport.producer is None


async def test_a_client_is_not_read_from_while_too_much_of_it_waits() -> None:
    flow = Flow(transport := Transport())
    for _ in range(257):
        flow.received(10)
    assert not transport.is_read
    for _ in range(128):
        flow.taken(10)
    assert not transport.is_read  # only when half of it is gone: no flapping
    flow.taken(10)
    assert transport.is_read
    flow.received(2_000_000)
    assert not transport.is_read
    flow.taken(2_000_000)
    assert transport.is_read
