"""The older, the fewer; and it does not matter when somebody thins."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from documents.thinning import DONE_AFTER, Kept, outlived

NOW = datetime.fromisoformat("2026-11-21T12:00Z")
MONDAY = datetime.fromisoformat("2020-01-06T00:00Z")

ages = st.one_of(
    st.integers(0, 60 * 48), st.integers(0, 60 * 24 * 10), st.integers(0, 60 * 24 * 200)
).map(lambda minutes: timedelta(minutes=minutes))
histories = st.lists(st.tuples(ages, st.booleans(), st.booleans()), max_size=40).map(
    lambda each: [
        Kept(NOW - age, number, is_named=named and number % 3 == 0, is_precious=precious)
        for number, (age, named, precious) in enumerate(each)
    ]
)


def thinned(versions: list[Kept], now: datetime) -> list[Kept]:
    gone = outlived(versions, now)
    return [version for version in versions if version.number not in gone]


def every(step: timedelta, count: int, *, before: timedelta = timedelta()) -> list[Kept]:
    return [Kept(NOW - before - number * step, number) for number in range(count)]


def test_all_of_the_last_day_stay() -> None:
    versions = every(timedelta(minutes=10), 6 * 24)
    assert thinned(versions, NOW) == versions


def test_one_an_hour_for_a_week_one_a_day_for_90_days_and_one_a_week_afterwards() -> None:
    hour, day, week = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
    for older_than, stretch in [(2 * day, hour), (8 * day, day), (100 * day, week)]:
        left = thinned(every(stretch / 10, 100, before=older_than), NOW)
        assert 10 <= len(left) <= 11, "ten stretches, or parts of eleven"
        starts = [(version.at - MONDAY) // stretch for version in left]
        assert len(set(starts)) == len(starts)


def test_what_has_a_name_stays_for_ever() -> None:
    versions = [Kept(NOW - timedelta(days=400, minutes=n), n, is_named=True) for n in range(9)]
    assert outlived(versions, NOW) == set()


def test_what_was_kept_before_a_loss_stays_for_90_days_at_least() -> None:
    versions = [Kept(NOW - timedelta(days=89, minutes=n), n, is_precious=True) for n in range(9)]
    assert outlived(versions, NOW) == set()
    assert len(thinned(versions, NOW + timedelta(days=2))) == 1


@given(histories, st.lists(ages, max_size=5))
def test_whenever_somebody_thins_the_same_stays(
    versions: list[Kept], runs: list[timedelta]
) -> None:
    left = versions
    for age in sorted(runs, reverse=True):
        now = NOW - age
        left = [each for each in left if each.at > now] + thinned(
            [each for each in left if each.at <= now], now
        )
    assert sorted(thinned(left, NOW)) == sorted(thinned(versions, NOW))


@given(histories)
def test_twice_is_once_and_the_newest_stays(versions: list[Kept]) -> None:
    left = thinned(versions, NOW)
    assert thinned(left, NOW) == left
    if versions:
        assert max(versions) in left


@given(histories)
def test_what_is_old_enough_has_met_its_last_stretch(versions: list[Kept]) -> None:
    now = NOW + DONE_AFTER
    left = thinned(versions, now)
    assert thinned(left, now + timedelta(days=1000)) == left
