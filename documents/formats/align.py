"""What a program sent, seen as a change of what is there: which new block is which old one.

A format says less than the document holds: Markdown knows no colours, plain text no headings.
``Scope`` says what it can say; all else is taken over from the block that a new one matches,
so that somebody who fetches a text, changes a word and puts it back changes that word alone.
Pure: block JSON in, block JSON out.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from documents.formats.blocks import (
    CELL_DEFAULTS,
    PROPS,
    TABLE,
    TEXT_BLOCKS,
    Block,
    new_id,
)
from documents.formats.inline import SHOWN_MARKS, Inline, inline_from, runs_of
from documents.formats.nodes import Run, side_by_side, slice_runs
from documents.formats.text_changes import kept_pairs, text_changes

_ALL_PROPS: Mapping[str, frozenset[str]] = {kind: frozenset(props) for kind, props in PROPS.items()}
_MAX_PAIRS = 2_500  # of unlike blocks that are compared with one another
_ALIKE = 0.3  # share of common words from which a block is another one changed


def _nothing(block: Block) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Scope:
    """What a format can say. ``aliases``: kinds that it writes like another kind."""

    marks: frozenset[str] = SHOWN_MARKS
    props: Mapping[str, frozenset[str]] = field(default_factory=lambda: _ALL_PROPS)
    cell_props: frozenset[str] = frozenset({"textAlignment"})
    aliases: Mapping[str, str] = field(default_factory=dict)
    says_kind: bool = True  # or every block is a paragraph to it
    hides: Callable[[Block], bool] = _nothing  # blocks that it leaves out

    def kind(self, kind: str) -> str:
        return self.aliases.get(kind, kind)


EVERYTHING = Scope(cell_props=frozenset(CELL_DEFAULTS))


def align(old: Sequence[Block], new: Sequence[Block], scope: Scope) -> list[Block]:
    """``new`` with the ids, and with what the format cannot say, of the old blocks it matches."""
    result: list[Block] = []
    todo: list[tuple[Sequence[Block], Sequence[Block], list[Block]]] = [(old, new, result)]
    taken = {block["id"] for block in _all(new) if block.get("id")}
    while todo:
        old, new, target = todo.pop()
        if not new:
            # Nothing said, where there was nothing that could be said: it stays.
            target += old if all(scope.hides(block) for block in old) else []
            continue
        hidden = [scope.hides(block) for block in old]
        visible = [place for place, hides in enumerate(hidden) if not hides]
        pairs = {j: visible[i] for i, j in matches([old[i] for i in visible], new, scope)}
        at = 0
        for place, block in enumerate(new):
            match = pairs.get(place)
            if match is None:
                target.append({**block, "id": block.get("id") or new_id(), "children": []})
                todo.append(([], block.get("children") or [], target[-1]["children"]))
                continue
            target += _hidden_between(old, hidden, at, match, taken)
            at = match + 1
            target.append(_merged(old[match], block, scope))
            todo.append(
                (old[match]["children"], block.get("children") or [], target[-1]["children"])
            )
            # Those that follow it stay after it, wherever new ones come.
            while at < len(old) and hidden[at]:
                target += _hidden_between(old, hidden, at, at + 1, taken)
                at += 1
    return result


def _hidden_between(
    old: Sequence[Block], hidden: Sequence[bool], start: int, end: int, taken: set[str]
) -> list[Block]:
    return [old[i] for i in range(start, end) if hidden[i] and old[i]["id"] not in taken]


def _all(blocks: Sequence[Block]) -> Iterator[Block]:
    todo = list(blocks)
    while todo:
        block = todo.pop()
        yield block
        todo += block.get("children") or []


# -- Which is which -------------------------------------------------------------------------
def matches(old: Sequence[Block], new: Sequence[Block], scope: Scope) -> Iterator[tuple[int, int]]:
    """(place in old, place in new), in order: by id, then equal ones, then those alike."""
    left = [(0, len(old), 0, len(new))]
    for keys in (_ids, lambda blocks: [_key(block, scope) for block in blocks]):
        gaps = []
        for start, end, new_start, new_end in left:
            before = keys(old[start:end])
            after = keys(new[new_start:new_end])
            last, new_last = start, new_start
            for i, j in kept_pairs(before, after):
                if before[i] is None:
                    continue
                yield start + i, new_start + j
                gaps.append((last, start + i, new_last, new_start + j))
                last, new_last = start + i + 1, new_start + j + 1
            gaps.append((last, end, new_last, new_end))
        left = gaps
    for start, end, new_start, new_end in left:
        for i, j in _alike(old[start:end], new[new_start:new_end], scope):
            yield start + i, new_start + j


def _ids(blocks: Sequence[Block]) -> list[object]:
    # Where there is no id nothing matches by it.
    return [block.get("id") or None for block in blocks]


def _key(block: Block, scope: Scope) -> object:
    """Equal for blocks of which the format says the same, children apart."""
    kind = block["type"]
    props = block.get("props") or {}
    said = {
        name: value
        for name in scope.props.get(kind, frozenset())
        if (value := props.get(name, PROPS[kind][name])) != PROPS[kind][name]
    }
    name = scope.kind(kind) if scope.says_kind else ""
    return name, repr(sorted(said.items())), _said_content(block, scope)


def _said_content(block: Block, scope: Scope) -> str:
    if block["type"] == TABLE:
        cells = [[_said_runs(cell, scope) for cell in row] for row in _cells(block.get("content"))]
        return repr(cells)
    return repr(_said_runs(block.get("content"), scope))


def _said_runs(inline: Any, scope: Scope) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (run.text, sorted((name, repr(value)) for name, value in run.marks.items()))
        for run in _merged_runs(runs_of(inline), scope)
    ]


def _merged_runs(runs: Sequence[Run], scope: Scope) -> list[Run]:
    merged: list[Run] = []
    for run in runs:
        marks = {name: value for name, value in run.marks.items() if name in scope.marks}
        if merged and merged[-1].marks == marks:
            merged[-1] = Run(merged[-1].text + run.text, marks)
        else:
            merged.append(Run(run.text, marks))
    return merged


def _alike(old: Sequence[Block], new: Sequence[Block], scope: Scope) -> Iterator[tuple[int, int]]:
    """Pairs, in order, with as many common words as possible together."""
    if not old or not new:
        return
    if len(old) == len(new) == 1:
        yield 0, 0
        return
    if len(old) * len(new) > _MAX_PAIRS:
        yield from _of_one_kind(old, new, scope)
        return
    words, new_words = [_words(block) for block in old], [_words(block) for block in new]
    # best[i][j]: the most that the blocks from i and from j on can have in common.
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    shares = [
        [_share(a, b, old[i]["type"] == new[j]["type"]) for j, b in enumerate(new_words)]
        for i, a in enumerate(words)
    ]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            together = shares[i][j] + best[i + 1][j + 1] if shares[i][j] >= _ALIKE else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], together)
    i = j = 0
    while i < len(old) and j < len(new):
        if shares[i][j] >= _ALIKE and best[i][j] == shares[i][j] + best[i + 1][j + 1]:
            yield i, j
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1


def _of_one_kind(
    old: Sequence[Block], new: Sequence[Block], scope: Scope
) -> Iterator[tuple[int, int]]:
    """Pairs in order for long ranges: cheap, and good where most has changed anyway."""
    for place, (before, after) in enumerate(zip(old, new, strict=False)):
        if not scope.says_kind or scope.kind(before["type"]) == scope.kind(after["type"]):
            yield place, place


def _words(block: Block) -> Counter[str]:
    content = block.get("content")
    if block["type"] == TABLE:
        texts = [run.text for row in _cells(content) for cell in row for run in runs_of(cell)]
    elif block["type"] in TEXT_BLOCKS:
        texts = [run.text for run in runs_of(content)]
    else:
        texts = [str((block.get("props") or {}).get("url", ""))]
    return Counter(" ".join(texts).split())


def likeness(old: Block, new: Block) -> float:
    """From 0 to 1: how much of what two blocks say is the same words."""
    return _share(_words(old), _words(new), old["type"] == new["type"])


def _share(a: Counter[str], b: Counter[str], is_one_kind: bool) -> float:
    """From 0 to 1, a little more for the same kind: it decides where words do not."""
    total = a.total() + b.total()
    common = 2 * (a & b).total() / total if total else 1.0
    return common * 0.9 + (0.1 if is_one_kind else 0.0)


# -- What is taken over ---------------------------------------------------------------------
def _merged(old: Block, new: Block, scope: Scope) -> Block:
    kind = new["type"]
    if not scope.says_kind or scope.kind(old["type"]) == scope.kind(kind):
        kind = old["type"]
    block: Block = {"id": old["id"], "type": kind, "props": {}, "children": []}
    old_props, new_props = old.get("props") or {}, new.get("props") or {}
    for name in PROPS[kind]:
        is_said = name in scope.props.get(new["type"], frozenset()) and kind == new["type"]
        props = new_props if is_said or name not in old_props else old_props
        if props.get(name) is not None:
            block["props"][name] = props[name]
    content = new.get("content")
    if kind == TABLE:
        block["content"] = _merged_table(old.get("content") or {}, content or {}, scope)
    elif kind in TEXT_BLOCKS:
        had = old.get("content") if old["type"] in TEXT_BLOCKS else []
        block["content"] = merged_inline(had or [], content or [], scope)
    return block


def merged_inline(old: Inline, new: Inline, scope: Scope) -> Inline:
    """New text with, on what has stayed, the marks that the format cannot say."""
    if scope.marks == SHOWN_MARKS:
        return new
    old_runs, new_runs = runs_of(old), runs_of(new)
    result: list[Run] = []
    for change in text_changes(_plain(old_runs), _plain(new_runs)):
        wanted = slice_runs(new_runs, change.new_start, change.new_end)
        had = slice_runs(old_runs, change.start, change.end)
        if not change.is_same:
            # What is put in looks like what it replaces, or like what is on both sides of it.
            around = slice_runs(old_runs, max(change.start - 1, 0), change.end + 1)
            shared = _common_marks(had or around, without=scope.marks)
            result += [Run(run.text, {**shared, **run.marks}) for run in wanted]
            continue
        for text, said, unsaid in side_by_side(wanted, had):
            kept = {name: value for name, value in unsaid.items() if name not in scope.marks}
            result.append(Run(text, {**said, **kept}))
    return inline_from(result)


def _common_marks(runs: Sequence[Run], *, without: frozenset[str]) -> dict[str, Any]:
    first, *others = runs or [Run("")]
    return {
        name: value
        for name, value in first.marks.items()
        if name not in without and all(run.marks.get(name) == value for run in others)
    }


def _merged_table(old: Mapping[str, Any], new: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    old_rows, new_rows = old.get("rows") or [], new.get("rows") or []
    rows_before = {j: i for i, j in _row_matches(old_rows, new_rows)}
    rows = []
    for y, row in enumerate(new_rows):
        before = old_rows[rows_before[y]]["cells"] if y in rows_before else []
        cells = [
            _merged_cell(before[x] if x < len(before) else None, cell, scope)
            for x, cell in enumerate(row["cells"])
        ]
        rows.append({"cells": cells})
    table = {**new, "rows": rows}
    widths = [len(rows[0]["cells"]) if rows else 0 for rows in (old_rows, new_rows)]
    if widths[0] == widths[1] and not any(new.get("columnWidths") or []):
        table["columnWidths"] = old.get("columnWidths")
    return table


def _row_matches(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[int, int]]:
    def keys(rows: Sequence[Any]) -> list[str]:
        return ["\t".join(_plain(runs_of(cell)) for cell in row) for row in _cells({"rows": rows})]

    start = new_start = 0
    for end, new_end in [*kept_pairs(keys(old), keys(new)), (len(old), len(new))]:
        yield from zip(range(start, end), range(new_start, new_end), strict=False)
        if end < len(old):
            yield end, new_end
        start, new_start = end + 1, new_end + 1


def _merged_cell(old: Any, new: Any, scope: Scope) -> dict[str, Any]:
    props = dict(new.get("props") or {}) if isinstance(new, Mapping) else {}
    inline = _inline_of_cell(new)
    if isinstance(old, Mapping):
        had = old.get("props") or {}
        props = {**had, **{k: v for k, v in props.items() if k in scope.cell_props}}
        inline = merged_inline(_inline_of_cell(old), inline, scope)
    return {"type": "tableCell", "props": props, "content": inline}


# -- Inline content as runs -----------------------------------------------------------------
def _cells(content: Any) -> list[list[Any]]:
    """The inline content of each cell of a table."""
    return [[_inline_of_cell(cell) for cell in row["cells"]] for row in (content or {})["rows"]]


def _inline_of_cell(cell: Any) -> Any:
    return (cell.get("content") or []) if isinstance(cell, Mapping) else cell


def _plain(runs: Sequence[Run]) -> str:
    return "".join(run.text for run in runs)
