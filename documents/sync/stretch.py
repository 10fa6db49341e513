"""A stretch: plain edits that came since the last flush, checked and not yet in the replica.

Where many type, what costs most is not their bytes but their number. Such edits are taken up
together: one update for the replica, one frame for all, one update of each sender's for the log.
Pure bookkeeping.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from documents.sync.guard import Ranges, Scan
from documents.sync.member import Member
from documents.sync.replica import merge

_MAX_TOLD_DELETES = 1000  # ranges; as lists they take many times what they do in the update
Clocks = Mapping[int, int]


class Stretch:
    """``clocks`` of a method are those of the replica that will take it up."""

    __slots__ = (
        "_clocks",
        "_deletes",
        "_has_pairs",
        "_needs",
        "_said",
        "count",
        "numbers",
        "size_bytes",
        "types",
        "work_s",
    )

    def __init__(self) -> None:
        self._said: dict[Member, list[bytes]] = {}
        self._clocks: dict[int, tuple[int, int]] = {}
        self._needs: dict[int, int] = {}
        self._deletes: Ranges = {}
        self._has_pairs = False
        self.numbers: dict[Member, int] = {}  # of each member's last update in here
        self.work_s = 0.0  # that it took to check them
        self.count = 0
        self.size_bytes = 0
        self.types = 0  # that its edits create

    def __bool__(self) -> bool:
        return self.count > 0

    def may_hold(self, scan: Scan, clocks: Clocks) -> bool:
        """Whether an edit is a plain one, follows on what is known, and tells something new.

        Plain: it names no parents but its own. One that turned out to be no shared type would
        break the replica, and all that was taken with it.
        """
        if scan.parents or scan.before_gaps or not scan.is_simple:
            return False
        for client, (start, _) in scan.clocks.items():
            if start != self._known(client, clocks):
                return False
        for client, clock in scan.needs.items():
            _, end = scan.clocks.get(client, (0, 0))
            if clock > end and clock > self._known(client, clocks):
                return False
        return bool(scan.clocks or scan.deletes)

    def _known(self, client: int, clocks: Clocks) -> int:
        ours = self._clocks.get(client)
        return clocks.get(client, 0) if ours is None else ours[1]

    def add(self, member: Member, number: int, update: bytes, scan: Scan) -> None:
        """Hold a member's update of this number."""
        self.numbers[member] = number
        said = self._said.get(member)
        if said is None:
            self._said[member] = [update]
        else:
            said.append(update)
        for client, (start, end) in scan.clocks.items():
            ours = self._clocks.get(client)
            self._clocks[client] = (start if ours is None else ours[0], end)
        for client, clock in scan.needs.items():
            if clock > self._needs.get(client, 0):
                self._needs[client] = clock
        for client, ranges in scan.deletes.items():
            self._deletes.setdefault(client, []).extend(ranges)
        self._has_pairs |= scan.has_pairs
        self.types += scan.types
        self.count += 1
        self.size_bytes += len(update)

    def shares_clients_with(self, scan: Scan) -> bool:
        return not self._clocks.keys().isdisjoint(scan.clocks)

    def count_of(self, member: Member) -> int:
        """How many of its edits are this member's."""
        return len(self._said.get(member, ()))

    def merged(self) -> dict[Member, bytes]:
        """What each has said, as one update, in the order in which they began."""
        return {member: merge(updates) for member, updates in self._said.items()}

    def scan(self) -> Scan:
        """What all its edits hold together. It is simple: each was ready when those before were."""
        pairs = self._has_pairs
        return Scan(self._clocks, self._needs, {}, self._deletes, True, self.types, "", {}, pairs)


def joined(scans: Iterable[Scan]) -> Scan:
    """What stretches hold together of which each follows on those before."""
    whole, *later = scans
    for scan in later:
        clocks, needs, deletes = dict(whole.clocks), dict(whole.needs), dict(whole.deletes)
        for client, (start, end) in scan.clocks.items():
            clocks[client] = (clocks.get(client, (start, end))[0], end)
        for client, clock in scan.needs.items():
            needs[client] = max(clock, needs.get(client, 0))
        for client, ranges in scan.deletes.items():
            deletes[client] = [*deletes.get(client, ()), *ranges]
        pairs = whole.has_pairs or scan.has_pairs
        types = whole.types + scan.types
        whole = Scan(clocks, needs, {}, deletes, True, types, "", {}, pairs)
    return whole


def as_message(scan: Scan) -> list[Any] | None:
    """What a stretch holds, as the bus can carry it; None if that is much: let others scan it."""
    if sum(map(len, scan.deletes.values())) > _MAX_TOLD_DELETES:
        return None
    clocks = [[client, *bounds] for client, bounds in scan.clocks.items()]
    deletes = [[client, ranges] for client, ranges in scan.deletes.items()]
    return [clocks, [*scan.needs.items()], deletes, scan.has_pairs]


def from_message(said: list[Any], types: int) -> Scan:
    """The same at the other end."""
    clocks, needs, deletes, has_pairs = said
    return Scan(
        {client: (start, end) for client, start, end in clocks},
        {client: clock for client, clock in needs},  # noqa: C416 - lists
        {},
        {client: [(clock, length) for clock, length in ranges] for client, ranges in deletes},
        True,
        types,
        "",
        {},
        has_pairs,
    )
