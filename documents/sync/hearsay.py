"""Hearsay: edits of other processes that the log may not have yet.

They are applied and shown when the bus brings them, for latency, and their process says on
the bus when it has committed them. Until then nothing that builds on them is acknowledged:
that process may die first. What stays unconfirmed we store ourselves. Pure bookkeeping.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class _Said:
    origin: str
    number: int  # the message's, counted per origin
    update: bytes
    heard_at: float
    is_owed: bool = False  # on its way to the log by ourselves


class Hearsay:
    """Everything heard gets a serial number; ``confirmed`` is the last without open ones before."""

    def __init__(self) -> None:
        self._said: dict[int, _Said] = {}  # by serial, in order
        self.latest = 0

    def __bool__(self) -> bool:
        return bool(self._said)

    @property
    def confirmed(self) -> int:
        return next(iter(self._said)) - 1 if self._said else self.latest

    @property
    def updates(self) -> list[bytes]:
        return [said.update for said in self._said.values()]

    def hear(self, origin: str, number: int, update: bytes, now: float) -> None:
        self.latest += 1
        self._said[self.latest] = _Said(origin, number, update, now)

    def confirm(self, origin: str, number: int) -> None:
        """That origin has committed all that it said up to this message."""
        self._forget(
            serial
            for serial, said in self._said.items()
            if said.origin == origin and said.number <= number
        )

    def take_overdue(self, heard_before: float) -> dict[int, bytes]:
        """What is still not confirmed after so long and that we have not begun to store."""
        overdue = {
            serial: said
            for serial, said in self._said.items()
            if said.heard_at <= heard_before and not said.is_owed
        }
        for said in overdue.values():
            said.is_owed = True
        return {serial: said.update for serial, said in overdue.items()}

    def stored(self, serials: list[int]) -> None:
        """We have committed these ourselves."""
        self._forget(serials)

    def _forget(self, serials: Iterable[int]) -> None:
        for serial in list(serials):
            self._said.pop(serial, None)
