"""Which versions go with age: the older, the fewer, and the last of each stretch stays.

All of the last day, one an hour for a week, one a day for 90 days, one a week afterwards. Pure.
Stretches are those of the calendar (UTC) and lie within one another: so it does not matter
when, or how often, somebody thins.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
# Of versions of this age and above: one in each stretch.
_STRETCHES = (
    (timedelta(days=90), _WEEK),
    (timedelta(days=7), _DAY),
    (timedelta(days=1), _HOUR),
)
_PRECIOUS_FOR = timedelta(days=90)
DONE_AFTER = timedelta(days=91)  # what is older has met its last stretch
_EPOCH = datetime.fromisoformat("1970-01-05T00:00Z")  # a Monday


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """A version, as far as its age matters. ``is_precious``: it was kept before a loss."""

    at: datetime
    number: int
    is_named: bool = False
    is_precious: bool = False


def outlived(versions: Iterable[Kept], now: datetime) -> set[int]:
    """The numbers of those that may go."""
    gone: set[int] = set()
    taken: set[tuple[timedelta, datetime]] = set()  # stretches in which a later one stands
    for version in sorted(versions, reverse=True):
        if version.is_named:
            continue
        length = _stretch_length(version, now)
        if length is not None and (length, _stretch(version.at, length)) in taken:
            gone.add(version.number)
        taken |= {(each, _stretch(version.at, each)) for each in (_HOUR, _DAY, _WEEK)}
    return gone


def _stretch_length(version: Kept, now: datetime) -> timedelta | None:
    """None: all of them stay."""
    age = now - version.at
    if version.is_precious and age < _PRECIOUS_FOR:
        return None
    return next((length for least, length in _STRETCHES if age >= least), None)


def _stretch(at: datetime, length: timedelta) -> datetime:
    return at - (at - _EPOCH) % length
