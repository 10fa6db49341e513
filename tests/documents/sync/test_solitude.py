"""When a seat may be silent: only while it is proven that nobody else listens."""

from hypothesis import given
from hypothesis import strategies as st

from documents.sync.solitude import Solitude


def test_a_message_that_only_we_received_proves_it_in_whichever_order_that_is_known() -> None:
    first, second = Solitude(), Solitude()
    first.reached(1, 1, now=0)
    assert not first.is_sure(now=0)
    first.comes_back(1, now=0)
    assert first.is_sure(now=0)
    second.comes_back(1, now=0)
    assert not second.is_sure(now=0)
    second.reached(1, 1, now=0)
    assert second.is_sure(now=0)


def test_the_only_one_who_received_it_may_be_another() -> None:
    solitude = Solitude()  # our subscription is away, and theirs is not
    solitude.reached(1, 1, now=0)
    solitude.reached(2, 1, now=0)
    assert not solitude.is_sure(now=0)


def test_no_proof_lasts() -> None:
    solitude = Solitude()
    solitude.reached(1, 1, now=5)
    solitude.comes_back(1, now=5)
    assert solitude.is_sure(now=7.9)
    assert not solitude.is_sure(now=8.1)


def test_who_is_heard_ends_it_and_what_was_said_before_proves_nothing() -> None:
    solitude = Solitude()
    solitude.reached(1, 1, now=0)
    solitude.comes_back(1, now=0)
    solitude.comes_back(2, now=0)
    solitude.is_disturbed(2)
    assert not solitude.is_sure(now=0)
    solitude.reached(2, 1, now=0)  # the answer comes late
    assert not solitude.is_sure(now=0)
    solitude.reached(3, 1, now=0)
    solitude.comes_back(3, now=0)
    assert solitude.is_sure(now=0)


_EVENTS = st.lists(st.sampled_from(["say", "come", "go", "answer", "bring"]), max_size=40)


@given(_EVENTS)
def test_nobody_who_has_made_themselves_heard_is_passed_over(events: list[str]) -> None:
    """Redis, its answers and what it brings us: each in order, and none in step with the others.

    Somebody comes by subscribing and saying so. We may be wrong only until we hear that.
    """
    solitude, said, others = Solitude(), 0, 0
    answers: list[tuple[int, int]] = []
    brought: list[int | None] = []  # our message, or that somebody is there
    unheard = 0
    for event in events:
        if event == "say":
            said += 1
            answers.append((said, 1 + others))
            brought.append(said)
        elif event == "come":
            others += 1
            unheard += 1
            brought.append(None)
        elif event == "go" and others and not unheard:
            others -= 1
        elif event == "answer" and answers:
            solitude.reached(*answers.pop(0), now=0)
        elif event == "bring" and brought:
            if (number := brought.pop(0)) is None:
                unheard -= 1
                solitude.is_disturbed(said)
            else:
                solitude.comes_back(number, now=0)
        assert not (solitude.is_sure(now=0) and others and not unheard)
