"""When to send: at once if nothing was sent lately, else once for all that gathers."""

import asyncio
from collections.abc import Callable
from time import thread_time

# Rests, so that sending leaves time to hear: five times as long as it took, and three times as
# long as it came late (then others need the processor), unless that would keep people waiting.
_TIMES_OF_WORK, _TIMES_OF_DELAY = 5, 3
_REST_AT_MOST_S = 0.1
# Longer than a round in which busy connections are read (``collab.rounds``): or the first of each
# would be sent apart from the others.
_QUIET_AFTER_S = 0.03


class Coalescer:
    """Runs ``action`` soon after ``poke``, but never twice within ``interval_s``.

    Load then costs one action per interval, however often it is poked.
    """

    def __init__(self, action: Callable[[], None], *, interval_s: float) -> None:
        self._action = action
        self._interval_s = interval_s
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._not_before = 0.0

    def poke(self) -> None:
        if self._timer is None:
            due = max(self._not_before, self._loop.time())
            self._timer = self._loop.call_at(due, self._act, due)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing waits, nothing would have to, and it has been so for a while."""
        return self._timer is None and self._not_before + _QUIET_AFTER_S <= self._loop.time()

    def act_now(self) -> None:
        """What cannot wait; the next interval begins with it."""
        self.cancel()
        self._act(self._loop.time())

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _act(self, due: float) -> None:
        self._timer = None
        late_s = self._loop.time() - due
        began = thread_time()  # not how long it took while others had the processor
        self._action()
        took_s = thread_time() - began
        rest_s = min(_TIMES_OF_WORK * took_s + _TIMES_OF_DELAY * late_s, _REST_AT_MOST_S)
        self._not_before = self._loop.time() + max(self._interval_s, rest_s)
