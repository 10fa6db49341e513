"""A state that is too large for one frame arrives in parts that say the same."""

import random
from typing import Any

import pycrdt
import pytest

from documents.sync.chunks import split_update
from documents.sync.compaction import fingerprint
from documents.sync.guard import scan
from tests.vectors import load


def busy_doc(seed: int) -> "pycrdt.Doc[Any]":
    """Two authors, long runs of text and of values, deletions."""
    chance = random.Random(seed)
    docs = [pycrdt.Doc(client_id=number) for number in (1, 2)]
    for _ in range(40):
        doc = chance.choice(docs)
        text, values = doc.get("t", type=pycrdt.Text), doc.get("a", type=pycrdt.Array)
        text.insert(chance.choice([0, len(text)]), "héllo 😀 " * chance.randrange(1, 200))
        values.extend([chance.random(), {"k": [1, None]}, "x" * chance.randrange(300)] * 10)
        del values[chance.randrange(len(values))]
        if chance.random() < 0.3:
            docs[0].apply_update(docs[1].get_update(docs[0].get_state()))
            docs[1].apply_update(docs[0].get_update(docs[1].get_state()))
    docs[0].apply_update(docs[1].get_update(docs[0].get_state()))
    return docs[0]


@pytest.mark.parametrize("limit", [400, 2000, 20_000])
@pytest.mark.parametrize("seed", range(4))
def test_the_parts_say_what_the_whole_said(seed: int, limit: int) -> None:
    doc = busy_doc(seed)
    whole = doc.get_update()
    parts = split_update(whole, limit)
    assert len(parts) > 1
    newcomer: pycrdt.Doc[Any] = pycrdt.Doc()
    for part in parts:
        scan(part)  # well-formed, each of them
        newcomer.apply_update(part)
    assert str(newcomer.get("t", type=pycrdt.Text)) == str(doc.get("t", type=pycrdt.Text))
    values = newcomer.get("a", type=pycrdt.Array).to_py()
    assert values == doc.get("a", type=pycrdt.Array).to_py()
    assert fingerprint([newcomer.get_update()]) == fingerprint([whole])


@pytest.mark.parametrize("seed", range(4))
def test_no_part_exceeds_the_limit(seed: int) -> None:
    parts = split_update(busy_doc(seed).get_update(), 2000)
    assert max(map(len, parts)) <= 2000


@pytest.mark.parametrize("name", load("protocol")["updates"])
def test_what_fits_stays_whole(name: str) -> None:
    encoded = bytes.fromhex(load("protocol")["updates"][name])
    assert split_update(encoded, 10_000) == [encoded]


def test_many_deletions_are_cut_too() -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    text = doc.get("t", type=pycrdt.Text)
    text.insert(0, "x" * 4000)
    for place in range(1999, 0, -1):
        del text[place]
    whole = doc.get_update()
    newcomer: pycrdt.Doc[Any] = pycrdt.Doc()
    for part in split_update(whole, 500):
        assert len(part) <= 500
        newcomer.apply_update(part)
    assert str(newcomer.get("t", type=pycrdt.Text)) == str(text)
