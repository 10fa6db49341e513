"""The smallest edit: what stays the same is not touched."""

from time import process_time
from typing import Any

import pycrdt
import pytest
from hypothesis import given, settings

from documents.formats.blocks import Block, from_blocks, to_blocks
from documents.formats.difference import rewrite
from documents.formats.tree import blocks_of, content_of, new_document_update, read_children
from tests.documents.formats.stories import DOCUMENTS, STORIES, doc_of, full


def loaded(blocks: list[Block]) -> "pycrdt.Doc[Any]":
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(new_document_update(blocks))
    return doc


def changed(doc: "pycrdt.Doc[Any]", blocks: list[Block]) -> bytes:
    """Rewrite the document; the update that this took."""
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    fragment = content_of(doc)
    with doc.transaction():
        rewrite(fragment, read_children(fragment), from_blocks(blocks))
    doc.unobserve(subscription)
    return b"".join(updates)


@given(DOCUMENTS, DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_it_becomes_what_it_should_and_then_needs_no_more(
    old: list[Block], new: list[Block]
) -> None:
    for before, number in zip(old, range(100), strict=False):  # some blocks are the same ones
        if number < len(new) and number % 2:
            new[number] = {**new[number], "id": before["id"]}
    new = full(new)
    doc = loaded(old)
    changed(doc, new)
    assert blocks_of(doc) == new
    assert changed(doc, new) == b""


def test_the_editors_own_documents_need_no_change_at_all() -> None:
    for story in STORIES.values():
        if "scripts" in story["name"] or "never" in story["name"]:
            continue  # what would run is left out; where nothing is, a paragraph is written
        doc = doc_of(story)
        assert changed(doc, story["blocks"]) == b"", story["name"]


@pytest.mark.parametrize("old", ["a\n" * 40_000, [{"type": "text", "text": "a\nb\n", "styles": {}},
    {"type": "text", "text": "c", "styles": {"bold": True}}] * 10_000])  # fmt: skip
@pytest.mark.parametrize("new", ["b\n" * 40_000, "short"])
def test_a_text_of_very_many_pieces_is_rewritten_in_bounded_time(old: Any, new: str) -> None:
    blocks = full([{"id": "x", "type": "paragraph", "content": old}])
    doc, target = loaded(blocks), full([{"id": "x", "type": "paragraph", "content": new}])
    began = process_time()
    changed(doc, target)
    assert process_time() - began < 10  # it took minutes
    assert blocks_of(doc) == target


def test_one_word_of_a_thousand_blocks_is_a_hundred_bytes() -> None:
    blocks = full([{"type": "paragraph", "content": f"Paragraph number {n}."} for n in range(1000)])
    doc = loaded(blocks)
    blocks[500] = {**blocks[500], "content": "Paragraph no. 500."}
    assert len(changed(doc, blocks)) < 100


def test_marks_that_blocks_do_not_show_stay_with_their_text() -> None:
    """Comments: y-prosemirror names them with a hash, and an API does not see them."""
    doc = loaded([{"id": "a", "type": "paragraph", "content": "one two three"}])
    group = content_of(doc).children[0]
    text = group.children[0].children[0].children[0]
    text.format(4, 7, {"comment--AbC=": {"threadId": "t"}})
    changed(doc, full([{"id": "a", "type": "paragraph", "content": "1 two 3"}]))
    assert [(t, dict(m or {})) for t, m in text.diff()] == [
        ("1 ", {}),
        ("two", {"comment--AbC=": {"threadId": "t"}}),
        (" 3", {}),
    ]


def test_what_somebody_types_meanwhile_is_kept() -> None:
    blocks = full(
        [
            {"id": "a", "type": "paragraph", "content": "one two"},
            {"id": "b", "type": "paragraph", "content": "x"},
        ]
    )
    ours, theirs = loaded(blocks), pycrdt.Doc()
    theirs.apply_update(ours.get_update())
    changed(ours, full([{**blocks[0], "content": "one 2"}, blocks[1]]))
    text = content_of(theirs).children[0].children[0].children[0].children[0]
    text.insert(3, " and a half")
    theirs.apply_update(ours.get_update())
    (first, _) = to_blocks(read_children(content_of(theirs)))
    assert first["content"][0]["text"] == "one and a half 2"
