"""Updates as frames: each as large as a message may be, and no larger."""

from documents.protocol.messages import Update
from documents.protocol.ywebsocket import encode_message
from documents.sync.chunks import split_update
from documents.sync.replica import merge

_OVERHEAD = 16  # bytes of message type and length around an update


class Framing:
    def __init__(self, max_message_bytes: int) -> None:
        self._max_update_bytes = max_message_bytes - _OVERHEAD

    def frames(self, updates: list[bytes]) -> list[bytes]:
        """One frame that says what all the updates say; several where one would be too large."""
        return [encode_message(Update(part)) for part in self.parts(merge(updates))]

    def parts(self, update: bytes) -> list[bytes]:
        """An update in parts that each fit into a frame."""
        return split_update(update, self._max_update_bytes)
