"""BlockNote's block JSON: read from the node tree and written as one, by the editor's schema.

A block is ``{"id", "type", "props", "content", "children"}`` as the editor's own
``editor.document`` gives it. An editor deletes what its schema does not know, so whatever is
unknown here is refused, and every block gets its id. Iterative: documents may be nested
deeper than Python's stack. Source: BlockNote 0.55, ``api/nodeConversions``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from documents.formats.inline import (
    Inline,
    InvalidContent,
    check_text,
    inline_from,
    inline_nodes,
    inline_of,
    runs_of,
)
from documents.formats.links import is_safe_link
from documents.formats.nodes import BREAK, Element, Node, Run, Text, plain_text
from documents.formats.schema import SCHEMA

Block = dict[str, Any]

MAX_SPAN = 100
MAX_DEPTH = 64  # blocks within blocks; a browser's stack ends somewhere above that
MAX_BLOCKS = 50_000
_MAX_BREAKS = 50_000  # which cost as much as blocks do
_MAX_ID_LENGTH = 100
_MAX_CELLS = 20_000
_MAX_WIDTH = 100_000

_NODES: dict[str, dict[str, Any]] = SCHEMA["nodes"]
# Every kind of block, with its props and their defaults; None is "no value".
PROPS: dict[str, dict[str, Any]] = {
    name: node["attributes"]
    for name, node in _NODES.items()
    if "blockContent" in node["group"].split() or name == "table"
}
TEXT_BLOCKS = frozenset(name for name in PROPS if _NODES[name]["content"] in {"inline*", "text*"})
CODE_BLOCKS = frozenset(name for name in PROPS if _NODES[name]["content"] == "text*")
TABLE = "table"
LEAF_BLOCKS = frozenset(PROPS) - TEXT_BLOCKS - {TABLE}
_CELL_PROPS = ("colspan", "rowspan", "backgroundColor", "textColor", "textAlignment")
CELL_DEFAULTS: dict[str, Any] = {
    name: _NODES["tableCell"]["attributes"][name] for name in _CELL_PROPS
}
_KINDS_OF_VALUE: dict[str, tuple[type, ...]] = {  # of those that have no value by default
    "previewWidth": (int, float),
    "start": (int,),
}
_RANGES = {
    "level": (1, 6),
    "start": (0, 1_000_000),
    "previewWidth": (1, _MAX_WIDTH),
    "colspan": (1, MAX_SPAN),
    "rowspan": (1, MAX_SPAN),
}
_ALIGNMENTS = ("left", "center", "right", "justify")


# -- Nodes → blocks -------------------------------------------------------------------------
def to_blocks(root: Iterable[Node]) -> list[Block]:
    """The blocks of a fragment's children, as BlockNote gives them.

    What another editor wrote there is read as well as it can be: unknown elements are looked
    into, text outside of blocks becomes paragraphs.
    """
    blocks: list[Block] = []
    todo: list[tuple[Node, list[Block], int]] = [(node, blocks, 1) for node in reversed(list(root))]
    while todo:
        node, siblings, depth = todo.pop()
        if isinstance(node, Element) and node.tag == "blockContainer":
            block = block_of(node)
            siblings.append(block)
            inner = [child for child in node.children if not is_content(child)]
            # What is nested deeper than anybody writes is shown at the deepest level there is.
            within = block["children"] if depth < MAX_DEPTH else siblings
            todo += [(child, within, min(depth + 1, MAX_DEPTH)) for child in reversed(inner)]
        elif isinstance(node, Element) and node.tag not in PROPS and _holds_elements(node):
            todo += [(child, siblings, depth) for child in reversed(node.children)]
        elif isinstance(node, Element) and node.tag in PROPS:
            siblings.append(block_of(Element("blockContainer", {}, [node])))
        elif plain_text(node):
            paragraph = Element("paragraph", {}, list(getattr(node, "children", [node])))
            siblings.append(block_of(Element("blockContainer", {}, [paragraph])))
    return blocks


def is_content(node: Node) -> bool:
    """Whether this is what a block says, rather than what is nested in it."""
    return isinstance(node, Element) and node.tag in PROPS


def _holds_elements(node: Element) -> bool:
    return any(child.tag != BREAK for child in node.elements())


def block_of(container: Element) -> Block:
    """What a container says, without the blocks nested in it."""
    content = next((each for each in container.elements() if each.tag in PROPS), None)
    content = content or Element("paragraph")
    # Without an id: no editor has it open, which would write one.
    block: Block = {
        "id": str(container.attributes.get("id") or ""),
        "type": content.tag,
        "props": _props_of(content),
        "children": [],
    }
    if content.tag in TEXT_BLOCKS:
        block["content"] = inline_of(content.children)
    elif content.tag == TABLE:
        block["content"] = _table_of(content)
    return block


def _props_of(content: Element) -> dict[str, Any]:
    return _sound(content.attributes, PROPS[content.tag])


def _sound(attributes: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Props as they are said; the default for what a foreign editor has set to anything else."""
    props = {}
    for name, default in known.items():
        value = attributes.get(name, default)
        if value is not None and _fault_of(name, value, default):
            value = default
        if value is not None:
            props[name] = value
    return props


def _table_of(table: Element) -> dict[str, Any]:
    rows = [list(row.elements()) for row in table.elements()]
    widths: list[int | None] = []
    for cell in rows[0] if rows else []:
        span = _span(cell, "colspan")
        given = cell.attributes.get("colwidth")
        known = given if isinstance(given, list) else [None] * span
        widths += [width if _is_width(width) else None for width in known[:span]]
    content: dict[str, Any] = {
        "type": "tableContent",
        "columnWidths": widths,
        "rows": [{"cells": [_cell_of(cell) for cell in row]} for row in rows],
    }
    is_header = [[cell.tag == "tableHeader" for cell in row] for row in rows]
    if header_rows := sum(all(row) for row in is_header if row):
        content["headerRows"] = header_rows
    columns = range(len(is_header[0]) if is_header else 0)
    if header_cols := sum(all(len(row) > x and row[x] for row in is_header) for x in columns):
        content["headerCols"] = header_cols
    return content


def _span(cell: Element, name: str) -> int:
    span = cell.attributes.get(name)
    return min(max(span, 1), MAX_SPAN) if isinstance(span, int) else 1


def _cell_of(cell: Element) -> dict[str, Any]:
    inline: Inline = []
    for number, paragraph in enumerate(cell.elements()):
        if number:
            inline += [{"type": "text", "text": "\n", "styles": {}}]
        inline += inline_of(paragraph.children)
    return {
        "type": "tableCell",
        "content": inline_from(runs_of(inline)),
        "props": _sound(cell.attributes, CELL_DEFAULTS),
    }


# -- Blocks → nodes -------------------------------------------------------------------------
def from_blocks(blocks: Sequence[Mapping[str, Any]]) -> Element:
    """The ``blockGroup`` for these blocks; an empty paragraph for none. Raises InvalidContent.

    An id that is missing or given twice is replaced by a new one.
    """
    root = Element("blockGroup")
    ids: set[str] = set()
    count = breaks = 0
    todo: list[tuple[Element, Any, str, int]] = [(root, blocks or [_EMPTY], "content", 1)]
    while todo:
        group, siblings, path, depth = todo.pop()
        if not isinstance(siblings, Sequence) or isinstance(siblings, str):
            raise InvalidContent(f"{path}: must be a list of blocks")
        if depth > MAX_DEPTH:
            raise InvalidContent(f"blocks may be nested {MAX_DEPTH} deep")
        if (count := count + len(siblings)) > MAX_BLOCKS:
            raise InvalidContent(f"more than {MAX_BLOCKS:,} blocks")
        for number, block in enumerate(siblings):
            at = f"{path}[{number}]"
            container = _container_of(block, at, ids)
            group.children.append(container)
            if (breaks := breaks + _breaks_in(container)) > _MAX_BREAKS:
                raise InvalidContent(f"more than {_MAX_BREAKS:,} line breaks")
            if children := block.get("children"):
                inner = Element("blockGroup")
                container.children.append(inner)
                todo.append((inner, children, f"{at}.children", depth + 1))
    return root


_NAMES = frozenset({"id", "type"})
_SAYING_NOTHING = frozenset(
    value
    for known in (*PROPS.values(), CELL_DEFAULTS)
    for value in known.values()
    if isinstance(value, str)
)


def characters_in(content: Any) -> int:
    """How many characters the texts and props in any JSON have; defaults do not count."""
    count, todo = 0, [content]
    while todo:
        match todo.pop():
            case str(text):
                count += 0 if text in _SAYING_NOTHING else len(text)
            case list(items):
                todo += items
            case dict(items):
                todo += [value for name, value in items.items() if name not in _NAMES]
    return count


_EMPTY: Block = {"type": "paragraph"}
_KEYS = frozenset({"id", "type", "props", "content", "children"})


def new_id() -> str:
    """An id for a block that has none."""
    return str(uuid4())


def _container_of(block: Any, at: str, ids: set[str]) -> Element:
    if not isinstance(block, Mapping):
        raise InvalidContent(f"{at}: a block is an object")
    if unknown := block.keys() - _KEYS:
        raise InvalidContent(f"{at}: a block has no {min(unknown, key=str)!r}")
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in PROPS:
        raise InvalidContent(f"{at}.type: no block type {kind!r}")
    content = Element(kind, _attributes(block.get("props"), PROPS[kind], f"{at}.props"))
    _fill(content, block.get("content"), f"{at}.content")
    # Without an id each open editor would write one of its own, and they would conflict.
    block_id = block.get("id") or new_id()
    if len(check_text(block_id, f"{at}.id")) > _MAX_ID_LENGTH or "\0" in block_id:
        raise InvalidContent(f"{at}.id: a text of at most {_MAX_ID_LENGTH} characters")
    if block_id in ids:
        block_id = new_id()
    ids.add(block_id)
    return Element("blockContainer", {"id": block_id}, [content])


def _breaks_in(container: Element) -> int:
    count, todo = 0, [container]
    while todo:
        inner = list(todo.pop().elements())
        count += sum(each.tag == BREAK for each in inner)
        todo += inner
    return count


def _fill(content: Element, given: Any, at: str) -> None:
    if content.tag in TEXT_BLOCKS:
        is_code = content.tag in CODE_BLOCKS
        content.children = inline_nodes(given or "", at, keeps_newlines=is_code)
        if is_code:
            content.children = [_without_marks(each) for each in content.children]
    elif content.tag == TABLE:
        content.children = list(_rows_of(given or {"rows": []}, at))
    elif given:
        raise InvalidContent(f"{at}: a block of type {content.tag} has no content")


def _without_marks(node: Node) -> Node:
    return Text([Run(plain_text(node))]) if isinstance(node, Text) else node


def _attributes(props: Any, known: Mapping[str, Any], at: str) -> dict[str, Any]:
    if props is None:
        return dict(_given_defaults(known))
    if not isinstance(props, Mapping):
        raise InvalidContent(f"{at}: must be an object")
    if unknown := props.keys() - known.keys():
        raise InvalidContent(f"{at}: no prop {min(unknown, key=str)!r}")
    attributes = dict(_given_defaults(known))
    for name, value in props.items():
        if value is None:
            continue
        if fault := _fault_of(name, value, known[name]):
            raise InvalidContent(f"{at}.{name}: {fault}")
        if isinstance(value, str):
            check_text(value, f"{at}.{name}")
        attributes[name] = "" if name == "url" and not is_safe_link(value) else value
    return attributes


def _given_defaults(known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """As the editor itself writes a block: with every prop that has a default."""
    return ((name, default) for name, default in known.items() if default is not None)


def _fault_of(name: str, value: Any, default: Any) -> str:
    """What is wrong with a prop's value; empty if nothing is."""
    kinds: tuple[type, ...] = (type(default),) if default is not None else _KINDS_OF_VALUE[name]
    # To Python True is a number.
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return f"must be {' or '.join(kind.__name__ for kind in kinds)}"
    if name in _RANGES:
        number: Any = value
        low, high = _RANGES[name]
        return "" if low <= number <= high else f"from {low} to {high:,}"
    if name == "textAlignment" and value not in _ALIGNMENTS:
        return f"one of {', '.join(_ALIGNMENTS)}"
    return ""


def _rows_of(content: Any, at: str) -> Iterator[Element]:
    """``content``: BlockNote's tableContent: rows of cells, and how many of them are headers."""
    if not isinstance(content, Mapping) or not isinstance(content.get("rows"), Sequence):
        raise InvalidContent(f"{at}: a table's content is an object with rows")
    headers = [content.get("headerRows") or 0, content.get("headerCols") or 0]
    widths = content.get("columnWidths") or []
    if not all(isinstance(each, int) for each in headers) or not isinstance(widths, list):
        raise InvalidContent(f"{at}: headerRows and headerCols are numbers, columnWidths a list")
    if not all(width is None or _is_width(width) for width in widths):
        raise InvalidContent(f"{at}.columnWidths: numbers from 0 to {_MAX_WIDTH:,}, or null")
    count = 0
    taken: set[tuple[int, int]] = set()  # (row, column) that cells of earlier rows reach into
    for y, row in enumerate(content["rows"]):
        cells = row.get("cells") if isinstance(row, Mapping) else None
        if not isinstance(cells, Sequence) or isinstance(cells, str) or not cells:
            raise InvalidContent(f"{at}.rows[{y}]: a row is an object with cells")
        element = Element("tableRow")
        column = 0
        for x, given in enumerate(cells):
            is_header = y < headers[0] or x < headers[1]
            cell = _cell(given, f"{at}.rows[{y}].cells[{x}]", is_header=is_header)
            while (y, column) in taken:
                column += 1
            span, height = _span(cell, "colspan"), _span(cell, "rowspan")
            if (count := count + span * height) > _MAX_CELLS:
                raise InvalidContent(f"{at}: cells in more than {_MAX_CELLS:,} places")
            if any(_is_width(width) for width in widths[column : column + span]):
                cell.attributes["colwidth"] = widths[column : column + span]
            taken |= {(y + dy, column + dx) for dy in range(1, height) for dx in range(span)}
            column += span
            element.children.append(cell)
        yield element


def _is_width(width: Any) -> bool:
    is_number = isinstance(width, int | float) and not isinstance(width, bool)
    return is_number and 0 <= width <= _MAX_WIDTH


def _cell(cell: Any, at: str, *, is_header: bool) -> Element:
    # A cell is its inline content, or a tableCell object around it.
    props, inline = (
        (cell.get("props"), cell.get("content") or "")
        if isinstance(cell, Mapping)
        else (None, cell)
    )
    attributes = _attributes(props, CELL_DEFAULTS, f"{at}.props")
    paragraph = Element("tableParagraph", {}, inline_nodes(inline, at))
    return Element("tableHeader" if is_header else "tableCell", attributes, [paragraph])
