"""The log numbers rows without gaps, reads one consistent state, and never shrinks by accident."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from documents.models import Document, LogEntry
from documents.sync import log
from documents.sync.log import Row

# A transaction of its own: SQLite checks foreign keys when it commits.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner() -> User:
    return User.objects.create(username="owner")


@pytest.fixture
def document(owner: User) -> Document:
    return Document.objects.create(owner=owner, title="Novel")


def write(document: Document, *updates: bytes) -> int:
    return log.append({document.id: [Row(update) for update in updates]})[document.id]


def fold(document: Document, seq: int, state: bytes, *, replaces: int = 0, keep: int = 1) -> bool:
    """Store a snapshot; ``keep`` days of folded rows."""
    return log.store_snapshot(
        document.id,
        replaces=replaces,
        seq=seq,
        state=state,
        keep_rows_since=timezone.now() - timedelta(days=keep),
    )


def test_rows_are_numbered_without_gaps(document: Document) -> None:
    assert write(document, b"a", b"b") == 2
    assert write(document, b"c") == 3
    assert list(LogEntry.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3]
    document.refresh_from_db()
    assert (document.head, document.size) == (3, 3)


def test_a_batch_commits_several_documents_with_their_authors(
    document: Document, owner: User
) -> None:
    other = Document.objects.create(owner=owner)
    heads = log.append(
        {document.id: [Row(b"a", owner.id, "Owner")], other.id: [Row(b"b"), Row(b"c")]}
    )
    assert heads == {document.id: 1, other.id: 2}
    entry = LogEntry.objects.get(document=document)
    assert (entry.author, entry.author_name) == (owner, "Owner")


def test_a_document_that_is_gone_is_missing_from_the_answer(document: Document) -> None:
    nobody = uuid4()
    assert log.append({nobody: [Row(b"a")], document.id: [Row(b"b")]}) == {document.id: 1}
    assert not LogEntry.objects.filter(document_id=nobody).exists()


def test_a_user_who_was_deleted_while_typing_holds_nobody_up(document: Document) -> None:
    name = "A name that is far too long " * 10
    assert log.append({document.id: [Row(b"a", author_id=987_654, author_name=name)]}) == {
        document.id: 1
    }
    entry = LogEntry.objects.get()
    assert (entry.author_id, entry.author_name) == (None, name[:100])


def test_reading_an_empty_document(document: Document) -> None:
    assert log.read(document.id) == log.Stored(head=0)


def test_reading_gives_the_snapshot_and_what_came_after_it(document: Document) -> None:
    write(document, b"a", b"b")
    assert fold(document, 2, b"ab")
    write(document, b"c")
    assert log.read(document.id).parts == [b"ab", b"c"]
    assert log.read(document.id, since=2).parts == [b"c"]
    assert log.read(document.id, since=3).parts == []
    assert log.read(document.id, since=1).parts == [b"ab", b"c"]  # row 2 may be pruned by now


def test_a_missing_row_is_damage_and_not_an_empty_document(document: Document) -> None:
    write(document, b"a", b"b", b"c")
    LogEntry.objects.filter(seq=2).delete()
    with pytest.raises(log.LogDamaged, match="row 2"):
        log.read(document.id)


def test_an_earlier_state_is_read_until_the_snapshot_is_newer(document: Document) -> None:
    write(document, b"a", b"b", b"c")
    assert log.read(document.id, up_to=2).parts == [b"a", b"b"]
    fold(document, 2, b"ab")
    assert log.read(document.id, up_to=3).parts == [b"ab", b"c"]
    assert log.read(document.id, up_to=2).parts == [b"ab"]
    with pytest.raises(log.Folded):
        log.read(document.id, up_to=1)
    with pytest.raises(log.LogDamaged, match="row 4"):
        log.read(document.id, up_to=4)


def test_rows_are_walked_through_while_others_write(document: Document, owner: User) -> None:
    write(document, *[b"x"] * 450)
    walk = log.entries(document.id, after=2)
    first = next(walk)
    write(document, b"last")
    rest = list(walk)
    assert [each.seq for each in (first, *rest)] == list(range(3, 452))
    assert (rest[-1].update, rest[-1].at) == (b"last", log.written_at(document.id, 451))


def test_authors_are_told_once_each(document: Document, owner: User) -> None:
    rows = [
        Row(b"a", owner.id, "Owner"),
        Row(b"b", None, "Amber Heron"),
        Row(b"c", owner.id, "bot"),
    ]
    log.append({document.id: rows * 3})
    assert log.authors(document.id, after=0, up_to=2) == [
        (None, "Amber Heron"),
        (owner.id, "Owner"),
    ]
    assert log.authors(document.id, after=7, up_to=9) == [(None, "Amber Heron"), (owner.id, "bot")]


def test_of_two_compactions_the_second_is_refused(document: Document) -> None:
    write(document, b"a", b"b")
    assert fold(document, 2, b"ab")
    assert not fold(document, 1, b"a")
    assert log.read(document.id).parts == [b"ab"]


def test_a_snapshot_cannot_claim_rows_that_are_not_there(document: Document) -> None:
    write(document, b"a")
    assert not fold(document, 2, b"ab")


def test_folded_rows_stay_for_a_while_and_are_then_pruned(document: Document) -> None:
    write(document, b"a", b"b")
    fold(document, 1, b"a")
    assert [seq for seq, _ in log.retained(document.id)] == [1, 2]
    LogEntry.objects.update(created_at=timezone.now() - timedelta(days=2))
    write(document, b"c")
    fold(document, 2, b"ab", replaces=1)
    assert [seq for seq, _ in log.retained(document.id)] == [3]
    assert log.read(document.id).parts == [b"ab", b"c"]


def test_rows_that_are_still_needed_stay_however_old(document: Document) -> None:
    write(document, b"a", b"b", b"c")
    old = timezone.now() + timedelta(days=1)
    assert log.store_snapshot(
        document.id, replaces=0, seq=3, state=b"abc", keep_rows_since=old, keep_rows_after=1
    )
    assert [seq for seq, _ in log.retained(document.id)] == [2, 3]


def test_long_and_idle_logs_are_due(document: Document, owner: User) -> None:
    idle = Document.objects.create(owner=owner)
    short = Document.objects.create(owner=owner)
    write(document, *[b"x"] * 20)
    write(idle, *[b"x"] * 2)
    write(short, b"x")
    now = timezone.now()
    due = {"rows": 20, "idle": timedelta(minutes=1)}
    assert log.due_for_compaction(now=now, **due) == [document.id]
    assert set(log.due_for_compaction(now=now + timedelta(minutes=2), **due)) == {
        document.id,
        idle.id,
    }
