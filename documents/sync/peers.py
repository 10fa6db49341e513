"""The rooms of the same document in other processes: what we tell them, what we believe.

An edit is told when it is relayed here, and once more, without its bytes, when it is in the
log: until then it is hearsay to the others. Whoever heard every message that a commit covers
need not read its rows.
"""

from collections import deque
from typing import Any

from documents.sync.bus import Seat
from documents.sync.guard import Scan
from documents.sync.hearsay import Hearsay
from documents.sync.position import Position
from documents.sync.stretch import as_message

_ALWAYS_A_GAP = 0  # messages are numbered from 1


class Peers:
    """``serial`` counts what this room has owed the log (see ``documents.sync.receipts``)."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._told: deque[tuple[int, int]] = deque()  # message number, last serial in it
        self._owes_untold = False
        self.hearsay = Hearsay()
        self.position = Position()

    # -- Telling ----------------------------------------------------------------------------
    def ask_who_is_there(self) -> None:
        self._seat.publish("document.arrived")

    def tell_awareness(self, payload: bytes) -> None:
        self._seat.publish("document.awareness", payload=payload)

    def tell_update(
        self, update: bytes, scan: Scan | None, serial: int, *, is_stored: bool
    ) -> None:
        """Everything that is owed to the log has to be told, or at least numbered, and before it
        is said to be there."""
        if self._seat.is_alone:
            return
        fields: dict[str, Any] = {"payload": update, "stored": is_stored}
        if scan is not None and (holds := as_message(scan)) is not None:
            fields["holds"], fields["types"] = holds, scan.types
        number = self._seat.publish("document.update", **fields)
        # Stored or not: whoever could not apply it must not take its commit for known.
        self._told.append((number, serial))

    def owe_untold(self) -> None:
        """The next commit holds what this room has not told itself: the others have to read it."""
        self._owes_untold = True

    def tell_committed(self, after: int, head: int, serial: int) -> None:
        """Our rows after ``after`` up to ``head`` hold everything up to ``serial``."""
        self.position.know(after, head)
        if self._seat.is_alone:
            return
        since, upto = (self._told[0][0], 0) if self._told else (None, 0)
        while self._told and self._told[0][1] <= serial:
            upto, _ = self._told.popleft()
        fields: dict[str, Any] = {"after": after, "head": head, "upto": upto}
        if self._owes_untold:
            since, self._owes_untold = _ALWAYS_A_GAP, False
        if since is not None:
            fields["since"] = since
        self._seat.publish("document.committed", **fields)

    def tell_of_silence(self) -> None:
        """Somebody came while nothing was told: they have to read what the log has got."""
        head = self.position.head
        fields = {"after": head, "head": head, "upto": 0, "since": _ALWAYS_A_GAP}
        self._seat.publish("document.committed", **fields)

    # -- Believing --------------------------------------------------------------------------
    def hear_update(self, message: dict[str, Any], now: float) -> None:
        if not message["stored"]:
            self.hearsay.hear(message["origin"], message["n"], message["payload"], now)

    def hear_committed(self, message: dict[str, Any], *, heard_all: bool) -> None:
        """``heard_all``: every message that it covers has come, and been applied."""
        self.hearsay.confirm(message["origin"], message["upto"])
        if heard_all:
            self.position.know(message["after"], message["head"])
