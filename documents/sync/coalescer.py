"""When to send: at once if nothing was sent lately, else once for all that gathers."""

import asyncio
from collections.abc import Callable


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
            self._timer = (
                self._loop.call_soon(self._act)
                if self._not_before <= self._loop.time()
                else self._loop.call_at(self._not_before, self._act)
            )

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _act(self) -> None:
        self._timer = None
        self._action()
        self._not_before = self._loop.time() + self._interval_s
