"""When Python looks for cycles among everything that is alive: rarely, and not by itself.

Each such look stops the process for a tenth of a millisecond per open connection (a second for
ten thousand), and Python's own rule has it look whenever a quarter more is alive. What it
finds is nearly all of closed connections; so we look when enough of them have closed.
"""

import gc
import time

_YOUNG = (10_000, 20)  # allocations, collections: what lives shortly is found soon, and cheaply
_NEVER = 1_000_000_000
_CLOSED_AT_LEAST = 500
_AT_LATEST_S = 900.0


class Garbage:
    """``tidy`` is called every second, ``note_closed`` for each connection that has ended."""

    def __init__(self) -> None:
        self._closed = 0
        self._tidied_at = time.monotonic()

    def begin(self) -> None:
        """From here on: what is loaded stays, and is not looked at any more."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_YOUNG, _NEVER)

    def note_closed(self) -> None:
        self._closed += 1

    def tidy(self, connections: int) -> None:
        is_due = self._closed >= max(_CLOSED_AT_LEAST, connections // 2)
        if is_due or time.monotonic() - self._tidied_at > _AT_LATEST_S:
            self._closed = 0
            gc.collect()
            self._tidied_at = time.monotonic()
