"""Whoever sends much is read from in rounds, and from then on as before when there is no more."""

import asyncio

from collab.rounds import Rounds
from tests.clients import until


class Line:
    """A connection on which something may have come."""

    def __init__(self, *, is_stream: bool = False) -> None:
        self.reads = 0
        self.came = 0
        self.got: list[int] = []
        self.waits = False
        self._is_stream = is_stream

    def read(self) -> bool:
        if self.came:
            self.reads += 1
            self.got.append(self.came)
            self.came = 0
        return not self._is_stream

    def wait_for_more(self) -> None:
        self.waits = True


async def test_what_has_come_by_the_next_round_is_read_at_once() -> None:
    rounds, line = Rounds(), Line()
    rounds.add(line)
    for _ in range(3):
        line.came += 1
        await asyncio.sleep(0)
    assert line.got == []
    await until(lambda: line.got == [3])
    assert not line.waits


async def test_who_has_fallen_silent_is_waited_for_again() -> None:
    rounds, quiet, busy = Rounds(), Line(), Line()
    rounds.add(quiet)
    rounds.add(busy)

    def still_comes() -> bool:
        busy.came += 1
        return quiet.waits

    await until(still_comes)
    assert quiet not in rounds
    assert busy in rounds
    await until(lambda: busy.waits)
    rounds.add(quiet)
    quiet.came = 1
    await until(lambda: quiet.got == [1])


async def test_whatever_befalls_one_the_others_are_read() -> None:
    class Broken(Line):
        def read(self) -> bool:
            raise SystemError("out of a protocol")

    rounds, broken, line = Rounds(), Broken(), Line()
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    rounds.add(broken)
    rounds.add(line)
    line.came = 1
    await until(lambda: line.got == [1])
    assert broken.waits
    assert broken not in rounds
    late = Line()
    late.came = 1
    rounds.add(late)
    await until(lambda: late.got == [1])


async def test_a_stream_is_not_slowed_down() -> None:
    rounds, line = Rounds(), Line(is_stream=True)
    rounds.add(line)
    line.came = 1
    await until(lambda: line.waits)
    assert line.got == [1]


async def test_many_are_read_in_several_turns_of_the_loop() -> None:
    rounds, lines, turns = Rounds(), [Line() for _ in range(100)], 0
    for line in lines:
        line.came = 1
        rounds.add(line)
    while not lines[-1].got:
        turns += bool(lines[0].got)
        await asyncio.sleep(0)
    assert turns > 5
    assert [line.got for line in lines] == [[1]] * 100
