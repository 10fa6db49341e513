"""How deep the shared types of a document nest.

yrs walks nested types by recursion when their top is deleted: some ten thousand levels end
the process, and they can be built one small update at a time. Exact, over a whole encoded
state, and therefore slow (about 0.2 s a megabyte): asked for only when the number of types
created since the last answer leaves room for doubt.
"""

from bisect import bisect_right

from documents.sync.guard import HAS_ORIGIN, HAS_RIGHT_ORIGIN, Scanner

Place = tuple[int, int]  # client, position in that client's items


def depth_of(update: bytes) -> int:
    """Levels of nesting: 1 for what hangs on a root. Raises InvalidUpdate as the guard does."""
    finder = _DepthFinder(update)
    finder.scan()
    return finder.deepest()


class _DepthFinder(Scanner):
    """Notes what each item hangs on: a parent one level up, or a sibling on its own level."""

    __slots__ = ("_depths", "_is_sibling", "_link", "_links_to", "_starts")

    def __init__(self, update: bytes) -> None:
        super().__init__(update, max_depth=1000)
        self._starts: dict[int, list[int]] = {}
        self._links_to: dict[int, list[tuple[int, int] | None]] = {}
        self._is_sibling: dict[int, list[bool]] = {}
        self._depths: dict[int, list[int]] = {}
        self._link: tuple[int, int] | None = None

    def struct(self, client: int, clock: int) -> int:
        start, self._link = self.pos, None
        length = super().struct(client, clock)
        info = self.buf[start]
        self._starts.setdefault(client, []).append(clock)
        self._links_to.setdefault(client, []).append(self._link)
        self._is_sibling.setdefault(client, []).append(bool(info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)))
        self._depths.setdefault(client, []).append(0)
        return length

    def _reference(self, client: int, clock: int) -> tuple[int, int]:
        reference = super()._reference(client, clock)
        if self._link is None:  # the first one: origin, else right origin, else parent
            self._link = reference
        return reference

    def deepest(self) -> int:
        return max(
            (
                self._depth((client, index))
                for client, starts in self._starts.items()
                for index in range(len(starts))
            ),
            default=0,
        )

    def _depth(self, place: Place) -> int:
        """Follow the links to something known, then note every depth on the way back."""
        way: list[Place] = []
        known = 0
        at: Place | None = place
        while at is not None:
            known = self._depths[at[0]][at[1]]
            if known or len(way) > len(self.buf):  # a circle: nothing integrates it
                break
            way.append(at)
            at = self._linked(at)
        if at is None:
            known = 0
        for client, index in reversed(way):
            known = max(known, 1) if self._is_sibling[client][index] else known + 1
            self._depths[client][index] = known
        return known

    def _linked(self, place: Place) -> Place | None:
        link = self._links_to[place[0]][place[1]]
        if link is None or link[0] not in self._starts:
            return None
        index = bisect_right(self._starts[link[0]], link[1]) - 1
        return (link[0], index) if index >= 0 else None
