"""The content of a Yjs document as nodes, and a new document from blocks.

Reads a fragment without pycrdt's own ``str``, which recurses. Iterative: documents may be
nested deeper than Python's stack. Knows no database and no schema version.
"""

from collections.abc import Sequence
from typing import Any

from pycrdt import Doc, XmlElement, XmlFragment, XmlText

from documents.formats.blocks import Block, from_blocks, to_blocks
from documents.formats.nodes import Element, Node, Run, Text

CONTENT_ROOT = "content"

YNode = XmlElement | XmlText | XmlFragment


def new_document_update(blocks: Sequence[Block]) -> bytes:
    """A fresh document with these blocks, as a full Yjs update. Raises InvalidContent."""
    doc: Doc[Any] = Doc()
    with doc.transaction():
        insert_node(content_of(doc), 0, from_blocks(blocks))
    return doc.get_update()


def content_of(doc: Doc[Any]) -> XmlFragment:
    """The rich text of a document."""
    content: XmlFragment = doc.get(CONTENT_ROOT, type=XmlFragment)
    return content


def blocks_of(doc: Doc[Any]) -> list[Block]:
    """The content of a document as block JSON."""
    return to_blocks(read_children(content_of(doc)))


def blocks_of_update(update: bytes) -> list[Block]:
    """The same of a document's full state, from our own log."""
    doc: Doc[Any] = Doc()
    doc.apply_update(update)
    return blocks_of(doc)


def read_children(fragment: XmlFragment) -> list[Node]:
    """The nodes of a fragment."""
    root = Element("")
    todo: list[tuple[XmlFragment | XmlElement, Element]] = [(fragment, root)]
    while todo:
        source, target = todo.pop()
        for child in source.children:
            if isinstance(child, XmlText):
                target.children.append(read_text(child))
            elif isinstance(child, XmlElement):
                element = Element(child.tag or "", _read_attributes(child))
                target.children.append(element)
                todo.append((child, element))
    return root.children


def read_text(text: XmlText) -> Text:
    """The runs of a text. What is embedded in it has no text and is left out."""
    return Text(
        [Run(piece, _plain(marks or {})) for piece, marks in text.diff() if isinstance(piece, str)]
    )


def _read_attributes(element: XmlElement) -> dict[str, Any]:
    attributes: Any = element.attributes  # iterable, which its type does not say
    return {name: _plain(value) for name, value in attributes}


def _plain(value: Any) -> Any:
    """Numbers come back as floats; whole ones are meant as ints, and were written as such."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_plain(each) for each in value]
        case dict():
            return {name: _plain(each) for name, each in value.items()}
    return value


def insert_node(parent: XmlFragment | XmlElement, index: int, node: Node) -> None:
    """Write a node and all that is in it into an integrated parent, inside a transaction."""
    todo: list[tuple[XmlFragment | XmlElement, int, Node]] = [(parent, index, node)]
    while todo:
        parent, index, node = todo.pop()
        if isinstance(node, Text):
            text = parent.children.insert(index, XmlText())
            write_runs(text, 0, node.runs)
            continue
        element = parent.children.insert(index, XmlElement(node.tag, node.attributes))
        # The last one first, each at the beginning: yrs walks over all before the place.
        todo += [(element, 0, each) for each in node.children]


def write_runs(text: XmlText, index: int, runs: Sequence[Run]) -> None:
    """Insert runs; ``index`` counts UTF-8 bytes, as pycrdt does."""
    # The last one first, all at one place: yrs walks over all marks before it.
    for run in reversed(runs):
        text.insert(index, run.text, dict(run.marks))
