"""Surgical changes: each says what it means, all or none."""

from typing import Any

import pytest

from collab.errors import TooLarge
from documents.formats.blocks import Block
from documents.formats.operations import Operation, TargetMissing, apply_operations
from documents.formats.text import from_text, to_text
from tests.documents.formats.stories import full

OLD = full(
    [
        {"id": "a", "type": "heading", "content": "Plan"},
        {"id": "b", "type": "bulletListItem", "content": "milk", "children": [
            {"id": "c", "type": "bulletListItem", "content": [
                {"type": "text", "text": "two ", "styles": {}},
                {"type": "text", "text": "litres of milk", "styles": {"bold": True}},
            ]}]},
    ]
)  # fmt: skip


GROWTH = 1000


def apply(blocks: list[Block], *operations: Operation) -> list[Block]:
    return apply_operations(blocks, operations, max_growth=GROWTH)


def after(*operations: Operation) -> str:
    return to_text(full(apply(OLD, *operations)))


def op(kind: str, text: str = "", **rest: Any) -> Operation:
    return Operation(kind, content=from_text(text), **rest)


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (op("append", "x\ny"), "Plan\nmilk\ntwo litres of milk\nx\ny\n"),
        (op("prepend", "x"), "x\nPlan\nmilk\ntwo litres of milk\n"),
        (op("insert_before", "x", block="c"), "Plan\nmilk\nx\ntwo litres of milk\n"),
        (op("insert_after", "x", block="a"), "Plan\nx\nmilk\ntwo litres of milk\n"),
        (op("replace_block", "x\ny", block="a"), "x\ny\nmilk\ntwo litres of milk\n"),
        (op("delete_block", block="b"), "Plan\n"),
        (op("replace_text", find="milk", replace="oats"), "Plan\noats\ntwo litres of milk\n"),
        (op("replace_text", find="milk", replace="oats", all=True), "Plan\noats\ntwo litres of oats\n"),
    ],
)  # fmt: skip
def test_each_operation(operation: Operation, text: str) -> None:
    assert after(operation) == text


def test_they_follow_one_another() -> None:
    assert after(op("delete_block", block="b"), op("append", "x")) == "Plan\nx\n"


def test_a_replaced_block_and_a_replaced_text_stay_what_they_were() -> None:
    made = apply(OLD, op("replace_text", find="litres", replace="pints"))
    assert made[1]["children"][0]["content"][1] == {
        "type": "text", "text": "pints of milk", "styles": {"bold": True}
    }  # fmt: skip
    made = apply(OLD, op("replace_block", "x", block="a"))
    assert made[0]["id"] == "a"


def test_a_document_in_which_nothing_stands_is_begun() -> None:
    blank: list[Block] = full([{"type": "paragraph"}])
    assert to_text(full(apply(blank, op("append", "x")))) == "x\n"
    assert len(apply(blank, op("append", "x"))) == 1


@pytest.mark.parametrize(
    "operation", [op("delete_block", block="z"), op("replace_text", find="beer", replace="x")]
)
def test_what_is_not_there_is_said_with_what_is(operation: Operation) -> None:
    with pytest.raises(TargetMissing) as error:
        apply(OLD, op("append", "x"), operation)
    assert "operations[1]" in str(error.value)
    assert {"block": "b", "type": "bulletListItem", "text": "milk"} in error.value.there


def doubling(times: int) -> list[Operation]:
    return [op("replace_text", find="milk", replace="milk milk", all=True)] * times


def test_replaced_texts_grow_within_bounds_however_they_are_chained() -> None:
    # Each doubles two words: 2 × 5 × (2ⁿ - 1) characters more.
    assert after(*doubling(6)).count("milk") == 2 * 2**6
    with pytest.raises(TooLarge, match=r"operations\[6\]"):
        apply(OLD, *doubling(7))
    # What goes makes room.
    less = op("replace_text", find="milk milk", replace="milk", all=True)
    assert after(*doubling(6), less, *doubling(1)).count("milk") == 2 * 2**6


def test_a_growth_beyond_all_memory_is_refused_before_it_is_made() -> None:
    huge = [
        op("append", "a" * 1000),
        *[op("replace_text", find="a", replace="a" * 10**6, all=True)],
    ]
    with pytest.raises(TooLarge):
        apply(OLD, *huge)


def test_blocks_that_bear_one_id_are_not_doubled_by_each_operation() -> None:
    twins = [{"id": "x", "type": "paragraph", "content": "x"}] * 2
    grows = Operation("replace_block", content=full(twins), block="a")
    twice = Operation(
        "insert_after", content=[{**block, "id": "x"} for block in full(twins)], block="x"
    )
    start = [*OLD, {**OLD[0], "id": "x"}]
    made = apply(start, grows, *[twice] * 20)
    assert len(made) == len(start) + 1 + 2 * 20


@pytest.mark.parametrize(
    ("find", "replace", "all_", "texts"),
    [
        ("o ", "O-", True, ["twO-", "litres of milk"]),
        ("o l", "0", True, ["tw0", "itres of milk"]),
        ("two litres", "2", True, ["2", " of milk"]),
        (" ", "_", True, ["two_", "litres_of_milk"]),
        (" ", "_", False, ["two_", "litres of milk"]),
        ("i", "", True, ["two ", "ltres of mlk"]),
        ("two litres of milk", "", True, []),
    ],
)  # fmt: skip
def test_a_replacement_looks_like_the_first_character_that_goes(
    find: str, replace: str, all_: bool, texts: list[str]
) -> None:
    inner = OLD[1]["children"]
    made = apply(inner, op("replace_text", find=find, replace=replace, all=all_))
    assert [each["text"] for each in made[0]["content"]] == texts


def test_a_text_that_stands_in_very_many_places_is_replaced_at_once() -> None:
    many = full([{"id": "a", "type": "paragraph", "content": "a" * 300_000}])
    made = apply(many, op("replace_text", find="a", replace="b", all=True))
    assert made[0]["content"][0]["text"] == "b" * 300_000
