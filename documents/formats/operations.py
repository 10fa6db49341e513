"""Surgical changes of a block tree: append, insert, replace, delete, find and replace.

Pure: blocks in, blocks out, all operations or none. A target is a block's id or a text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collab.errors import CollabError, TooLarge
from documents.formats.align import EVERYTHING, align
from documents.formats.blocks import TABLE, TEXT_BLOCKS, Block
from documents.formats.inline import Inline, inline_from, runs_of
from documents.formats.nodes import Run

_SHOWN = 200  # blocks that an error tells about
_SHOWN_LENGTH = 80


class TargetMissing(CollabError):
    """An operation's block or text is not there. ``there`` says what is."""

    status, code = 409, "target-missing"

    def __init__(self, message: str, there: list[dict[str, str]]) -> None:
        super().__init__(message)
        self.there = there


@dataclass(frozen=True, slots=True)
class Operation:
    """One change. ``content`` are the blocks to put in; ``block`` an id; ``find`` a text."""

    op: str
    content: list[Block] = field(default_factory=list)
    block: str = ""
    find: str = ""
    replace: str = ""
    all: bool = False


class _Growth:
    """How many characters texts may still grow by. Each replacement may double what there is."""

    def __init__(self, limit: int) -> None:
        self._limit = self._left = limit

    def spend(self, characters: int, at: str) -> None:
        """To be asked before anything is put in. Raises TooLarge."""
        self._left -= characters
        if self._left < 0:
            raise TooLarge(f"{at}: all replacements may add {self._limit:,} characters together")


def apply_operations(
    blocks: Sequence[Block], operations: Sequence[Operation], *, max_growth: int
) -> list[Block]:
    """The blocks after all operations. ``max_growth``: characters that replaced texts may add.

    Raises TargetMissing for the first operation that has no target, or TooLarge.
    """
    result, growth = list(blocks), _Growth(max_growth)
    for number, operation in enumerate(operations):
        result = _APPLY[operation.op](result, operation, f"operations[{number}]", growth)
    return result


def _append(blocks: list[Block], operation: Operation, at: str, growth: _Growth) -> list[Block]:
    return operation.content if _is_blank(blocks) else [*blocks, *operation.content]


def _prepend(blocks: list[Block], operation: Operation, at: str, growth: _Growth) -> list[Block]:
    return operation.content if _is_blank(blocks) else [*operation.content, *blocks]


def _is_blank(blocks: Sequence[Block]) -> bool:
    """A document in which nothing has been written yet."""
    return len(blocks) == 0 or (
        len(blocks) == 1
        and blocks[0]["type"] == "paragraph"
        and not blocks[0].get("content")
        and not blocks[0].get("children")
    )


def _insert_before(
    blocks: list[Block], operation: Operation, at: str, growth: _Growth
) -> list[Block]:
    return _around(blocks, operation, at, lambda block: [*operation.content, block])


def _insert_after(
    blocks: list[Block], operation: Operation, at: str, growth: _Growth
) -> list[Block]:
    return _around(blocks, operation, at, lambda block: [block, *operation.content])


def _delete_block(
    blocks: list[Block], operation: Operation, at: str, growth: _Growth
) -> list[Block]:
    return _around(blocks, operation, at, lambda block: [])


def _replace_block(
    blocks: list[Block], operation: Operation, at: str, growth: _Growth
) -> list[Block]:
    def replaced(block: Block) -> list[Block]:
        first, *rest = operation.content or [{"type": "paragraph"}]
        # It stays the same block, for carets and comments in it.
        return [*align([block], [{**first, "id": block["id"]}], EVERYTHING), *rest]

    return _around(blocks, operation, at, replaced)


def _around(
    blocks: list[Block], operation: Operation, at: str, change: Callable[[Block], list[Block]]
) -> list[Block]:
    """The tree with one block, wherever it is, replaced by others.

    One: had others its id, as new ones may, each operation could double them.
    """
    found = False
    result: list[Block] = []
    todo: list[tuple[Sequence[Block], list[Block]]] = [(blocks, result)]
    while todo:
        level, target = todo.pop()
        for block in level:
            if not found and block["id"] == operation.block:
                found = True
                target += change(block)
                continue
            target.append({**block, "children": []})
            todo.append((block.get("children") or [], target[-1]["children"]))
    if not found:
        raise TargetMissing(f"{at}: no block {operation.block!r}", _what_is_there(blocks))
    return result


def _replace_text(
    blocks: list[Block], operation: Operation, at: str, growth: _Growth
) -> list[Block]:
    """Within one block's text; what is put in looks like the first character that goes."""
    places = 0
    result: list[Block] = []
    todo: list[tuple[Sequence[Block], list[Block]]] = [(blocks, result)]
    while todo:
        level, target = todo.pop()
        for block in level:
            target.append({**block, "children": []})
            todo.append((block.get("children") or [], target[-1]["children"]))
    for copy in _reading_order(result):
        if places and not operation.all:
            break
        places += _replace_in(copy, operation, at, growth)
    if not places:
        raise TargetMissing(f"{at}: the text {operation.find!r} is nowhere", _what_is_there(blocks))
    return result


def _reading_order(blocks: Sequence[Block]) -> list[Block]:
    found: list[Block] = []
    todo = list(reversed(blocks))
    while todo:
        block = todo.pop()
        found.append(block)
        todo += reversed(block.get("children") or [])
    return found


def _replace_in(block: Block, operation: Operation, at: str, growth: _Growth) -> int:
    if block["type"] in TEXT_BLOCKS:
        block["content"], count = _replaced(block.get("content") or [], operation, at, growth)
        return count
    if block["type"] != TABLE:
        return 0
    count, rows = 0, []
    for row in block["content"]["rows"]:
        cells = []
        for cell in row["cells"]:
            if count and not operation.all:
                cells.append(cell)
                continue
            content, found = _replaced(cell["content"], operation, at, growth)
            count += found
            cells.append({**cell, "content": content})
        rows.append({"cells": cells})
    block["content"] = {**block["content"], "rows": rows}
    return count


def _replaced(inline: Inline, operation: Operation, at: str, growth: _Growth) -> tuple[Inline, int]:
    """Run by run: a text that stands in many places must not become as many pieces."""
    runs = runs_of(inline)
    text = "".join(run.text for run in runs)
    find, replace = operation.find, operation.replace
    count = text.count(find) if operation.all else int(find in text)
    if not count:
        return inline, 0
    growth.spend(count * (len(replace) - len(find)), at)
    out: list[Run] = []
    place, left = text.find(find), count
    done = end = 0  # of the old text: what the new one stands for, where the run ends
    for run in runs:
        end += len(run.text)
        pieces = []
        while left and place < end:
            pieces += [text[done:place], replace]
            done, left = place + len(find), left - 1
            place = text.find(find, done)
        pieces.append(text[done:end])
        done = max(done, end)
        out.append(Run("".join(pieces), run.marks))
    return inline_from(out), count


def _what_is_there(blocks: Sequence[Block]) -> list[dict[str, str]]:
    shown = []
    for block in _reading_order(blocks)[:_SHOWN]:
        content: Any = block.get("content") if block["type"] in TEXT_BLOCKS else []
        text = "".join(run.text for run in runs_of(content))
        shown.append({"block": block["id"], "type": block["type"], "text": text[:_SHOWN_LENGTH]})
    return shown


_APPLY: Mapping[str, Callable[[list[Block], Operation, str, _Growth], list[Block]]] = {
    "append": _append,
    "prepend": _prepend,
    "insert_before": _insert_before,
    "insert_after": _insert_after,
    "replace_block": _replace_block,
    "delete_block": _delete_block,
    "replace_text": _replace_text,
}
