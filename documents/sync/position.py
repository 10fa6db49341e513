"""How far a room knows its document's log."""


class Position:
    """The room knows every row up to ``head``. News of rows comes in any order."""

    def __init__(self) -> None:
        self.head = 0
        self._ahead: dict[int, int] = {}  # further rows that it knows: after which, up to which

    def know(self, after: int, head: int) -> None:
        """The rows after ``after`` up to ``head`` are known."""
        self._ahead[after] = max(head, self._ahead.get(after, 0))
        self._advance()

    def read(self, head: int) -> None:
        """Everything up to ``head`` has been read from the log."""
        self.head = max(self.head, head)
        self._advance()

    def _advance(self) -> None:
        for after in sorted(self._ahead):
            if after > self.head:
                return
            self.head = max(self.head, self._ahead.pop(after))
