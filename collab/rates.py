"""How much one client may ask of a process: rates of a connection, numbers of connections.

Pure: the time comes in as ``now``, in seconds of any clock that only goes forward.
"""

from collections import Counter
from collections.abc import Hashable

from collab.errors import TooManyRequests

_FILLED_EVERY_S = 0.01  # while there is enough: this is asked with every message


class Allowance:
    """A token bucket: ``rate`` per second, saved up to ``burst``. A rate of 0 allows anything."""

    __slots__ = ("_burst", "_filled_at", "_left", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._filled_at = now

    def has(self, amount: float, now: float) -> bool:
        """Whether so much is left."""
        if not self._rate:
            return True
        if amount > self._left or now - self._filled_at > _FILLED_EVERY_S:
            self._fill(now)
        return amount <= self._left

    def take(self, amount: float, now: float) -> bool:
        """Whether so much was left. What was refused costs nothing."""
        if not self.has(amount, now):
            return False
        self._left -= amount
        return True

    def spend(self, amount: float, now: float) -> bool:
        """Take what has been used up already; whether that was still allowed."""
        if not self._rate:
            return True
        self._fill(now)
        self._left -= amount
        return self._left >= 0

    def _fill(self, now: float) -> None:
        self._left = min(self._burst, self._left + (now - self._filled_at) * self._rate)
        self._filled_at = now


class Places:
    """At most ``most`` at once for each key. 0 allows any number."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._taken: Counter[Hashable] = Counter()

    def one(self, key: Hashable, most: int) -> "Place":
        """A place, to be held by ``with``. That raises TooManyRequests when there is none."""
        return Place(self, key, most)

    # Of whoever holds a place, which gives back what it took.
    def take(self, key: Hashable, most: int) -> None:
        if most and self._taken[key] >= most:
            raise TooManyRequests(f"{most:,} connections {self._what}; there may be no more")
        self._taken[key] += 1

    def give_back(self, key: Hashable) -> None:
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]


class Place:
    """A tenth of the memory of a generator, which each connection would have two of."""

    __slots__ = ("_key", "_most", "_places")

    def __init__(self, places: Places, key: Hashable, most: int) -> None:
        self._places = places
        self._key = key
        self._most = most

    def __enter__(self) -> None:
        self._places.take(self._key, self._most)

    def __exit__(self, *error: object) -> None:
        self._places.give_back(self._key)
