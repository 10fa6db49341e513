"""What deletions take away, told from updates alone."""

from typing import Any

import pycrdt
import pytest

from documents.sync.guard import scan
from documents.sync.losses import Loss, count_clocks, loss_by
from tests.documents.sync.updates import client, deletes, edited, text, update


@pytest.fixture
def doc() -> "pycrdt.Doc[Any]":
    return pycrdt.Doc()


def test_deletions_are_measured_against_what_was_there(doc: "pycrdt.Doc[Any]") -> None:
    words = doc.get("text", type=pycrdt.Text)
    before = [edited(doc, lambda: words.insert(0, "one two three"))]
    gone = scan(edited(doc, lambda: words.__delitem__(slice(3, 13)))).deletes
    assert loss_by(before, gone) == Loss(had=13, lost=10)


def test_what_was_deleted_before_is_not_lost_again(doc: "pycrdt.Doc[Any]") -> None:
    words = doc.get("text", type=pycrdt.Text)
    parts = [
        edited(doc, lambda: words.insert(0, "one two three")),
        edited(doc, lambda: words.__delitem__(slice(0, 4))),
    ]
    again = update(deletes=deletes(doc.client_id, (0, 5)))
    assert loss_by(parts, scan(again).deletes) == Loss(had=9, lost=1)


def test_what_an_update_brings_and_deletes_itself_is_not_lost() -> None:
    parts = [update(client(1, 0, text("here")))]
    assert loss_by(parts, {1: [(2, 100)], 2: [(0, 50)]}) == Loss(had=4, lost=2)


def test_ranges_that_overlap_count_once() -> None:
    assert count_clocks({1: [(0, 5), (3, 4), (20, 1)], 2: [(0, 1)]}) == 9
