"""A few threads, shared fairly: who asks for much keeps nobody else waiting."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Event

import pytest

from collab.errors import TooManyRequests, Unavailable
from collab.shares import SharedThreads

AT_MOST_S = 5


@pytest.fixture
def may_end() -> Iterator[Event]:
    may_end = Event()
    yield may_end
    may_end.set()


def shared(threads: int = 3) -> SharedThreads:
    return SharedThreads("test", threads=threads, share=share, most_of_one=3, most=5)


def share(asker: str) -> int:
    return 1 if asker == "guests" else 2


def test_one_asker_has_no_more_than_a_share(may_end: Event) -> None:
    threads = shared()
    long = [threads.submit("eve", lambda: may_end.wait(AT_MOST_S)) for _ in range(5)]
    assert threads.submit("bob", lambda: "done").result(AT_MOST_S) == "done"
    assert [each.running() for each in long] == [True, True, False, False, False]
    may_end.set()
    assert all(each.result(AT_MOST_S) for each in long)


def test_some_have_a_smaller_share(may_end: Event) -> None:
    threads = shared(threads=4)
    long = [
        threads.submit(asker, lambda: may_end.wait(AT_MOST_S))
        for asker in ("guests", "guests", "eve", "eve", "eve")
    ]
    assert [each.running() for each in long] == [True, False, True, True, False]
    assert threads.submit("bob", lambda: "done").result(AT_MOST_S) == "done"


def test_who_waits_is_taken_in_turn(may_end: Event) -> None:
    threads, order = shared(threads=1), list[str]()

    def note(text: str) -> Callable[[], None]:
        return lambda: order.append(text)

    first = threads.submit("eve", lambda: may_end.wait(AT_MOST_S))
    rest: list[Future[None]] = [
        threads.submit(text[:3], note(text)) for text in ("eve 1", "eve 2", "bob 1", "eve 3")
    ]
    may_end.set()
    assert first.result(AT_MOST_S)
    for each in rest:
        each.result(AT_MOST_S)
    assert order == ["eve 1", "bob 1", "eve 2", "eve 3"]


def test_what_waits_is_bounded(may_end: Event) -> None:
    threads = shared(threads=1)

    def wait(asker: str) -> Future[bool]:
        return threads.submit(asker, lambda: may_end.wait(AT_MOST_S))

    waiting = [wait("eve") for _ in range(4)]
    with pytest.raises(TooManyRequests, match="3 conversions of yours"):
        wait("eve")
    wait("bob")
    wait("carol")
    with pytest.raises(Unavailable):
        wait("dave")
    waiting[-1].cancel()  # given up, it keeps nobody out
    wait("dave")


def test_what_fails_gives_its_place_back() -> None:
    threads = shared(threads=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            threads.submit("eve", lambda: 1 / 0).result(AT_MOST_S)
    assert threads.submit("eve", lambda: 1).result(AT_MOST_S) == 1
