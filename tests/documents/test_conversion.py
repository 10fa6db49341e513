"""Who waits for a conversion, and for whose."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from collab.accounts.principal import Principal
from documents import conversion
from documents.conversion import convert, convert_once
from documents.sync.panics import Panicked
from tests.clients import until

AT_MOST_S = 5
ANNA, BOB, GUEST = Principal(user_id=1), Principal(user_id=2), Principal(guest_id="g")


class Panic(BaseException):
    """Like pyo3's, which is no Exception either."""


@pytest.fixture
def may_end() -> Iterator[Event]:
    may_end = Event()
    yield may_end
    may_end.set()


@pytest.fixture
def requests() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def panic() -> None:
    raise Panic("called `Result::unwrap()` on an `Err` value")


def busy(requests: ThreadPoolExecutor, asker: Principal, may_end: Event) -> "Future[bool]":
    """Somebody's conversion that has begun, and goes on."""
    began = Event()

    def work() -> bool:
        began.set()
        return may_end.wait(AT_MOST_S)

    request = requests.submit(convert, asker, work)
    assert began.wait(AT_MOST_S)
    return request


def test_one_account_and_its_guests_leave_a_thread_to_others(
    requests: ThreadPoolExecutor, may_end: Event
) -> None:
    for asker in (ANNA, ANNA, GUEST):
        busy(requests, asker, may_end)
    for asker in (ANNA, GUEST):
        requests.submit(convert, asker, lambda: may_end.wait(AT_MOST_S))
    assert convert(BOB, lambda: "done") == "done"
    may_end.set()


async def test_nobody_waits_in_the_turn_of_whoever_asked_first(
    requests: ThreadPoolExecutor, may_end: Event
) -> None:
    busy(requests, GUEST, may_end)
    done: list[str] = []

    def work() -> str:
        done.append("once")
        return "X"

    queued = requests.submit(convert_once, GUEST, "X", work)
    await until(lambda: "X" in conversion._wanted)
    again = requests.submit(convert_once, GUEST, "X", work)
    owner = requests.submit(convert_once, ANNA, "X", work)
    assert owner.result(AT_MOST_S / 2) == "X"  # while the guests' thread is not free
    assert [queued.result(AT_MOST_S / 2), again.result(AT_MOST_S / 2)] == ["X", "X"]
    may_end.set()
    assert convert(GUEST, lambda: "after what was queued") == "after what was queued"
    assert len(done) == 1


def test_what_has_begun_is_joined(requests: ThreadPoolExecutor, may_end: Event) -> None:
    began: list[Event] = [Event()]

    def work() -> str:
        began.pop().set()  # and not twice
        may_end.wait(AT_MOST_S)
        return "X"

    has_begun = began[0]
    first = requests.submit(convert_once, GUEST, "Y", work)
    assert has_begun.wait(AT_MOST_S)
    others = [requests.submit(convert_once, asker, "Y", work) for asker in (ANNA, BOB, GUEST)]
    assert not any(each.done() for each in (first, *others))
    may_end.set()
    assert {each.result(AT_MOST_S) for each in (first, *others)} == {"X"}


def test_a_panic_is_an_error_for_whoever_waits_and_forgotten() -> None:
    with pytest.raises(Panicked, match="unwrap"):
        convert(ANNA, panic)
    with pytest.raises(Panicked, match="unwrap"):
        convert_once(ANNA, "Z", panic)
    assert convert_once(ANNA, "Z", lambda: "done") == "done"
