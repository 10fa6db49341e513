"""Which new block is which old one."""

from documents.formats.align import EVERYTHING, align
from documents.formats.blocks import Block
from tests.documents.formats.stories import full


def paragraphs(*texts: str) -> list[Block]:
    return full([{"id": text[:1], "type": "paragraph", "content": text} for text in texts])


def ids(old: list[Block], *texts: str) -> list[str]:
    new = [{"type": "paragraph", "props": {}, "content": text, "children": []} for text in texts]
    known = {block["id"] for block in old}
    return [each["id"] if each["id"] in known else "-" for each in align(old, new, EVERYTHING)]


def test_equal_blocks_are_the_same_ones() -> None:
    old = paragraphs("a one", "b two", "c three")
    assert ids(old, "a one", "b two", "c three") == ["a", "b", "c"]
    assert ids(old, "a one", "c three") == ["a", "c"]
    assert ids(old, "new", "a one", "b two", "c three") == ["-", "a", "b", "c"]


def test_a_block_that_changed_is_the_one_it_resembles() -> None:
    old = paragraphs("a apples and pears", "b bread and butter")
    assert ids(old, "quite another thing", "b bread and jam") == ["-", "b"]
    assert ids(old, "a apples", "something else here", "b bread and butter") == ["a", "-", "b"]


def test_the_only_block_between_two_that_stayed_is_the_one() -> None:
    assert ids(paragraphs("a", "b", "c"), "a", "xyz", "c") == ["a", "b", "c"]


def test_ids_decide_where_they_are_given() -> None:
    old = paragraphs("a one", "b two")
    swapped = [{**old[1], "content": "b two!"}, old[0]]
    assert [block["id"] for block in align(old, swapped, EVERYTHING)] == ["b", "a"]


def test_a_kind_may_change() -> None:
    old = paragraphs("a title")
    (block,) = align(
        old,
        [{"type": "heading", "props": {"level": 2}, "content": "a title", "children": []}],
        EVERYTHING,
    )
    assert (block["id"], block["type"], block["props"]["level"]) == ("a", "heading", 2)
