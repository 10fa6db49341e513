"""Block JSON is what the editor itself gives, and only what it knows is taken."""

import pytest

from documents.formats.blocks import MAX_DEPTH, characters_in, from_blocks, to_blocks
from documents.formats.inline import InvalidContent
from documents.formats.nodes import Element, Run, Text
from documents.formats.tree import blocks_of
from tests.documents.formats.stories import STORIES, doc_of, full

# The page shows a paragraph with an id of its own where nobody has written anything yet.
UNWRITTEN = "an empty document, never typed in"
UNSAFE = "addresses that run scripts"


@pytest.mark.parametrize("name", STORIES)
def test_what_the_editor_made_is_read_as_the_editor_gives_it(name: str) -> None:
    story = STORIES[name]
    assert blocks_of(doc_of(story)) == ([] if name == UNWRITTEN else story["blocks"])


@pytest.mark.parametrize("name", STORIES.keys() - {UNSAFE})
def test_blocks_are_written_and_read_without_loss(name: str) -> None:
    assert full(STORIES[name]["blocks"]) == STORIES[name]["blocks"]


def test_addresses_that_would_run_something_are_left_out() -> None:
    link, image, file = full(STORIES[UNSAFE]["blocks"])
    assert link["content"] == [{"type": "text", "text": "script", "styles": {}}]
    assert image["props"]["url"] == file["props"]["url"] == ""


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"type": "spreadsheet"}, "content[0].type: no block type 'spreadsheet'"),
        ({"type": "paragraph", "colour": 1}, "content[0]: a block has no 'colour'"),
        ({"type": "heading", "props": {"level": 7}}, "content[0].props.level: from 1 to 6"),
        ({"type": "heading", "props": {"level": True}}, "must be int"),
        ({"type": "paragraph", "props": {"textAlignment": "up"}}, "one of left"),
        ({"type": "paragraph", "props": {"x": 1}}, "no prop 'x'"),
        ({"type": "paragraph", "content": [{"type": "math"}]}, "content[0].content[0]"),
        ({"type": "paragraph", "content": 3}, "must be a text or a list"),
        ({"type": "paragraph", "content": "\ud83d"}, "half a character"),
        (
            {"type": "paragraph", "content": [{"type": "text", "text": "x", "styles": {"big": 1}}]},
            "no text style 'big'",
        ),
        ({"type": "quote", "id": "\ud800"}, "content[0].id: holds half a character"),
        ({"type": "quote", "id": 7}, "content[0].id: must be a text"),
        ({"type": "quote", "content": "\n" * 50_001}, "more than 50,000 line breaks"),
        (
            {"type": "table", "content": {"rows": [{"cells": ["\n" * 50_001]}]}},
            "more than 50,000 line breaks",
        ),
        ({"type": "image", "content": "x"}, "has no content"),
        (
            {"type": "table", "content": {"rows": [{"cells": ["x"]}], "columnWidths": ["\ud800"]}},
            "columnWidths: numbers from 0",
        ),
        (
            {
                "type": "table",
                "content": {
                    "rows": [
                        {
                            "cells": [
                                {"type": "tableCell", "props": {"colspan": 100, "rowspan": 100}}
                            ]
                        }
                    ]
                    * 3
                },
            },
            "cells in more than 20,000 places",
        ),
        ({"type": "table", "content": {"rows": [{"cells": []}]}}, "a row is an object with cells"),
        ({"type": "paragraph", "children": "x"}, "must be a list of blocks"),
        ("x", "a block is an object"),
    ],
)
def test_what_the_schema_does_not_know_is_refused_by_its_place(block: object, words: str) -> None:
    with pytest.raises(InvalidContent) as error:
        from_blocks([block])  # type: ignore[list-item]
    assert words in str(error.value)


def test_characters_are_those_of_texts_and_props_that_say_something() -> None:
    link = {"type": "link", "href": "12345", "content": [{"type": "text", "text": "678"}]}
    block = {"type": "paragraph", "content": ["90", link], "children": [{"type": "quote"}]}
    assert characters_in(full([block])) == characters_in([block]) == 10
    assert characters_in("1234") == 4


def test_nesting_has_a_bound() -> None:
    block = {"type": "paragraph"}
    for _ in range(MAX_DEPTH):
        block = {"type": "paragraph", "children": [block]}
    with pytest.raises(InvalidContent, match="64 deep"):
        from_blocks([block])


def test_every_block_has_an_id_of_its_own() -> None:
    made = full([{"type": "paragraph"}, *[{"id": "x", "type": "divider"}] * 2])
    assert len({block["id"] for block in made}) == 3
    assert made[1]["id"] == "x"


def test_what_another_editor_wrote_is_read_as_well_as_it_can_be() -> None:
    foreign = Element(
        "bulletList",
        {},
        [Element("listItem", {}, [Element("paragraph", {}, [Text([Run("one")])])])],
    )
    odd = Element("heading", {"level": "two", "textAlignment": "url(x)"}, [Text([Run("odd")])])
    blocks = to_blocks([foreign, odd, Text([Run("bare")]), Element("chart", {"x": 1}, [])])
    texts = [(block["type"], block["content"][0]["text"]) for block in blocks]
    assert texts == [("paragraph", "one"), ("heading", "odd"), ("paragraph", "bare")]
    assert blocks[1]["props"]["level"] == 1
    assert blocks[1]["props"]["textAlignment"] == "left"
