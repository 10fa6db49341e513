"""What changed between two texts, and between two sequences: the few that are kept in place.

Bounded: a text that differs everywhere costs no more than its length and a constant.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

_TOKENS = re.compile(r"\w+|\s|[^\w\s]")
_WITHIN_WORD = re.compile(r"\w\w")
_MAX_PAIRS = 100_000
_MAX_STEPS = 1_000_000  # token pairs; beyond, what differs counts as one change


@dataclass(frozen=True, slots=True)
class Change:
    """``old[start:end]`` became ``new[new_start:new_end]``; ``is_same`` if nothing changed."""

    is_same: bool
    start: int
    end: int
    new_start: int
    new_end: int


def text_changes(old: str, new: str, *, by_words: bool = False) -> list[Change]:
    """From front to end, covering both texts; offsets in characters.

    As little as possible, or whole words, as people read.
    """
    head, tail = _common_ends(old, new)
    if by_words:
        while _splits_word(old, head) or _splits_word(new, head):
            head -= 1
        while _splits_word(old, len(old) - tail) or _splits_word(new, len(new) - tail):
            tail -= 1
    a = _TOKENS.findall(old[head : len(old) - tail])
    b = _TOKENS.findall(new[head : len(new) - tail])
    changes = [Change(True, 0, head, 0, head)] if head else []
    at, new_at = head, head
    for kind, i1, i2, j1, j2 in _opcodes(a, b):
        length, new_length = sum(map(len, a[i1:i2])), sum(map(len, b[j1:j2]))
        end, new_end = at + length, new_at + new_length
        changes.append(Change(kind == "equal", at, end, new_at, new_end))
        at, new_at = end, new_end
    if tail:
        changes.append(Change(True, len(old) - tail, len(old), len(new) - tail, len(new)))
    return changes


def _splits_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and _WITHIN_WORD.fullmatch(text, place - 1, place + 1) is not None


def kept_pairs(old: Sequence[T], new: Sequence[T]) -> Iterator[tuple[int, int]]:
    """Places of equal items that stay in order: (place in old, place in new).

    Items that are there once on both sides are the anchors; between them, ranges of some
    hundred items are compared one by one, and longer ones from their ends alone.
    """
    anchors = [*_anchors(old, new), (len(old), len(new))]
    start, new_start = 0, 0
    for end, new_end in anchors:
        for place, new_place in _kept_in_range(old[start:end], new[new_start:new_end]):
            yield start + place, new_start + new_place
        if end < len(old):
            yield end, new_end
        start, new_start = end + 1, new_end + 1


def _anchors(old: Sequence[T], new: Sequence[T]) -> list[tuple[int, int]]:
    """The longest run, in order, of items that each side has once. (Patience sorting.)"""
    counts, new_counts = Counter(old), Counter(new)
    places = {item: place for place, item in enumerate(old) if counts[item] == 1}
    common = [
        (places[item], place)
        for place, item in enumerate(new)
        if new_counts[item] == 1 and item in places
    ]
    tops: list[int] = []  # of each pile the last card's place in old
    last_of_pile: list[int] = []  # … and its number in ``common``
    previous: list[int] = []  # the card that lay on the pile before it
    for number, (place, _) in enumerate(common):
        pile = bisect_left(tops, place)
        previous.append(last_of_pile[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(place)
            last_of_pile.append(number)
        else:
            tops[pile], last_of_pile[pile] = place, number
    longest: list[tuple[int, int]] = []
    number = last_of_pile[-1] if last_of_pile else -1
    while number >= 0:
        longest.append(common[number])
        number = previous[number]
    return longest[::-1]


def _kept_in_range(old: Sequence[T], new: Sequence[T]) -> Iterator[tuple[int, int]]:
    head, tail = _common_ends(old, new)
    yield from ((place, place) for place in range(head))
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(a) * len(b) <= _MAX_PAIRS:
        for i, j, size in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
            yield from ((head + i + step, head + j + step) for step in range(size))
    yield from ((len(old) - step, len(new) - step) for step in range(tail, 0, -1))


def _opcodes(a: Sequence[str], b: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if not a and not b:
        return []
    if not a or not b or len(a) * len(b) > _MAX_STEPS:
        return [("replace", 0, len(a), 0, len(b))]
    # A space alone is no match: to look for the longest of thousands takes seconds.
    return SequenceMatcher(str.isspace, a, b, autojunk=False).get_opcodes()


def _common_ends(old: Sequence[object], new: Sequence[object]) -> tuple[int, int]:
    """How much both begin with, and how much of the rest both end with."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    rest = shorter - head
    tail = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
    return head, tail
