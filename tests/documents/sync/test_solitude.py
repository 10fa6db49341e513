"""When a seat may be silent: only while it is proven that nobody else listens."""

from hypothesis import given
from hypothesis import strategies as st

from documents.sync.solitude import Solitude


def alone(said_at: float = 0) -> Solitude:
    """Proven by the first message."""
    solitude = Solitude()
    solitude.reached(1, 1, said_at)
    solitude.comes_back(1)
    assert solitude.is_sure(now=said_at)
    return solitude


def test_a_message_that_only_we_received_proves_it_in_whichever_order_that_is_known() -> None:
    first, second = Solitude(), Solitude()
    first.reached(1, 1, said_at=0)
    assert not first.is_sure(now=0)
    first.comes_back(1)
    assert first.is_sure(now=0)
    second.comes_back(1)
    assert not second.is_sure(now=0)
    second.reached(1, 1, said_at=0)
    assert second.is_sure(now=0)


def test_the_only_one_who_received_it_may_be_another() -> None:
    solitude = Solitude()  # our subscription is away, and theirs is not
    solitude.reached(1, 1, said_at=0)
    solitude.reached(2, 1, said_at=0)
    assert not solitude.is_sure(now=0)


def test_no_proof_is_older_than_some_seconds_however_late_it_is_complete() -> None:
    solitude = alone(said_at=5)
    assert solitude.is_sure(now=7.9)
    assert not solitude.is_sure(now=8.1)
    solitude.reached(2, 1, said_at=10)
    solitude.comes_back(2)
    assert not solitude.is_sure(now=13.1)


def test_who_is_heard_ends_it_and_what_was_said_before_proves_nothing() -> None:
    solitude = alone()
    solitude.comes_back(2)
    solitude.is_disturbed(2)
    assert not solitude.is_sure(now=0)
    solitude.reached(1, 2, said_at=0)  # the answers come late
    solitude.reached(2, 1, said_at=0)
    assert not solitude.is_sure(now=0)
    solitude.reached(3, 1, said_at=0)
    solitude.comes_back(3)
    assert solitude.is_sure(now=0)


def test_who_has_received_something_ends_it_though_they_say_nothing() -> None:
    solitude = alone()
    solitude.reached(2, 2, said_at=0)
    assert not solitude.is_sure(now=0)
    late = Solitude()
    late.reached(1, 1, said_at=0)
    late.reached(2, 2, said_at=0)
    late.comes_back(1)
    assert not late.is_sure(now=0)


_EVENTS = st.lists(st.sampled_from(["say", "come", "return", "go", "answer", "bring"]), max_size=40)


@given(_EVENTS)
def test_nobody_of_whom_we_can_know_is_passed_over(events: list[str]) -> None:
    """Redis, its answers and what it brings us: each in order, and none in step with the others.

    Somebody comes by subscribing and saying so; or returns without a word, and then the next
    answer counts them. We may be wrong only until that is here.
    """
    solitude, said, others = Solitude(), 0, 0
    answers: list[tuple[int, int]] = []
    brought: list[int | None] = []  # our message, or that somebody is there
    unknown: set[str] = set()
    for event in events:
        if event == "say":
            said += 1
            answers.append((said, 1 + others))
            brought.append(said)
        elif event == "come":
            others += 1
            unknown.add(f"heard {len(brought)}")
            brought.append(None)
        elif event == "return":
            others += 1
            unknown.add("counted")
        elif event == "go" and others and not unknown:
            others -= 1
        elif event == "answer" and answers:
            number, receivers = answers.pop(0)
            solitude.reached(number, receivers, said_at=0)
            if receivers == 1 + others:
                unknown.discard("counted")
        elif event == "bring" and brought:
            if (number_brought := brought.pop(0)) is not None:
                solitude.comes_back(number_brought)
            else:
                solitude.is_disturbed(said)
            if None not in brought:
                unknown = {each for each in unknown if each == "counted"}
        assert not (solitude.is_sure(now=0) and others and not unknown)
