"""Whether nobody else listens to a seat, so that for a moment nothing need be said.

Proof is a message that one process received, and that came back: so that process was this one.
Whoever comes later makes itself heard when it takes its seat; in case that is lost, no proof
lasts. Pure bookkeeping.
"""

_LASTS_S = 3.0  # as long as what the bus loses goes unnoticed anyway (``COLLAB_SWEEP_S``)


class Solitude:
    """Messages are numbered; times are in seconds, of any clock that does not go back."""

    def __init__(self) -> None:
        self._received_once = 0  # the last message that only one process received
        self._said_at = 0.0  # when that was
        self._came_back = 0
        self._proves_nothing = 0  # somebody came after this one, or before
        self._until = 0.0

    def is_sure(self, now: float) -> bool:
        return now < self._until

    def reached(self, number: int, receivers: int, said_at: float) -> None:
        """So many processes received this message of ours."""
        if receivers == 1:
            self._received_once, self._said_at = number, said_at
            self._conclude()
        elif receivers > 1:
            self.is_disturbed(number)

    def comes_back(self, number: int) -> None:
        """We have heard this message of ours."""
        self._came_back = number
        self._conclude()

    def is_disturbed(self, number: int) -> None:
        """Somebody else is there, when our last message was this one."""
        self._proves_nothing = max(self._proves_nothing, number)
        self._until = 0.0

    def _conclude(self) -> None:
        if self._received_once == self._came_back > self._proves_nothing:
            self._until = self._said_at + _LASTS_S
