"""Loading a document whose log holds something that pycrdt breaks over.

The guard refuses what it can tell; some updates do harm only together. A document must open
all the same: whoever caused it, the others' text is there.
"""

from documents.sync.replica import Replica, ReplicaBroken, merge


def load_what_can_be(parts: list[bytes]) -> tuple[Replica, list[bytes]]:
    """A replica of all parts but those that break it, and those. Usually none, at no cost."""
    left_out: list[bytes] = []
    while True:
        try:
            return Replica.load(parts), left_out
        except ReplicaBroken:
            if not parts:
                raise
            culprit = _culprit(parts)
            left_out.append(parts[culprit])
            parts = parts[:culprit] + parts[culprit + 1 :]


def _culprit(parts: list[bytes]) -> int:
    """Which part to leave out: one that waited for the first that breaks it, or that itself."""
    good, bad = 0, len(parts)  # so many parts load; so many do not
    while bad - good > 1:
        middle = (good + bad) // 2
        if _loads(parts[:middle]):
            good = middle
        else:
            bad = middle
    last = bad - 1
    before = Replica.load(parts[:last])
    if before.has_unresolved:
        for index in range(last - 1, -1, -1):
            rest = parts[:index] + parts[index + 1 : last]
            if before.holds_back(parts[index]) and _loads([*rest, parts[last]]):
                return index
    return last


def _loads(parts: list[bytes]) -> bool:
    try:
        Replica.load([merge(parts)])
    except ReplicaBroken:
        return False
    return True
