"""Two states of one document, block by block and word by word."""

import time
from typing import Any

from hypothesis import given

from documents.formats.blocks import Block
from documents.formats.comparison import compare
from tests.documents.formats.stories import DOCUMENTS, full


def paragraph(key: str, text: Any, *children: Block, **more: Any) -> Block:
    block = {"id": key, "type": "paragraph", "content": text, "children": list(children)}
    return {**block, **more}


def compared(old: list[Block], new: list[Block]) -> list[dict[str, Any]]:
    return compare(full(old), full(new))


def ops(old: list[Block], new: list[Block]) -> list[str]:
    """Like ``=a +b -c ~d >e``: same, added, removed, changed, moved."""
    signs = {"same": "=", "added": "+", "removed": "-", "changed": "~"}
    return [
        (">" if each.get("moved") else "") + signs[each["op"]] + each["id"]
        for each in compared(old, new)
    ]


def test_words_that_came_and_went_are_told_apart() -> None:
    old = "The old plan is all there was"
    new = "The newer plan is what there was, then"
    [block] = compared([paragraph("a", old)], [paragraph("a", new)])
    assert (block["op"], block["type"], block["depth"]) == ("changed", "paragraph", 0)
    assert block["text"] == [
        {"text": "The ", "op": "same"},
        {"text": "old", "op": "removed"},
        {"text": "newer", "op": "added"},
        {"text": " plan is ", "op": "same"},
        {"text": "all", "op": "removed"},
        {"text": "what", "op": "added"},
        {"text": " there was", "op": "same"},
        {"text": ", then", "op": "added"},
    ]


def test_words_side_by_side_that_went_are_one_change() -> None:
    [block] = compared([paragraph("a", "a quick brown fox")], [paragraph("a", "a slow grey fox")])
    assert [(run["op"], run["text"]) for run in block["text"]] == [
        ("same", "a "),
        ("removed", "quick brown"),
        ("added", "slow grey"),
        ("same", " fox"),
    ]


def test_words_that_look_otherwise_are_told_too() -> None:
    bold = [{"type": "text", "text": "plan", "styles": {"bold": True}}]
    link = [{"type": "link", "href": "https://a.b", "content": "plan"}]
    [block] = compared([paragraph("a", bold)], [paragraph("a", link)])
    assert block["text"] == [
        {
            "text": "plan",
            "op": "formatted",
            "styles": {"link": "https://a.b"},
            "was_styles": {"bold": True},
        }
    ]


def test_blocks_that_came_and_went_stand_where_they_were() -> None:
    old = [paragraph("a", "one"), paragraph("b", "two"), paragraph("c", "three")]
    new = [paragraph("a", "one"), paragraph("n", "quite new"), paragraph("c", "three")]
    assert ops(old, new) == ["=a", "-b", "+n", "=c"]
    assert ops([], new) == ["+a", "+n", "+c"]
    assert ops(old, []) == ["-a", "-b", "-c"]
    assert ops(old, old) == ["=a", "=b", "=c"]


def test_a_block_that_moved_is_shown_once() -> None:
    a, b, c = (paragraph(key, f"this is {key}") for key in "abc")
    assert ops([a, b, c], [c, a, b]) == [">=c", "=a", "=b"]
    assert ops([a, b, c], [paragraph("a", "this is a", c), b]) == ["=a", ">=c", "=b"]
    # Its children go with it: they have not left their parent.
    family, d = paragraph("p", "parent", a, b), paragraph("d", "this is d")
    assert ops([family, c, d], [c, d, family]) == ["=c", "=d", ">=p", "=a", "=b"]


def test_a_child_outlives_its_parent() -> None:
    child = paragraph("c", "child")
    assert ops([paragraph("p", "parent", child)], [child]) == ["-p", ">=c"]
    assert ops([child], [paragraph("p", "parent", child)]) == ["+p", ">=c"]


def test_parent_and_child_may_change_places() -> None:
    old = [paragraph("a", "one", paragraph("b", "two"))]
    new = [paragraph("b", "two", paragraph("a", "one"))]
    assert ops(old, new) == [">=b", ">=a"]


def test_another_kind_and_other_props_are_changes() -> None:
    old = [paragraph("a", "Plan")]
    new = [{"id": "a", "type": "heading", "props": {"level": 2}, "content": "Plan"}]
    [block] = compared(old, new)
    assert (block["op"], block["type"], block["was_type"]) == ("changed", "heading", "paragraph")
    assert block["props"]["level"] == {"from": None, "to": 2}
    assert block["text"] == [{"text": "Plan", "op": "same"}]


def test_who_overwrites_everything_changes_what_is_much_the_same() -> None:
    old = [paragraph("a", "It will rain tomorrow, they say."), paragraph("b", "Nothing else.")]
    new = [paragraph("x", "It will snow tomorrow, they say."), paragraph("y", "Entirely different")]
    assert ops(old, new) == ["~x", "-b", "+y"]


def test_a_table_is_compared_by_its_cells() -> None:
    def table(*rows: list[str], **more: Any) -> list[Block]:
        content = {"type": "tableContent", "rows": [{"cells": row} for row in rows], **more}
        return [{"id": "t", "type": "table", "content": content}]

    [block] = compared(table(["a", "b"], ["c", "d"]), table(["a", "b"], ["c", "e"]))
    assert [run for run in block["text"] if run["op"] != "same"] == [
        {"text": "d", "op": "removed"},
        {"text": "e", "op": "added"},
    ]
    [block] = compared(table(["a", "b"]), table(["a", "b"], headerRows=1))
    assert block["op"] == "changed"


def said(text: list[dict[str, Any]], *which: str) -> str:
    return "".join(run["text"] for run in text if run["op"] in which)


@given(DOCUMENTS, DOCUMENTS)
def test_both_sides_can_be_read_from_a_comparison(old: list[Block], new: list[Block]) -> None:
    found = compare(old, new)
    alone = {"old": compare(old, []), "new": compare([], new)}
    for side, others in {"old": ("removed",), "new": ("added",)}.items():
        whole = [said(each["text"], "same", "formatted", *others) for each in found]
        expected = [said(each["text"], *others) for each in alone[side]]
        assert sorted(text for text in whole if text) == sorted(text for text in expected if text)
    assert all(each["op"] == "same" for each in compare(old, old))


def test_five_thousand_blocks_are_compared_in_seconds() -> None:
    words = [f"word{number % 97}" for number in range(60)]
    old = full([paragraph(f"p{n}", " ".join([*words, str(n)])) for n in range(5000)])
    new = full([paragraph(f"p{n}", " ".join([*words[::-1], str(n)])) for n in range(5000)])
    other = full([paragraph(f"x{n}", " ".join([*words[::-1], str(n)])) for n in range(5000)])
    for after in (new, new[::-1], other, other[::-1]):
        began = time.process_time()
        compare(old, after)
        assert time.process_time() - began < 10
