"""Reading from busy connections in rounds, instead of whenever something has come.

To hear that there are a few bytes costs more than to read them: a turn of the loop and two system
calls, for every two or three keystrokes where many type at once. Whoever sends faster than
anybody types is read from fifty times a second instead, whatever has come by then. Network
drivers do the same (Linux: NAPI). Knows nothing of frames.
"""

import asyncio
from collections import deque
from typing import Protocol

_INTERVAL_S = 0.02
_AT_ONCE = 8  # readers; then it is others' turn
_SILENT_ROUNDS = 5


class Reader(Protocol):
    """A connection. ``reads`` counts what was read so far."""

    reads: int

    def read(self) -> bool:
        """Read what has come; whether to go on like that."""

    def wait_for_more(self) -> None:
        """Be read from whenever something comes, again."""


class Rounds:
    """Of one event loop. A reader that was added must not be waiting for more."""

    def __init__(self) -> None:
        self._silent: dict[Reader, int] = {}  # rounds without a word
        self._ahead: deque[Reader] = deque()  # in this round
        self._timer: asyncio.Handle | None = None

    def __contains__(self, reader: Reader) -> bool:
        return reader in self._silent

    def add(self, reader: Reader) -> None:
        self._silent[reader] = 0
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_INTERVAL_S, self._begin)

    def _begin(self) -> None:
        self._ahead.extend(self._silent)
        self._go_on()

    def _go_on(self) -> None:
        try:
            for _ in range(min(_AT_ONCE, len(self._ahead))):
                self._visit(self._ahead.popleft())
        finally:  # whatever befell one of them, the others are to be read
            self._timer = self._next()

    def _next(self) -> asyncio.Handle | None:
        loop = asyncio.get_running_loop()
        if self._ahead:
            return loop.call_soon(self._go_on)
        return loop.call_later(_INTERVAL_S, self._begin) if self._silent else None

    def _visit(self, reader: Reader) -> None:
        before, silent = reader.reads, self._silent.pop(reader)
        try:
            goes_on = reader.read()
        except BaseException:
            reader.wait_for_more()
            raise
        silent = 0 if reader.reads > before else silent + 1
        if goes_on and silent < _SILENT_ROUNDS:
            self._silent[reader] = silent
        else:
            reader.wait_for_more()
