import json
from pathlib import Path
from time import process_time

import pycrdt
import pytest

from documents.formats.blocks import MAX_DEPTH
from documents.formats.inline import InvalidContent
from documents.formats.tree import blocks_of, new_document_update

WELCOME = Path(__file__).parents[3] / "collab" / "demo" / "welcome.json"


def written(blocks):
    """The document and its fragment as another client reads them."""
    doc = pycrdt.Doc()
    doc.apply_update(new_document_update(blocks))
    return doc, doc.get("content", type=pycrdt.XmlFragment)


def shape(node):
    """(tag, attributes without ids, children); a text is its runs."""
    if isinstance(node, pycrdt.XmlText):
        return [(text, attributes or {}) for text, attributes in node.diff()]
    attributes = {k: v for k, v in dict(node.attributes).items() if k != "id"}
    return (node.tag, attributes, [shape(child) for child in node.children])


def shapes(blocks):
    """The shapes of the top blocks' containers."""
    _, fragment = written(blocks)
    (group,) = fragment.children
    assert group.tag == "blockGroup"
    return [shape(child) for child in group.children]


def content_of(block):
    """The shape of a block's own element."""
    ((tag, attributes, children),) = shapes([block])
    assert (tag, attributes) == ("blockContainer", {})
    return children[0]


def test_marks_cover_exactly_their_words_in_any_script():
    styles = {"bold": True, "italic": False, "textColor": "red"}
    block = {
        "type": "paragraph",
        "content": [
            {"type": "text", "text": "añ😀中", "styles": styles},
            {"type": "text", "text": " plain ", "styles": {}},
            {"type": "link", "href": "https://a.example", "content": [
                {"type": "text", "text": "lin", "styles": {"code": True}},
                {"type": "text", "text": "k", "styles": {}},
            ]},
            {"type": "text", "text": ".", "styles": {}},
        ],
    }  # fmt: skip
    link = {"href": "https://a.example"}
    assert content_of(block)[2] == [
        [
            ("añ😀中", {"bold": {}, "textColor": {"stringValue": "red"}}),
            (" plain ", {}),
            ("lin", {"code": {}, "link": link}),
            ("k", {"link": link}),
            (".", {}),
        ]
    ]


def test_a_line_break_is_an_element_but_not_in_code():
    assert content_of({"type": "paragraph", "content": "a\n\nb"})[2] == [
        [("a", {})],
        ("hardBreak", {}, []),
        ("hardBreak", {}, []),
        [("b", {})],
    ]
    code = {"type": "codeBlock", "props": {"language": "python"}, "content": "a\nb"}
    assert content_of(code) == ("codeBlock", {"language": "python"}, [[("a\nb", {})]])


def test_every_block_has_an_id_of_its_own():
    def ids(group):
        for container in group.children:
            yield container.attributes["id"]
            for child in container.children:
                if child.tag == "blockGroup":
                    yield from ids(child)

    paragraph = {"type": "paragraph"}
    _, fragment = written([{**paragraph, "id": "kept"}, {**paragraph, "children": [paragraph]}])
    found = list(ids(fragment.children[0]))
    assert found[0] == "kept"
    assert len(found) == len(set(found)) == 3
    assert all(found)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "noSuchBlock"},
        {"type": "paragraph", "content": [{"type": "text", "text": "x", "styles": {"glow": True}}]},
        {"type": "paragraph", "content": [{"type": "mention"}]},
    ],
)
def test_what_an_editor_would_delete_is_refused(block):
    with pytest.raises(InvalidContent):
        new_document_update([block])


def test_the_welcome_document_is_written():
    assert len(shapes(json.loads(WELCOME.read_text(encoding="utf-8"))["blocks"])) > 15


def test_a_document_nested_deeper_than_pythons_stack_is_read() -> None:
    doc = pycrdt.Doc()
    parent = doc.get("content", type=pycrdt.XmlFragment)
    with doc.transaction():
        for _ in range(3000):
            group = parent.children.append(pycrdt.XmlElement("blockGroup"))
            parent = group.children.append(pycrdt.XmlElement("blockContainer", {"id": "x"}))
            parent.children.append(pycrdt.XmlElement("paragraph"))
    blocks, levels, count = blocks_of(doc), 0, 0
    while blocks:
        count, levels = count + len(blocks), levels + 1
        blocks = blocks[0]["children"]
    assert (levels, count) == (MAX_DEPTH, 3000)


def test_a_document_of_many_blocks_takes_no_longer_for_each_of_them() -> None:
    def seconds(count: int) -> float:
        blocks = [{"type": "paragraph", "content": "word"}] * count
        began = process_time()
        new_document_update(blocks)
        return process_time() - began

    seconds(100)
    # Sixteen times as many; were each sought from the start, 256 times the work.
    assert seconds(16_000) < 64 * max(seconds(1_000) for _ in range(3))
