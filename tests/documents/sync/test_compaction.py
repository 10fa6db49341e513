"""Compaction keeps every word, collects garbage, and is caught when it does not."""

import random
from datetime import timedelta
from typing import Any

import pycrdt
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from documents.models import Document, LogEntry, Snapshot
from documents.sync import log
from documents.sync.compaction import compact, fingerprint, fold, verify
from documents.sync.log import Row
from documents.sync.replica import Replica
from tests.documents.sync.test_panics import Panic
from tests.documents.sync.test_replica import session
from tests.documents.sync.updates import client, deletes, edited, text, text_after, text_of, update


@pytest.fixture
def document(db: None) -> Document:
    return Document.objects.create(owner=User.objects.create(username="owner"))


def write(document: Document, *updates: bytes) -> None:
    log.append({document.id: [Row(each) for each in updates]})


def compacted(document: Document) -> bool:
    return compact(document.id, now=timezone.now(), retention=timedelta(days=1))


# -- Folding --------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(8))
def test_folding_keeps_the_document(seed: int) -> None:
    sent = session(seed)
    assert fingerprint([fold(sent)]) == fingerprint(sent)


def test_garbage_is_collected() -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    words = doc.get("text", type=pycrdt.Text)
    sent = []
    for _ in range(200):
        sent.append(edited(doc, lambda: words.insert(0, "a whole sentence")))
        sent.append(edited(doc, words.clear))
    assert len(fold(sent)) < sum(map(len, sent)) / 50


def test_a_pending_insertion_survives() -> None:
    folded = fold([update(client(1, 0, text("one "))), update(client(1, 8, text_after(1, 7, "3")))])
    later = update(client(1, 4, text_after(1, 3, "two ")))
    assert text_of(Replica.load([folded, later]).difference(b"\x00")) == "one two 3"


def test_a_pending_deletion_survives() -> None:
    folded = fold([update(client(1, 0, text("one "))), update(deletes=deletes(1, (4, 4)))])
    later = update(client(1, 4, text_after(1, 3, "two three")))
    assert text_of(Replica.load([folded, later]).difference(b"\x00")) == "one three"


def test_half_an_emoji_survives() -> None:
    parts = [update(client(1, 0, text("👧ab"))), update(deletes=deletes(1, (0, 1)))]
    assert pycrdt.get_state(fold(parts)) == pycrdt.get_state(parts[0])


# -- Fingerprints ---------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(5))
def test_a_fingerprint_does_not_depend_on_order_or_cutting(seed: int) -> None:
    sent = session(seed)
    shuffled = random.Random(seed).sample(sent, len(sent))
    halves = [fold(sent[: len(sent) // 2]), *sent[len(sent) // 2 :]]
    assert len({fingerprint(parts) for parts in (sent, shuffled, halves)}) == 1


def test_a_panic_is_an_error_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def panics(*args: Any) -> None:
        raise Panic("index out of bounds")

    monkeypatch.setattr(pycrdt.Doc, "apply_update", panics)
    for work in (fold, fingerprint):
        with pytest.raises(RuntimeError, match="Panic: index out of bounds"):
            work([update(client(1, 0, text("one")))])


def test_a_fingerprint_sees_deletions() -> None:
    whole = [update(client(1, 0, text("one two")))]
    assert fingerprint(whole) != fingerprint([*whole, update(deletes=deletes(1, (0, 4)))])


# -- Documents ------------------------------------------------------------------------------
def test_a_compacted_document_reads_the_same_and_holds_together(document: Document) -> None:
    sent = session(1)
    write(document, *sent)
    before = fingerprint(log.read(document.id).parts)
    assert compacted(document)
    stored = log.read(document.id)
    assert (stored.folded, stored.updates) == (len(sent), [])
    assert fingerprint(stored.parts) == before
    assert verify(document.id) == []
    write(document, *session(2))
    assert verify(document.id) == []
    assert compacted(document)
    assert not compacted(document)


def test_an_edit_that_is_committed_meanwhile_stays_in_the_log(document: Document) -> None:
    write(document, update(client(1, 0, text("one "))))
    stored = log.read(document.id)
    write(document, update(client(2, 0, text("two"))))
    cutoff = timezone.now() - timedelta(days=1)
    assert log.store_snapshot(
        document.id, replaces=0, seq=stored.head, state=fold(stored.parts), keep_rows_since=cutoff
    )
    assert len(log.read(document.id).updates) == 1
    assert verify(document.id) == []


def test_rows_are_folded_as_far_as_wanted(document: Document) -> None:
    write(document, *[update(client(n, 0, text("x"))) for n in (1, 2, 3)])
    limits = {"now": timezone.now(), "retention": timedelta(days=1)}
    assert compact(document.id, up_to=2, **limits)
    assert len(log.read(document.id).updates) == 1
    assert not compact(document.id, up_to=2, **limits)
    assert not compact(document.id, up_to=1, **limits), "somebody else folded more"
    assert verify(document.id) == []


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (lambda: LogEntry.objects.filter(seq=2).delete(), "row 2 is missing"),
        (lambda: LogEntry.objects.filter(seq=2).update(update=b"\x01\x02"), "does not decode"),
        (lambda: Document.objects.update(head=9), "head is not the last row"),
    ],
)
def test_verify_finds_damage(document: Document, damage: Any, finding: str) -> None:
    write(document, *[update(client(n, 0, text("x"))) for n in (1, 2, 3)])
    damage()
    assert any(finding in fault for fault in verify(document.id))


def test_verify_finds_a_snapshot_that_lost_something(document: Document) -> None:
    write(document, update(client(1, 0, text("one"))), update(client(2, 0, text("two"))))
    compacted(document)
    Snapshot.objects.update(state=update(client(1, 0, text("one"))))
    assert verify(document.id) == ["the snapshot lacks something that the log holds"]
