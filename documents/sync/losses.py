"""How much of what a document says some deletions take away.

In clocks, as Yjs counts: one for each UTF-16 unit of text, each element, each attribute. No
document need be decoded to know what was deleted: updates say so.
"""

from dataclasses import dataclass

from documents.sync.compaction import canonical
from documents.sync.guard import Ranges, scan
from documents.sync.salvage import load_what_can_be


@dataclass(frozen=True, slots=True)
class Loss:
    """Of ``had`` clocks that were not deleted before, ``lost`` are."""

    had: int
    lost: int


def count_clocks(deletes: Ranges) -> int:
    """How many clocks these ranges cover; one that stands twice counts once."""
    return sum(length for _, ranges in canonical(deletes) for _, length in ranges)


def loss_by(parts: list[bytes], deletes: Ranges) -> Loss:
    """What a document of these parts loses by further deletions.

    An update may repeat what was deleted long ago, and delete what it brings itself: neither
    is lost by it.
    """
    replica, _ = load_what_can_be(parts)
    known = scan(replica.difference(replica.state_vector())).deletes
    together = {client: list(ranges) for client, ranges in known.items()}
    for client, ranges in deletes.items():
        end = replica.clocks.get(client, 0)
        within = [(clock, min(length, end - clock)) for clock, length in ranges if clock < end]
        together.setdefault(client, []).extend(within)
    deleted = count_clocks(known)
    return Loss(sum(replica.clocks.values()) - deleted, count_clocks(together) - deleted)
