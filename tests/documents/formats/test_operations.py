"""Surgical changes: each says what it means, all or none."""

from typing import Any

import pytest

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


def after(*operations: Operation) -> str:
    return to_text(full(apply_operations(OLD, operations)))


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
    made = apply_operations(OLD, [op("replace_text", find="litres", replace="pints")])
    assert made[1]["children"][0]["content"][1] == {
        "type": "text", "text": "pints of milk", "styles": {"bold": True}
    }  # fmt: skip
    made = apply_operations(OLD, [op("replace_block", "x", block="a")])
    assert made[0]["id"] == "a"


def test_a_document_in_which_nothing_stands_is_begun() -> None:
    blank: list[Block] = full([{"type": "paragraph"}])
    assert to_text(full(apply_operations(blank, [op("append", "x")]))) == "x\n"
    assert len(apply_operations(blank, [op("append", "x")])) == 1


@pytest.mark.parametrize(
    "operation", [op("delete_block", block="z"), op("replace_text", find="beer", replace="x")]
)
def test_what_is_not_there_is_said_with_what_is(operation: Operation) -> None:
    with pytest.raises(TargetMissing) as error:
        apply_operations(OLD, [op("append", "x"), operation])
    assert "operations[1]" in str(error.value)
    assert {"block": "b", "type": "bulletListItem", "text": "milk"} in error.value.there
