"""Updates on their way to the members of a room: gathered, merged, cut, encoded once for all."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping

from collab import metrics
from documents.sync.coalescer import Coalescer
from documents.sync.framing import Framing
from documents.sync.guard import Scan
from documents.sync.member import Member
from documents.sync.replica import merge
from documents.sync.stretch import joined

_FEW_SENDERS = 3  # in one interval: each gets a frame of its own, without its own edits


class Fanout:
    """``take_up`` relays what was expected; ``publish`` reaches the rooms of other processes, with
    what the update holds where that is known.

    ``fell_behind`` is told of a member that has been sent all there was and reads too slowly.
    """

    def __init__(
        self,
        members: set[Member],
        framing: Framing,
        *,
        interval_s: float,
        take_up: Callable[[], None],
        publish: Callable[[bytes, Scan | None], None],
        fell_behind: Callable[[Member], None],
    ) -> None:
        self._members = members
        self._framing = framing
        self._take_up = take_up
        self._publish = publish
        self._fell_behind = fell_behind
        self._gathered: defaultdict[Member | None, list[bytes]] = defaultdict(list)
        # All that members here have said, and what that holds; None if some came by itself.
        self._together: list[tuple[bytes, Scan]] | None = []
        self._gathering_since = 0.0
        self.relayed = 0  # updates so far
        self._timer = Coalescer(self._send_gathered, interval_s=interval_s)
        self._loop = asyncio.get_running_loop()

    def relay(self, update: bytes, sender: Member | None) -> None:
        """To an idle room at once; to a busy one in one merged frame per interval.

        ``sender`` is None for what came from another process.
        """
        self.relayed += 1
        self._gathered[sender].append(update)
        if sender is not None:
            self._together = None
        self.expect()

    def relay_together(self, said: Mapping[Member, bytes], whole: bytes, scan: Scan) -> None:
        """What several members have said as it was expected, and one update that says it all."""
        self.relayed += 1
        if self._together is not None:
            self._together.append((whole, scan))
        for sender, update in said.items():
            self._gathered[sender].append(update)

    def expect(self) -> None:
        """There will be something to relay when ``take_up`` is called."""
        if not self._gathering_since:
            self._gathering_since = self._loop.time()
        self._timer.poke()

    def send(self, frame: bytes) -> None:
        """One frame to every member."""
        now = self._loop.time()
        for member in self._members:
            if not member.is_behind:
                member.send(frame, now)

    def close(self) -> None:
        self._timer.cancel()

    @property
    def is_quiet(self) -> bool:
        """Whether what comes now is hardly one of many."""
        return self._timer.is_quiet

    def flush(self) -> None:
        """Send what has gathered, now."""
        if self._gathered:
            self._timer.act_now()

    def flush_expected(self) -> None:
        """Take up what is expected, and send it now."""
        self._timer.act_now()

    def _send_gathered(self) -> None:
        self._take_up()
        gathered, self._gathered = self._gathered, defaultdict(list)
        since, self._gathering_since = self._gathering_since, 0.0
        if not gathered:
            return
        now = self._loop.time()
        # By sender first: what one person typed in a row becomes one text, and merging many
        # updates of many at once takes the square of their number.
        heard = gathered.pop(None, [])
        said = {sender: merge(updates) for sender, updates in gathered.items()}
        together, self._together = self._together, []
        parts = [update for update, _ in together] if together else list(said.values())
        whole, scan = merge(parts), joined(scan for _, scan in together) if together else None
        frames = self._framing.frames([whole, *heard] if said else heard)
        are_many = len(said) + bool(heard) > _FEW_SENDERS
        metrics.FLUSHES.inc()
        for member in self._members:
            if member.is_behind:
                continue
            news = frames
            # Its own edits come back only after the commit: to some that is the ack. To others
            # they say nothing new, and are left out where that costs less than sending them.
            if member in said and (member.wishes.ack_echo or not are_many):
                others = [update for sender, update in said.items() if sender is not member]
                news = self._framing.frames([*heard, *others]) if heard or others else []
            for frame in news:
                member.send(frame, now)
            if member.is_over:
                self._fell_behind(member)
        metrics.RELAY_S.observe(self._loop.time() - since)
        if said:
            self._publish(whole, scan)
