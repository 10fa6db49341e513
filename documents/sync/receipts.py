"""Receipts: which member's update waits for which commit before it may be acknowledged.

An update is acknowledged when it is committed and so is everything that it may build on:
what this process owed the log before it, and what other processes said before it.
"""

from collections import deque
from dataclasses import dataclass

from documents.sync.member import Member


@dataclass(slots=True)
class _Receipt:
    owed: int  # serial of the last update that this room owed the log
    heard: int  # serial of the last update heard from other processes
    member: Member
    number: int  # of the member's update on its connection
    update: bytes  # empty for one that told nothing new


class Receipts:
    """First in, first out: both serials only grow."""

    def __init__(self) -> None:
        self._waiting: deque[_Receipt] = deque()

    def expect(self, owed: int, heard: int, member: Member, number: int, update: bytes) -> None:
        """Acknowledge this update when everything up to both serials is committed."""
        last = self._waiting[-1] if self._waiting else None
        if (
            last is not None
            and last.member is member
            and not update
            and (last.owed, last.heard) == (owed, heard)
        ):
            last.number = number  # so that what tells nothing new is not queued without bound
            return
        self._waiting.append(_Receipt(owed, heard, member, number, update))

    def release(self, owed: int, heard: int) -> set[Member]:
        """Note as committed what waited for no more than these; return whom to tell."""
        released = set()
        while self._waiting and self._waiting[0].owed <= owed and self._waiting[0].heard <= heard:
            receipt = self._waiting.popleft()
            receipt.member.note_committed(receipt.number, receipt.update)
            released.add(receipt.member)
        return released
