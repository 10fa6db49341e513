"""A member costs no task while it has nothing to carry, and ends with the error it is closed by."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from collab.accounts.principal import Principal
from collab.errors import CollabError, NoAccess, Unavailable
from documents.models import Role
from documents.sync.member import Member, Wishes
from presence.identity import identity_of
from tests.clients import until


class Socket:
    """What a member is connected to. ``takes``: its buffer has room; ``moves``: it is read."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.takes = True
        self.moves = asyncio.Event()
        self.moves.set()
        self.started = 0
        self.is_amid_frame = False
        self.member = _member()

    def send_now(self, frame: bytes) -> bool:
        if self.takes:
            self.sent.append(frame)
        return self.takes

    async def send_bytes(self, frame: bytes) -> None:
        self.is_amid_frame = True
        await self.moves.wait()
        self.sent.append(frame)

    def unsent_bytes(self) -> int:
        return 0

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.started += 1
        self._tasks.create_task(work)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """As a consumer does it. Raises what the member is closed with."""
        async with asyncio.TaskGroup() as self._tasks:
            self.member.connect(self)
            try:
                yield
            finally:
                self.member.disconnect()


def _member() -> Member:
    principal = Principal(guest_id="bob", name="bob")
    return Member(principal, identity_of(principal), Role.EDITOR, Wishes(), now=0)


async def end_of(socket: Socket, act: Callable[[], Awaitable[None]]) -> Exception:
    """What a connection ends with in which this happens, and which would go on for ever."""
    ends: Sequence[Exception] = ()
    try:
        async with socket.connected():
            await act()
            await asyncio.wait_for(asyncio.Event().wait(), 5)
    except ExceptionGroup as group:
        ends = group.exceptions
    assert not any(isinstance(end, TimeoutError) for end in ends), "it went on for ever"
    return ends[0]


async def closed_with(socket: Socket, *errors: CollabError) -> Exception:
    async def close() -> None:
        for error in errors:
            socket.member.close(error)

    return await end_of(socket, close)


async def test_what_the_socket_takes_needs_no_task() -> None:
    socket = Socket()
    async with socket.connected():
        for number in range(100):
            socket.member.send(b"%d" % number, 0)
    assert len(socket.sent) == 100
    assert socket.started == 0


async def test_what_it_does_not_take_is_carried_by_one_task_that_ends() -> None:
    socket = Socket()
    async with socket.connected():
        for burst in range(3):
            socket.takes = False
            for number in range(10):
                socket.member.send(b"%d" % number, 0)
            socket.takes = True
            await until(lambda burst=burst: len(socket.sent) == 10 * (burst + 1))
        assert socket.started == 3
    assert socket.sent == [b"%d" % number for number in range(10)] * 3


async def test_what_is_sent_at_once_never_overtakes_what_is_on_its_way() -> None:
    socket = Socket()
    socket.member.send(b"0", 0)
    assert socket.sent == [], "it may be withdrawn until it is carried"
    async with socket.connected():
        await until(lambda: socket.sent == [b"0"])
        socket.moves.clear()
        socket.member.send(b"1", 0)
        socket.takes = False
        socket.member.send(b"2", 0)
        await asyncio.sleep(0)  # 2 is out of the queue, and not sent yet
        socket.takes = True
        socket.member.send(b"3", 0)
        assert socket.sent == [b"0", b"1"]
        socket.moves.set()
        await until(lambda: len(socket.sent) == 4)
        socket.member.send(b"4", 0)
        assert socket.sent == [b"0", b"1", b"2", b"3", b"4"]
        assert socket.started == 2, "there is nothing to carry any more"


async def test_who_is_closed_is_still_sent_what_waited() -> None:
    socket = Socket()
    socket.member.send(b"greeting", 0)
    error = await closed_with(socket, Unavailable("stopping"))
    assert isinstance(error, Unavailable)
    assert socket.sent == [b"greeting"]


async def test_who_may_not_see_it_any_more_is_sent_nothing_even_amid_a_frame() -> None:
    socket = Socket()
    socket.moves.clear()
    socket.member.send(b"first", 0)
    socket.member.send(b"secret", 0)

    async def withdraw() -> None:
        await until(lambda: socket.is_amid_frame)
        socket.member.close(Unavailable("stopping"))
        socket.member.close(NoAccess("withdrawn"))

    assert isinstance(await end_of(socket, withdraw), NoAccess)
    assert socket.sent == []
    assert socket.started == 2


async def test_who_was_closed_before_it_was_connected_ends_at_once() -> None:
    socket = Socket()
    socket.member.close(NoAccess("withdrawn"))
    assert isinstance(await closed_with(socket), NoAccess)


async def test_a_room_may_speak_and_close_when_a_connection_has_ended() -> None:
    socket = Socket()
    socket.moves.clear()
    socket.takes = False

    async def leave() -> None:
        socket.member.send(b"on its way", 0)
        await asyncio.sleep(0)
        raise ConnectionResetError

    assert isinstance(await end_of(socket, leave), ConnectionResetError)
    socket.member.send(b"to nobody", 0)
    socket.member.close(Unavailable("stopping"))
    socket.member.close(NoAccess("withdrawn"))
    assert socket.started == 1


async def test_who_is_closed_for_what_they_should_catch_up_with_ends() -> None:
    socket = Socket()
    socket.takes = False

    async def fall_behind() -> None:
        socket.member.send(b"the last that was read", 0)
        socket.member.fall_behind(lambda: socket.member.close(Unavailable("to be loaded again")))

    assert isinstance(await end_of(socket, fall_behind), Unavailable)
    assert socket.sent == [b"the last that was read"]


async def test_nothing_is_started_between_a_failure_and_the_end_of_its_connection() -> None:
    socket = Socket()
    socket.takes = False

    async def fail(frame: bytes) -> None:
        raise ConnectionResetError

    async def speak() -> None:
        socket.member.send(b"1", 0)
        while socket.member._is_carried:
            await asyncio.sleep(0)
        socket.member.send(b"2", 0)  # its group has not heard of the failure yet
        socket.member.close(NoAccess("withdrawn"))

    socket.send_bytes = fail  # type: ignore[method-assign]
    assert isinstance(await end_of(socket, speak), ConnectionResetError)
    assert socket.started == 1
