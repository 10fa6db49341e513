"""What is different between two states of one document: block by block, and word by word.

A block is the same one if it has the same id, wherever it stands; one with another id if it
stands in the same place and says much the same (somebody overwrote everything). Pure: block
JSON in, JSON out. Bounded: after two seconds of work, texts are compared as wholes.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from documents.formats.align import EVERYTHING, likeness, matches
from documents.formats.blocks import TABLE, Block
from documents.formats.inline import SWITCHES, runs_of
from documents.formats.nodes import Marks, Run, side_by_side, slice_runs
from documents.formats.text_changes import Change, kept_pairs, text_changes

Difference = dict[str, Any]

_ALIKE = 0.5  # share of common words from which a block without a known id is one changed
_LONGEST_S = 2.0  # of work


def compare(old: Sequence[Block], new: Sequence[Block]) -> list[Difference]:
    """All blocks of both in reading order, each with its ``op``; removed ones where they were.

    ``{"op", "id", "type", "depth", "text"}`` with ``op`` same, added, removed or changed; beside
    it ``moved`` for one that stood elsewhere, ``was_type`` and ``props`` (``{name: {"from",
    "to"}}``) for what else has changed. ``text`` is a list of runs: ``{"text", "op"}`` with
    ``op`` same, added, removed or formatted, and ``styles`` (``was_styles``) where there are any.
    """
    return list(_Comparison(old, new).differences())


@dataclass(frozen=True, slots=True)
class _Pair:
    """One block on both sides, or on one."""

    old: Block | None
    new: Block | None
    depth: int
    is_moved: bool = False


class _Comparison:
    def __init__(self, old: Sequence[Block], new: Sequence[Block]) -> None:
        self._old, self._new = old, new
        before, after = _by_id(old), _by_id(new)
        # Blocks that are on both sides, as they were.
        self._common = {key: block for key, block in before.items() if key in after}
        self._until = time.thread_time() + _LONGEST_S

    def differences(self) -> Iterator[Difference]:
        todo = self._siblings(self._old, self._new, 0)[::-1]
        while todo:
            pair = todo.pop()
            yield self._described(pair)
            inner = [side["children"] if side else [] for side in (pair.old, pair.new)]
            todo += self._siblings(inner[0], inner[1], pair.depth + 1)[::-1]

    # -- Which is which ---------------------------------------------------------------------
    def _siblings(self, old: Sequence[Block], new: Sequence[Block], depth: int) -> list[_Pair]:
        """What stands under one parent, in order. What has left it is shown where it is now."""
        pairs: list[_Pair] = []
        start = new_start = 0
        for end, new_end in [*self._stayed(old, new), (len(old), len(new))]:
            gone = [block for block in old[start:end] if block["id"] not in self._common]
            pairs += [_Pair(block, None, depth) for block in gone]
            pairs += [self._arrived(block, depth) for block in new[new_start:new_end]]
            if end < len(old):
                pairs.append(_Pair(old[end], new[new_end], depth))
            start, new_start = end + 1, new_end + 1
        return pairs

    def _arrived(self, block: Block, depth: int) -> _Pair:
        before = self._common.get(block["id"])
        return _Pair(before, block, depth, is_moved=before is not None)

    def _stayed(self, old: Sequence[Block], new: Sequence[Block]) -> Iterator[tuple[int, int]]:
        """(place in old, place in new), in order: by id, and between those the ones alike."""
        known = kept_pairs(self._ids(old), self._ids(new))
        start = new_start = 0
        for end, new_end in [*known, (len(old), len(new))]:
            left, came = self._unknown(old, start, end), self._unknown(new, new_start, new_end)
            found = matches([old[i] for i in left], [new[j] for j in came], EVERYTHING)
            for i, j in sorted(found):
                if likeness(old[left[i]], new[came[j]]) >= _ALIKE:
                    yield left[i], came[j]
            if end < len(old):
                yield end, new_end
            start, new_start = end + 1, new_end + 1

    def _ids(self, blocks: Sequence[Block]) -> list[object]:
        # An object is like no other.
        return [block["id"] if block["id"] in self._common else object() for block in blocks]

    def _unknown(self, blocks: Sequence[Block], start: int, end: int) -> list[int]:
        return [place for place in range(start, end) if blocks[place]["id"] not in self._common]

    # -- What is different ------------------------------------------------------------------
    def _described(self, pair: _Pair) -> Difference:
        old, new = pair.old, pair.new
        block = new or old
        assert block is not None
        difference = {"op": "same", "id": block["id"], "type": block["type"], "depth": pair.depth}
        if old is None or new is None:
            difference["op"] = op = "added" if old is None else "removed"
            return {**difference, "text": [_run(run, op) for run in _runs(block)]}
        changes: Difference = {}
        if old["type"] != new["type"]:
            changes["was_type"] = old["type"]
        if props := _changed_props(old["props"], new["props"]):
            changes["props"] = props
        text = self._changed_text(_runs(old), _runs(new))
        # Of a table also widths, heads and colours, of which its text says nothing.
        if changes or old.get("content") != new.get("content"):
            difference["op"] = "changed"
        if pair.is_moved:
            difference["moved"] = True
        return {**difference, **changes, "text": text}

    def _changed_text(self, old: Sequence[Run], new: Sequence[Run]) -> list[Difference]:
        if old == new:
            return [_run(run, "same") for run in new]
        text: list[Difference] = []
        for change in self._text_changes(_plain(old), _plain(new)):
            had = slice_runs(old, change.start, change.end)
            has = slice_runs(new, change.new_start, change.new_end)
            if change.is_same:
                text += [_kept(*piece) for piece in side_by_side(has, had)]
            else:
                text += [_run(run, "removed") for run in had]
                text += [_run(run, "added") for run in has]
        return text

    def _text_changes(self, old: str, new: str) -> list[Change]:
        if time.thread_time() < self._until:
            return text_changes(old, new, by_words=True)
        return [Change(False, 0, len(old), 0, len(new))]


def _by_id(blocks: Sequence[Block]) -> dict[str, Block]:
    """The blocks whose id is theirs alone, nested ones too."""
    found: list[Block] = []
    todo = list(blocks)
    while todo:
        found.append(block := todo.pop())
        todo += block["children"]
    counts = Counter(block["id"] for block in found)
    return {block["id"]: block for block in found if block["id"] and counts[block["id"]] == 1}


def _changed_props(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    return {
        name: {"from": old.get(name), "to": new.get(name)}
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    }


def _runs(block: Block) -> list[Run]:
    """What a block says; of a table its cells, between tabs, a line for each row."""
    content = block.get("content")
    if block["type"] != TABLE:
        return runs_of(content)
    runs: list[Run] = []
    for row in content["rows"] if content else []:
        for number, cell in enumerate(row["cells"]):
            runs += [Run("\t")] if number else []
            runs += runs_of(cell["content"])
        runs.append(Run("\n"))
    return runs


def _plain(runs: Sequence[Run]) -> str:
    return "".join(run.text for run in runs)


def _run(run: Run, op: str) -> Difference:
    described: Difference = {"text": run.text, "op": op}
    return {**described, "styles": styles} if (styles := _styles(run.marks)) else described


def _kept(text: str, marks: Marks, had: Marks) -> Difference:
    if marks == had:
        return _run(Run(text, marks), "same")
    return {**_run(Run(text, marks), "formatted"), "was_styles": _styles(had)}


def _styles(marks: Marks) -> Difference:
    """``{"bold": true, "textColor": "red", "link": "https://…"}``"""
    return {
        name: True if name in SWITCHES else next(iter(value.values()))
        for name, value in sorted(marks.items())
    }
