"""Plain text: words alone; written back it changes words alone."""

import pytest
from hypothesis import given, settings

from documents.formats.blocks import Block
from documents.formats.text import from_text, rewritten, to_text
from tests.documents.formats.stories import DOCUMENTS, STORIES, full


@pytest.mark.parametrize("name", STORIES)
def test_what_was_fetched_and_put_back_changes_nothing(name: str) -> None:
    blocks = STORIES[name]["blocks"]
    assert rewritten(blocks, to_text(blocks)) == blocks


@given(DOCUMENTS, DOCUMENTS)
@settings(max_examples=100, deadline=None)
def test_what_is_put_is_what_is_said(blocks: list[Block], others: list[Block]) -> None:
    assert full(rewritten(blocks, to_text(blocks))) == blocks
    words = [line for line in to_text(others).splitlines() if "\t" not in line and line.strip()]
    made = to_text(full(rewritten(blocks, "\n".join(words))))
    assert [line.split("\t")[0] for line in made.splitlines()] == words or "\t" in to_text(blocks)


def test_what_was_nested_stays_where_it_stands_in_the_text() -> None:
    nested = [{"id": "n", "type": "paragraph", "content": "nested"}]
    blocks = full(
        [
            {"id": "a", "type": "bulletListItem", "content": "parent", "children": nested},
            {"id": "b", "type": "paragraph", "content": "after"},
        ]
    )
    for text in ("nested\nafter\n", "parent\nnew\nnested\nafter\n", "nested\nnew\nafter\n"):
        assert to_text(full(rewritten(blocks, text))) == text


def test_a_line_between_two_of_one_block_is_that_blocks() -> None:
    blocks = full([{"id": "a", "type": "paragraph", "content": "one\nthree"}])
    [block] = full(rewritten(blocks, "one\ntwo\nthree\n"))
    assert (block["id"], to_text([block])) == ("a", "one\ntwo\nthree\n")


def test_a_changed_line_stays_the_block_that_it_was() -> None:
    blocks = full(
        [
            {"id": "h", "type": "heading", "content": "Plan"},
            {"id": "l", "type": "checkListItem", "content": "buy milk", "children": [
                {"id": "n", "type": "bulletListItem", "content": "two litres"}]},
        ]
    )  # fmt: skip
    made = full(rewritten(blocks, "Plan\nbuy oat milk\ntwo litres\nand bread\n"))
    assert [block["id"] for block in made[:2]] == ["h", "l"]
    assert made[1]["content"][0]["text"] == "buy oat milk"
    assert made[1]["children"][0]["id"] == "n"
    assert to_text(made) == "Plan\nbuy oat milk\ntwo litres\nand bread\n"


def test_a_row_of_a_table_stays_a_row() -> None:
    table = {"type": "table", "content": {"rows": [{"cells": ["a", "b"]}, {"cells": ["c", "d"]}]}}
    (made,) = full(rewritten(full([table]), "a\tb\nc\te\n"))
    assert to_text([made]) == "a\tb\nc\te\n"


def test_a_line_is_a_paragraph() -> None:
    assert [block["content"][0]["text"] for block in from_text("a\r\n\r\n  b\n")] == ["a", "  b"]
