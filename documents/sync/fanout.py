"""Updates on their way to the members of a room: gathered, merged, cut, encoded once for all."""

import asyncio
from collections.abc import Callable

from collab import metrics
from collab.conf import Conf
from documents.protocol.messages import Update
from documents.protocol.ywebsocket import encode_message
from documents.sync.chunks import split_update
from documents.sync.coalescer import Coalescer
from documents.sync.member import Member
from documents.sync.replica import merge

_FRAME_OVERHEAD = 16  # bytes of message type and length around an update


class Fanout:
    """``publish`` reaches the rooms of other processes.

    ``fell_behind`` is told of a member that has been sent all there was and reads too slowly.
    """

    def __init__(
        self,
        members: set[Member],
        conf: Conf,
        *,
        publish: Callable[[bytes], None],
        fell_behind: Callable[[Member], None],
    ) -> None:
        self._members = members
        self._max_update_bytes = conf.max_message_bytes - _FRAME_OVERHEAD
        self._publish = publish
        self._fell_behind = fell_behind
        self._gathered: list[tuple[Member | None, bytes]] = []
        self._gathering_since = 0.0
        self.relayed = 0  # updates so far
        self._timer = Coalescer(self.flush, interval_s=conf.flush_interval_ms / 1000)
        self._loop = asyncio.get_running_loop()

    def relay(self, update: bytes, sender: Member | None) -> None:
        """To an idle room at once; to a busy one in one merged frame per interval.

        ``sender`` is None for what came from another process.
        """
        self.relayed += 1
        if not self._gathered:
            self._gathering_since = self._loop.time()
        self._gathered.append((sender, update))
        self._timer.poke()

    def send(self, frame: bytes) -> None:
        """One frame to every member."""
        now = self._loop.time()
        for member in self._members:
            if not member.is_behind:
                member.send(frame, now)

    def update_frames(self, updates: list[bytes]) -> list[bytes]:
        """One frame that says what all the updates say; several where one would be too large."""
        return [encode_message(Update(part)) for part in self.parts(merge(updates))]

    def parts(self, update: bytes) -> list[bytes]:
        """An update in parts that each fit into a frame."""
        return split_update(update, self._max_update_bytes)

    def close(self) -> None:
        self._timer.cancel()

    def flush(self) -> None:
        """Send what has gathered."""
        gathered, self._gathered = self._gathered, []
        if not gathered:
            return
        now = self._loop.time()
        frames = self.update_frames([update for _, update in gathered])
        senders = {sender for sender, _ in gathered if sender is not None}
        metrics.FLUSHES.inc()
        for member in self._members:
            if member.is_behind:
                continue
            news = frames
            if member in senders:
                # Its own edits come back only after the commit: to some that is the ack.
                others = [update for sender, update in gathered if sender is not member]
                news = self.update_frames(others) if others else []
            for frame in news:
                member.send(frame, now)
            if member.is_over:
                self._fell_behind(member)
        metrics.RELAY_S.observe(self._loop.time() - self._gathering_since)
        if local := [update for sender, update in gathered if sender is not None]:
            self._publish(merge(local))
