"""The ledger of a room: what it owes the log, and whom to tell when that is there."""

import asyncio
from collections.abc import Callable
from functools import partial
from uuid import UUID

from documents.sync.framing import Framing
from documents.sync.hearsay import Hearsay
from documents.sync.journal import Journal, Owed
from documents.sync.member import Member
from documents.sync.receipts import Receipts


class Ledger:
    """``owed`` and ``committed`` are serials: of the last update that was owed to the log, and of
    the last that it has."""

    def __init__(
        self, document_id: UUID, journal: Journal, hearsay: Hearsay, framing: Framing
    ) -> None:
        self._document_id = document_id
        self._journal = journal
        self._hearsay = hearsay
        self._framing = framing
        self._receipts = Receipts()
        self._clock = asyncio.get_running_loop().time
        self.owed = 0
        self.committed = 0

    @property
    def is_settled(self) -> bool:
        """Whether the log has everything that was said here."""
        return self.owed == self.committed

    def take_over(self) -> None:
        """What a room before this one owes the log is known here, and not acknowledged yet."""
        if self._journal.is_pending(self._document_id):
            self.owed += 1
            self.when_stored(partial(self._note_all_stored, self.owed))

    def _note_all_stored(self, serial: int) -> None:
        self._note_committed(serial)
        self.send_acks()

    def owe(self, member: Member, number: int, update: bytes) -> None:
        """Have an update stored; acknowledge it when that, and all before it, is in the log.

        An empty one tells nothing new, but perhaps only to memory: its ack waits likewise.
        """
        if update:
            self.owe_log(update, member.principal.user_id, member.identity.name)
        if member.wants_acks:
            self._receipts.expect(self.owed, self._hearsay.latest, member, number, update)
            if not update:
                self.send_acks()

    def owe_log(self, update: bytes, author_id: int | None, author_name: str) -> None:
        """Have an update stored that nobody waits for."""
        self.owed += 1
        settle = partial(self._note_committed, self.owed)
        self._journal.owe(self._document_id, Owed(update, author_id, author_name, settle))

    def _note_committed(self, serial: int) -> None:
        self.committed = serial

    def when_stored(self, settle: Callable[[], None]) -> None:
        """Have ``settle`` called when the log has all that it is owed by now."""
        self._journal.owe(self._document_id, Owed(b"", settle=settle))

    def send_acks(self) -> None:
        """Tell members what of theirs is in the log by now."""
        now = self._clock()
        for member in self._receipts.release(self.committed, self._hearsay.confirmed):
            if not member.is_behind:  # it is told when it has caught up
                member.send_acks(self._framing.frames, now)
