"""Plain text: a line for each block, without its kind, marks or level.

Written back, it changes words: a line that is still there leaves its block as it was, one that
has changed changes that block's text, and only new lines become blocks (paragraphs).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from documents.formats.align import Scope, merged_inline
from documents.formats.blocks import TABLE, TEXT_BLOCKS, Block, new_id
from documents.formats.inline import Inline, runs_of
from documents.formats.text_changes import kept_pairs

_WORDS_ALONE = Scope(marks=frozenset())


def to_text(blocks: Sequence[Block]) -> str:
    """Lines that end with a newline; tabs between the cells of a table."""
    lines = [line for block in _in_order(blocks) for line in _lines(block)]
    return "\n".join(lines) + "\n" if lines else ""


def from_text(text: str) -> list[Block]:
    """A paragraph for each line; empty lines are layout."""
    return [_paragraph(line) for line in _split(text)]


def rewritten(old: Sequence[Block], text: str) -> list[Block]:
    """The old blocks, saying ``text``."""
    blocks = list(_in_order(old))
    old_lines = [(number, line) for number, block in enumerate(blocks) for line in _lines(block)]
    new_lines = _split(text)
    became = _became([line for _, line in old_lines], new_lines)
    said: dict[int, list[str | None]] = {}  # of each block: what its lines are now, None for gone
    added: dict[int, list[Block]] = {}  # new blocks by the block that they come after
    last, next_new = -1, 0
    for place, (number, _) in enumerate(old_lines):
        lines = said.setdefault(number, [])
        new = became.get(place)
        if new is None:
            lines.append(None)
            continue
        news, next_new = new_lines[next_new:new], new + 1
        if number == last and blocks[number]["type"] != TABLE:
            lines.append("\n".join([*news, new_lines[new]]))  # within one block's text
        else:
            added.setdefault(last, []).extend(map(_paragraph, news))
            lines.append(new_lines[new])
        last = number
    added.setdefault(last, []).extend(map(_paragraph, new_lines[next_new:]))
    return _rebuilt(old, blocks, said, added)


def _became(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Which old line is which new one: those that stayed, and in between those that changed."""
    kept = list(kept_pairs(old, new))
    became = dict(kept)
    start = new_start = 0
    for end, new_end in [*kept, (len(old), len(new))]:
        became |= dict(zip(range(start, end), range(new_start, new_end), strict=False))
        start, new_start = end + 1, new_end + 1
    return became


def _rebuilt(
    old: Sequence[Block],
    blocks: Sequence[Block],
    said: dict[int, list[str | None]],
    added: dict[int, list[Block]],
) -> list[Block]:
    numbers = {id(block): number for number, block in enumerate(blocks)}
    result = added.get(-1, [])
    todo: list[tuple[Iterator[Block], list[Block]]] = [(iter(old), result)]
    while todo:
        siblings, target = todo[-1]
        block = next(siblings, None)
        if block is None:
            todo.pop()
            continue
        number, children = numbers[id(block)], block.get("children") or []
        lines = said.get(number, [])
        inner = target  # what was in a block that is gone takes its place
        if not lines or any(line is not None for line in lines):
            target.append(_saying(block, lines))
            inner = target[-1]["children"]
        # Right after its own lines, and so before what is nested in it.
        (inner if children else target).extend(added.get(number, []))
        todo.append((iter(children), inner))
    return result


def _saying(block: Block, lines: Sequence[str | None]) -> Block:
    """The block with these lines in place of those that it has."""
    copy: Block = {**block, "children": []}
    if lines == _lines(block):
        return copy
    news = iter(lines)
    if block["type"] == TABLE:
        rows = []
        for row in block["content"]["rows"]:
            line = next(news) if _row_line(row).strip() else ""
            if line is not None:
                rows.append({"cells": _cells_saying(row["cells"], line)})
        copy["content"] = {**block["content"], "rows": rows}
        return copy
    text = [next(news) if line.strip() else line for line in _plain(block["content"]).split("\n")]
    inline = _words("\n".join(line for line in text if line is not None))
    copy["content"] = merged_inline(block["content"], inline, _WORDS_ALONE)
    return copy


def _cells_saying(cells: Sequence[Any], line: str) -> list[Any]:
    """More than the last cell can be told apart goes into it."""
    texts = line.split("\t", len(cells) - 1)
    texts += [""] * (len(cells) - len(texts))
    return [
        cell
        if _plain(cell["content"]).replace("\n", " ") == text
        else {**cell, "content": merged_inline(cell["content"], _words(text), _WORDS_ALONE)}
        for cell, text in zip(cells, texts, strict=True)
    ]


def _in_order(blocks: Sequence[Block]) -> Iterator[Block]:
    todo = list(reversed(blocks))
    while todo:
        block = todo.pop()
        yield block
        todo += reversed(block.get("children") or [])


def _lines(block: Block) -> list[str]:
    """What it says; nothing for an empty block, a picture or a rule."""
    if block["type"] == TABLE:
        lines = [_row_line(row) for row in block["content"].get("rows") or []]
        return [line for line in lines if line.strip()]
    return _split(_plain(block.get("content"))) if block["type"] in TEXT_BLOCKS else []


def _row_line(row: Any) -> str:
    return "\t".join(_plain(cell["content"]).replace("\n", " ") for cell in row["cells"])


def _plain(inline: Any) -> str:
    return "".join(run.text for run in runs_of(inline))


def _split(text: str) -> list[str]:
    return [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]


def _words(text: str) -> Inline:
    return [{"type": "text", "text": text, "styles": {}}] if text else []


def _paragraph(line: str) -> Block:
    return {
        "id": new_id(),
        "type": "paragraph",
        "props": {},
        "content": _words(line),
        "children": [],
    }
