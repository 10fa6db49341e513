"""Documents for the converters' tests: made by the real editor, and made up."""

import base64
import json
from pathlib import Path
from typing import Any

import pycrdt
from hypothesis import strategies as st

from documents.formats.blocks import TEXT_BLOCKS, Block, from_blocks, to_blocks

_GOLDEN = json.loads((Path(__file__).parents[2] / "vectors" / "blocknote.json").read_text())
STORIES: dict[str, dict[str, Any]] = {story["name"]: story for story in _GOLDEN["stories"]}
PARSED: list[dict[str, Any]] = _GOLDEN["parsed"]


def doc_of(story: dict[str, Any]) -> "pycrdt.Doc[Any]":
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(base64.b64decode(story["yjs"]))
    return doc


def full(blocks: list[Block]) -> list[Block]:
    """The blocks as a document that was made of them gives them: all props, all ids."""
    return to_blocks([from_blocks(blocks)]) if blocks else []


def without_ids(blocks: list[Block]) -> list[Block]:
    return [
        {
            **{key: value for key, value in block.items() if key != "id"},
            "children": without_ids(block.get("children") or []),
        }
        for block in blocks
    ]


_PIECES = ["a", "b c", "*", "**", "_", "x_y", "`", "``", "[", "]", "(", ")", "!", "#", "# ", "- ",
           "+ ", "1. ", "> ", "<", "<b>", "&", "&amp;", "\\", "|", "~~", "http://x.y", "\n", "  ",
           "\t", "---", "===", "é", "😀", '"', "'", "[ ] ", "<!--", "\u00a0", "//", "a@b.c"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=5).map("".join)
_LINES = TEXTS.map(lambda text: " ".join(text.replace("\n", " ").split()))
_STYLES = st.sets(st.sampled_from(["bold", "italic", "underline", "strike", "code"]), max_size=3)
_RUN = st.tuples(TEXTS, _STYLES).map(
    lambda each: {"type": "text", "text": each[0], "styles": dict.fromkeys(each[1], True)}
)
_HREFS = st.sampled_from(["https://a.b/c", "/x y", "a(b)", 'q?a=1&b="2"', "#f", "mailto:a@b.c"])
_LINK = st.tuples(_HREFS, _RUN).map(
    lambda each: {"type": "link", "href": each[0], "content": [each[1]]}
)
INLINE = st.lists(_RUN | _LINK, max_size=4)
_HEAD = TEXTS.map(lambda text: [{"type": "text", "text": f"h{text}", "styles": {}}])


def _leaf(kind: str) -> st.SearchStrategy[Block]:
    match kind:
        case "codeBlock":
            return st.tuples(TEXTS, st.sampled_from(["text", "python", "c++"])).map(
                lambda each: _block(kind, each[0], language=each[1])
            )
        case "heading":
            return st.tuples(INLINE, st.integers(1, 6), st.booleans()).map(
                lambda each: _block(kind, each[0], level=each[1], isToggleable=each[2])
            )
        case "checkListItem":
            return st.tuples(INLINE, st.booleans()).map(
                lambda each: _block(kind, each[0], checked=each[1])
            )
        case "image" | "video" | "file":
            return st.tuples(
                st.sampled_from(["https://a.b/c.png", "/x y", ""]), _LINES, _LINES
            ).map(lambda each: _block(kind, None, url=each[0], name=each[1], caption=each[2]))
        case "table":
            return st.integers(1, 3).flatmap(
                lambda width: st.tuples(
                    st.lists(_HEAD, min_size=width, max_size=width),
                    st.lists(st.lists(INLINE, min_size=width, max_size=width), max_size=2),
                    st.booleans(),
                ).map(_table)
            )
        case "divider":
            return st.just(_block(kind, None))
    return INLINE.map(lambda inline: _block(kind, inline))


def _block(kind: str, content: Any, **props: Any) -> Block:
    block: Block = {"type": kind, "props": props}
    return {**block, "content": content} if kind in TEXT_BLOCKS else block


def _table(parts: Any) -> Block:
    head, body, has_head = parts
    rows = [{"cells": cells} for cells in [head, *body]]
    return {"type": "table", "content": {"rows": rows, "headerRows": int(has_head)}}


_KINDS = [*sorted(TEXT_BLOCKS), "image", "video", "file", "table", "divider"]
_ANY_LEAF = st.sampled_from(_KINDS).flatmap(_leaf)
_ANY = st.recursive(
    _ANY_LEAF,
    lambda inner: st.tuples(_ANY_LEAF, st.lists(inner, max_size=3)).map(
        lambda each: {**each[0], "children": each[1]}
    ),
    max_leaves=6,
)
DOCUMENTS = st.lists(_ANY, min_size=1, max_size=4).map(full)
