"""The tree that an editor and a Yjs document share: elements with attributes, texts with marks.

    blockGroup › blockContainer{id} › one content element (+ a nested blockGroup)

Plain values: ``tree`` reads them from a Yjs fragment, ``difference`` writes them into one,
``blocks`` turns them into BlockNote's block JSON and back. Knows neither Yjs nor formats.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Marks = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """Text with one set of marks, as formatting attributes: ``{"bold": {}, "link": {…}}``."""

    text: str
    marks: Marks = field(default_factory=dict)


@dataclass(slots=True)
class Text:
    """A Yjs text: runs in order. Text of no characters has no runs."""

    runs: list[Run] = field(default_factory=list)

    @property
    def plain(self) -> str:
        return "".join(run.text for run in self.runs)


@dataclass(slots=True)
class Element:
    """Attributes with the types that JSON has; whole numbers are ints."""

    tag: str
    attributes: dict[str, Any] = field(default_factory=dict)
    children: "list[Element | Text]" = field(default_factory=list)

    def elements(self) -> "Iterator[Element]":
        """The children that are elements."""
        return (child for child in self.children if isinstance(child, Element))


Node = Element | Text

BREAK = "hardBreak"  # a line break within a text: an element between two texts


def plain_text(node: Node) -> str:
    """All text under a node; a break counts as a newline. Iterative."""
    found: list[str] = []
    todo: list[Node] = [node]
    while todo:
        each = todo.pop()
        if isinstance(each, Text):
            found.append(each.plain)
        elif each.tag == BREAK:
            found.append("\n")
        else:
            todo.extend(reversed(each.children))
    return "".join(found)


def slice_runs(runs: Sequence[Run], start: int, end: int) -> list[Run]:
    """The characters from ``start`` to before ``end``, with their marks."""
    found, at = [], 0
    for run in runs:
        first, last = max(start - at, 0), min(end - at, len(run.text))
        if first < last:
            found.append(Run(run.text[first:last], run.marks))
        at += len(run.text)
    return found


def side_by_side(left: Sequence[Run], right: Sequence[Run]) -> Iterator[tuple[str, Marks, Marks]]:
    """Two markings of one text, piece by piece: (text, marks of the left, marks of the right)."""
    i = j = used_left = used_right = 0
    while i < len(left) and j < len(right):
        length = min(len(left[i].text) - used_left, len(right[j].text) - used_right)
        yield left[i].text[used_left : used_left + length], left[i].marks, right[j].marks
        used_left, used_right = used_left + length, used_right + length
        if used_left == len(left[i].text):
            i, used_left = i + 1, 0
        if used_right == len(right[j].text):
            j, used_right = j + 1, 0
