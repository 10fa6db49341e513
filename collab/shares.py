"""A few threads for long work, shared fairly by all who ask for it.

Nobody has more than their share of them at once, whoever waits is taken in turn, and what waits
is bounded. What has begun cannot be stopped; it keeps its thread, and its asker's share of
them, until it ends.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from collab.errors import TooManyRequests, Unavailable

T = TypeVar("T")
_Job = tuple["Future[Any]", Callable[[], Any]]


class SharedThreads:
    """``share``: how many an asker has at once; ``most_of_one`` and ``most``: how many wait."""

    def __init__(
        self,
        name: str,
        *,
        threads: int,
        share: Callable[[str], int],
        most_of_one: int,
        most: int,
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._share, self._most_of_one, self._most = share, most_of_one, most
        self._free = threads
        self._lock = Lock()
        self._busy: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[_Job]] = OrderedDict()  # who is next, first

    def submit(self, asker: str, work: Callable[[], T]) -> "Future[T]":
        """Have it done: ``work`` returns or raises an Exception, nothing else.

        Raises TooManyRequests for too much of one, Unavailable of all.
        """
        future: Future[T] = Future()
        with self._lock:
            self._ensure_room(asker)
            self._waiting.setdefault(asker, deque()).append((future, work))
            self._begin()
        return future

    def _ensure_room(self, asker: str) -> None:
        self._forget_cancelled()
        if len(self._waiting.get(asker, ())) >= self._most_of_one:
            raise TooManyRequests(f"{self._most_of_one} conversions of yours wait already")
        if sum(map(len, self._waiting.values())) >= self._most:
            raise Unavailable(f"{self._most} conversions wait already; try later")

    def _forget_cancelled(self) -> None:
        for asker, jobs in list(self._waiting.items()):
            self._waiting[asker] = deque(job for job in jobs if not job[0].cancelled())
            if not self._waiting[asker]:
                del self._waiting[asker]

    def _begin(self) -> None:
        while self._free and (asker := self._next()) is not None:
            future, work = self._waiting[asker].popleft()
            if self._waiting[asker]:
                self._waiting.move_to_end(asker)
            else:
                del self._waiting[asker]
            if not future.set_running_or_notify_cancel():
                continue
            self._free -= 1
            self._busy[asker] += 1
            self._pool.submit(self._do, asker, future, work)

    def _next(self) -> str | None:
        return next((each for each in self._waiting if self._busy[each] < self._share(each)), None)

    def _do(self, asker: str, future: "Future[Any]", work: Callable[[], Any]) -> None:
        # Told outside the lock: whoever hears of it may ask for more.
        try:
            done = work()
        except Exception as error:  # for whoever waits
            self._give_back(asker)
            future.set_exception(error)
        else:
            self._give_back(asker)
            future.set_result(done)

    def _give_back(self, asker: str) -> None:
        with self._lock:
            self._free += 1
            self._busy -= Counter([asker])  # which forgets who has none
            self._begin()
