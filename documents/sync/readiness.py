"""Which part of an update a replica can integrate now, and which has to wait.

yrs integrates what follows on a gap whenever its neighbours are known, and then neither its
state vector nor its encodings tell all (seen with 0.28: text between the gap and what had been
integrated was lost). So the part is cut out here, struct by struct, before a Doc sees any of it.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from collab.lib0 import write_var_uint
from documents.sync.guard import SKIP, Ranges, Scanner

_TRUSTED_DEPTH = 1000  # of values in what passed the guard before
Clocks = dict[int, int]


@dataclass(frozen=True, slots=True)
class _Struct:
    """One struct, encoded, and what it refers to. A gap (Skip) has no bytes."""

    clock: int
    end: int
    encoded: bytes
    needs: tuple[tuple[int, int], ...]


class _Finder(Scanner):
    """Notes each client's structs in their order."""

    __slots__ = ("_references", "structs")

    def __init__(self, update: bytes) -> None:
        super().__init__(update, max_depth=_TRUSTED_DEPTH)
        self._references: list[tuple[int, int]] = []
        self.structs: dict[int, list[_Struct]] = {}

    def struct(self, client: int, clock: int) -> int:
        start, self._references = self.pos, []
        length = super().struct(client, clock)
        if self.run_start != clock + length:  # not a gap
            encoded, needs = self.buf[start : self.pos], tuple(self._references)
            found = _Struct(clock, clock + length, encoded, needs)
            self.structs.setdefault(client, []).append(found)
        return length

    def _reference(self, client: int, clock: int) -> tuple[int, int]:
        reference = super()._reference(client, clock)
        self._references.append(reference)
        return reference


def split_ready(update: bytes, clocks: Mapping[int, int]) -> tuple[bytes, bytes]:
    """What a replica with these clocks can integrate, and the rest; either may be empty.

    Structs are cut apart only where the update itself does. A deletion is ready as far as
    what it deletes is known by then. Raises InvalidUpdate for what does not scan.
    """
    finder = _Finder(update)
    finder.scan()
    known = dict(clocks)
    counts = _integrate_in_thought(finder.structs, known)
    ready = {client: structs[: counts[client]] for client, structs in finder.structs.items()}
    rest = {client: structs[counts[client] :] for client, structs in finder.structs.items()}
    ready_deletes, other_deletes = _split_deletes(finder.deletes, known)
    return _encode(ready, ready_deletes), _encode(rest, other_deletes)


def _integrate_in_thought(structs: Mapping[int, Sequence[_Struct]], known: Clocks) -> Clocks:
    """How many structs of each client are ready. ``known`` is moved on accordingly."""
    counts = dict.fromkeys(structs, 0)
    waiting: dict[int, list[tuple[int, int]]] = {}  # client → heap of (clock needed, who needs it)
    to_try = deque(structs)
    while to_try:
        client = to_try.popleft()
        while counts[client] < len(structs[client]):
            struct = structs[client][counts[client]]
            missing = _missing(client, struct, known)
            if missing is not None:
                heappush(waiting.setdefault(missing[0], []), (missing[1], client))
                break
            known[client] = max(struct.end, known.get(client, 0))
            counts[client] += 1
        heap = waiting.get(client, [])
        while heap and heap[0][0] < known.get(client, 0):
            to_try.append(heappop(heap)[1])
    return counts


def _missing(client: int, struct: _Struct, known: Clocks) -> tuple[int, int] | None:
    """The first thing that has to be known before this struct."""
    if struct.clock > known.get(client, 0):
        return client, struct.clock - 1
    for needed_client, clock in struct.needs:
        if clock >= known.get(needed_client, 0):
            return needed_client, clock
    return None


def _split_deletes(deletes: Ranges, known: Clocks) -> tuple[Ranges, Ranges]:
    ready: Ranges = {}
    rest: Ranges = {}
    for client, ranges in deletes.items():
        bound = known.get(client, 0)
        for clock, length in ranges:
            now = min(length, max(0, bound - clock))
            if now:
                ready.setdefault(client, []).append((clock, now))
            if now < length:
                rest.setdefault(client, []).append((clock + now, length - now))
    return ready, rest


def _encode(structs: Mapping[int, Sequence[_Struct]], deletes: Ranges) -> bytes:
    """An update in Yjs' v1 encoding; empty for nothing."""
    runs = {client: list(_with_gaps(run)) for client, run in structs.items() if run}
    if not runs and not deletes:
        return b""
    parts = [write_var_uint(len(runs))]
    for client, run in sorted(runs.items(), reverse=True):  # as Yjs writes them
        parts += map(write_var_uint, (len(run), client, structs[client][0].clock))
        parts += run
    parts.append(write_var_uint(len(deletes)))
    for client, ranges in sorted(deletes.items(), reverse=True):
        parts += map(write_var_uint, (client, len(ranges), *(n for pair in ranges for n in pair)))
    return b"".join(parts)


def _with_gaps(run: Sequence[_Struct]) -> Iterator[bytes]:
    clock = run[0].clock
    for struct in run:
        if struct.clock > clock:
            yield bytes((SKIP,)) + write_var_uint(struct.clock - clock)
        yield struct.encoded
        clock = struct.end
