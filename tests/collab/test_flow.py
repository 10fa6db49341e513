"""Flow control: a stand-in for Twisted's transport is told when to stop and when to go on."""

import asyncio
from collections.abc import Sequence

from collab.flow import Flow


class Transport:
    connected, disconnecting = True, False
    dataBuffer, offset, _tempDataLen = b"12345", 2, 4

    def __init__(self) -> None:
        self.producer: object = "the HTTP channel"
        self.is_read = True
        self.sent = b""
        self.takes = 1_000_000
        self.is_full_at_once = False
        self._tempDataBuffer: list[bytes] = []

    @property
    def socket(self) -> "Transport":
        return self

    def send(self, data: bytes) -> int:
        if self.takes < 0:
            raise ConnectionError("lost")
        if self.takes == 0:
            raise BlockingIOError
        self.sent += data[: self.takes]
        return min(self.takes, len(data))

    def write(self, data: bytes) -> None:
        self._tempDataBuffer.append(data)
        if self.is_full_at_once:
            self.producer.pauseProducing()  # type: ignore[attr-defined]

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


def idle_flow() -> tuple[Flow, Transport]:
    flow = Flow(transport := Transport())
    transport.dataBuffer = b""
    flow.begin()
    return flow, transport


def test_an_idle_transport_takes_a_message_at_once() -> None:
    flow, transport = idle_flow()
    assert flow.send_now(b"news")
    assert transport.sent == b"\x82\x04news"


def test_what_the_transport_does_not_take_at_once_waits_in_it() -> None:
    flow, transport = idle_flow()
    transport.takes = 3
    assert flow.send_now(b"news")
    assert transport.sent + b"".join(transport._tempDataBuffer) == b"\x82\x04news"
    assert not flow.send_now(b"more")  # or it would come first


def test_nothing_overtakes_what_waits_or_follows_the_end() -> None:
    flow, transport = idle_flow()
    transport.dataBuffer = b"before"
    assert not flow.send_now(b"news")
    transport.dataBuffer = b""
    flow.pauseProducing()
    assert not flow.send_now(b"news")
    flow.resumeProducing()
    transport.takes = -1  # the connection is lost, and the transport has to find out
    assert not flow.send_now(b"news")
    transport.takes = 100
    flow.end()
    assert not flow.send_now(b"news")
    assert transport.sent == b""


async def test_a_large_message_is_copied_only_as_fast_as_it_is_sent() -> None:
    flow, transport = idle_flow()
    transport.is_full_at_once = True
    message = bytes(range(256)) * 1024  # four fragments
    sending = asyncio.create_task(flow.send(message))
    for sent in range(1, 5):
        await asyncio.sleep(0.01)
        assert len(transport._tempDataBuffer) == sent
        flow.resumeProducing()
    await sending
    written = b"".join(frame[10:] for frame in transport._tempDataBuffer)
    assert written == message


async def test_a_message_that_is_given_up_is_finished_before_the_next() -> None:
    flow, transport = idle_flow()
    message = b"m" * 200_000
    flow.pauseProducing()
    sending = asyncio.create_task(flow.send(message))
    await asyncio.sleep(0)
    sending.cancel()
    assert not await flow.finish(within_s=0.01)  # who does not read is not waited for
    assert flow.is_amid_message
    assert transport._tempDataBuffer == []
    flow.resumeProducing()
    assert await flow.finish(within_s=1)
    assert [frame[0] for frame in transport._tempDataBuffer] == [0x02, 0, 0, 0x80]
    assert sum(frame.count(b"m") for frame in transport._tempDataBuffer) == len(message)


def test_messages_are_offered_before_they_wait_and_never_out_of_order() -> None:
    flow, _ = idle_flow()
    offered: list[bytes] = []

    def take(messages: Sequence[bytes]) -> int:
        offered.extend(messages)
        return messages.index(b"unusual") if b"unusual" in messages else len(messages)

    assert flow.offer([b"nobody listens yet"]) == 0
    flow.listen(take)
    assert flow.offer([b"1", b"2"]) == 2
    assert flow.offer([b"3", b"unusual", b"4"]) == 1
    flow.received(7)  # it waits for its turn, and what came after it
    flow.received(1)
    assert flow.offer([b"5"]) == 0, "it came after those that wait"
    flow.taken(7)
    assert flow.offer([b"5"]) == 0
    flow.taken(1)
    assert flow.offer([b"6"]) == 1
    assert flow.offer([b"x"] * 1000) < 1000, "others are to be served, too"
    flow.listen(None)
    assert flow.offer([b"7"]) == 0
    assert offered[:6] == [b"1", b"2", b"3", b"unusual", b"4", b"6"]
