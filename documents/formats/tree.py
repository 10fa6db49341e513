"""The block tree: BlockNote's Yjs fragment, written from BlockNote's block JSON.

    blockGroup › blockContainer{id} › one content element (+ a nested blockGroup)

An editor deletes what its schema does not know, so unknown blocks and styles are refused
here and every block gets its id. Iterative: documents may be nested deeper than Python's
stack. Knows no database and no schema version.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from pycrdt import Doc, XmlElement, XmlFragment, XmlText

from collab.errors import CollabError

CONTENT_ROOT = "content"

Block = Mapping[str, Any]

_TEXT_BLOCKS = frozenset(
    {
        "paragraph",
        "heading",
        "bulletListItem",
        "numberedListItem",
        "checkListItem",
        "toggleListItem",
        "quote",
        "codeBlock",
    }
)
_LEAF_BLOCKS = frozenset({"divider", "image", "video", "audio", "file"})
_SWITCHES = frozenset({"bold", "italic", "underline", "strike", "code"})
_VALUES = frozenset({"textColor", "backgroundColor"})


class InvalidBlocks(CollabError):
    """Blocks that the editor's schema does not allow."""

    close_code, status, code = 4400, 422, "invalid-blocks"


def new_document_update(blocks: Sequence[Block]) -> bytes:
    """A fresh document with these blocks, as a full Yjs update. Raises InvalidBlocks."""
    doc: Doc[Any] = Doc()
    write_blocks(doc.get(CONTENT_ROOT, type=XmlFragment), blocks)
    return doc.get_update()


def write_blocks(fragment: XmlFragment, blocks: Sequence[Block]) -> None:
    """Write blocks into an empty, integrated fragment, in one transaction.

    A block is ``{"id"?, "type", "props"?, "content"?, "children"?}`` as BlockNote's
    ``editor.document`` gives it. Raises InvalidBlocks; what was written before stays.
    """
    assert fragment.doc is not None
    with fragment.doc.transaction():
        todo: list[tuple[XmlFragment | XmlElement, Sequence[Block]]] = [
            (fragment, blocks or [{"type": "paragraph"}])
        ]
        while todo:
            parent, siblings = todo.pop()
            group = parent.children.append(XmlElement("blockGroup"))
            for block in siblings:
                container = _write_container(group, block)
                if children := block.get("children"):
                    todo.append((container, children))


def _write_container(group: XmlElement, block: Block) -> XmlElement:
    """Write one block without its children; return its container."""
    kind, props, content = block["type"], block.get("props") or {}, block.get("content")
    # Without an id each open editor would write one of its own, and they would conflict.
    block_id = block.get("id") or str(uuid4())
    container = group.children.append(XmlElement("blockContainer", {"id": block_id}))
    element = container.children.append(XmlElement(kind, _attributes(props)))
    if kind == "table":
        _write_table(element, content or {"rows": []})
    elif kind in _TEXT_BLOCKS:
        _write_inline(element, content or "", keeps_newlines=kind == "codeBlock")
    elif kind not in _LEAF_BLOCKS:
        raise InvalidBlocks(f"no block type {kind!r}")
    return container


def _attributes(props: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in props.items() if value is not None}


def _write_table(table: XmlElement, content: Mapping[str, Any]) -> None:
    """``content``: BlockNote's tableContent: rows of cells, and how many of them are headers."""
    header_rows, header_cols = content.get("headerRows") or 0, content.get("headerCols") or 0
    widths = content.get("columnWidths") or []
    for y, row in enumerate(content["rows"]):
        table_row = table.children.append(XmlElement("tableRow"))
        for x, cell in enumerate(row["cells"]):
            kind = "tableHeader" if y < header_rows or x < header_cols else "tableCell"
            # A cell is its inline content, or a tableCell object around it.
            is_object = isinstance(cell, Mapping)
            attributes = _attributes(cell.get("props") or {}) if is_object else {}
            if x < len(widths) and widths[x] is not None:
                attributes["colwidth"] = [widths[x]]
            table_cell = table_row.children.append(XmlElement(kind, attributes))
            paragraph = table_cell.children.append(XmlElement("tableParagraph"))
            _write_inline(paragraph, cell.get("content", "") if is_object else cell)


def _write_inline(
    element: XmlElement, content: str | Iterable[Block], *, keeps_newlines: bool = False
) -> None:
    """Write text with its marks; a line break becomes an element between two texts."""
    text: XmlText | None = None
    end = 0  # in UTF-8 bytes, as pycrdt counts
    for run, marks in _runs(content):
        pieces = [run] if keeps_newlines else run.split("\n")
        for number, piece in enumerate(pieces):
            if number > 0:
                element.children.append(XmlElement("hardBreak"))
                text = None
            if not piece:
                continue
            if text is None:
                text, end = element.children.append(XmlText()), 0
            text.insert(end, piece, marks)
            end += len(piece.encode())


def _runs(content: str | Iterable[Block]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Inline content, flat: (text, marks as formatting attributes)."""
    if isinstance(content, str):
        yield content, {}
        return
    for item in content:
        match item["type"]:
            case "text":
                yield item["text"], _marks(item.get("styles") or {})
            case "link":
                link = {"link": {"href": item["href"]}}
                for run, marks in _runs(item["content"]):
                    yield run, marks | link
            case kind:
                raise InvalidBlocks(f"no inline content {kind!r}")


def _marks(styles: Mapping[str, Any]) -> dict[str, Any]:
    marks: dict[str, Any] = {}
    for name, value in styles.items():
        if name in _SWITCHES:
            if value:
                marks[name] = {}
        elif name in _VALUES:
            marks[name] = {"stringValue": value}
        else:
            raise InvalidBlocks(f"no text style {name!r}")
    return marks
