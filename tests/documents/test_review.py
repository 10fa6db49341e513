"""The worker looks at the log before it folds it: sessions end, mass deletions are caught."""

from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from collab.accounts.principal import principal_of_user
from documents import versions
from documents.models import Document, History, LogEntry, Version
from documents.review import Reviewed, Search, Session, due_for_review, review
from documents.sync import log
from documents.sync.compaction import compact, verify
from tests.documents.sync.test_panics import Panic
from tests.documents.sync.updates import deletes, update
from tests.documents.writing import MUCH, history, text_of, write

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def ago(**much: float) -> datetime:
    return NOW - timedelta(**much)


@pytest.fixture
def document(alice):
    """A new document, without a row."""
    return Document.objects.create(owner=alice, title="Plan")


def seen(document):
    """(kind, text, authors) of each version, oldest first."""
    return [
        (version.kind, text_of(version).strip(), [each["name"] for each in version.authors])
        for version in history(document)
    ]


# -- Sessions -------------------------------------------------------------------------------
def test_a_version_is_kept_when_nobody_writes_any_more(document, alice, bob):
    write(document, "one", by=alice, at=ago(minutes=30))
    write(document, "one", "two", by=bob, at=ago(minutes=25))
    write(document, "one", "two", "three", by=alice, at=ago(minutes=24))
    review(document.id, now=ago(minutes=15))
    assert seen(document) == [], "somebody may go on"
    review(document.id, now=ago(minutes=14))
    assert seen(document) == [("session", "one\ntwo\nthree", ["alice", "bob"])]
    [version] = history(document)
    assert (version.number, version.seq, version.created_at) == (1, 3, ago(minutes=24))


def test_sessions_are_told_apart_however_late_the_worker_comes(document, alice, bob):
    write(document, "one", by=alice, at=ago(days=2))
    write(document, "two", by=bob, at=ago(days=1, minutes=1))
    write(document, "three", name="Amber Heron", at=ago(days=1))
    write(document, "four", by=alice, at=ago(hours=1))
    review(document.id, now=NOW)
    assert seen(document) == [
        ("session", "one", ["alice"]),
        ("session", "three", ["Amber Heron", "bob"]),
        ("session", "four", ["alice"]),
    ]
    assert [each.created_at for each in history(document)] == [
        ago(days=2),
        ago(days=1),
        ago(hours=1),
    ]


def test_who_writes_without_a_pause_gets_versions_too(document, alice):
    for minute in range(70, 0, -5):
        write(document, f"{minute} minutes ago", by=alice, at=ago(minutes=minute))
    review(document.id, now=NOW)
    assert [text for _, text, _ in seen(document)] == ["45 minutes ago", "15 minutes ago"]


@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_it_does_not_matter_when_the_worker_looks(document, alice, every):
    minutes = [100, 99, 95, 80, 79, 78, 50, 45, 40, 35, 30, 25, 20, 19]
    for number, minute in enumerate(minutes):
        write(document, f"at {minute}", by=alice, at=ago(minutes=minute))
        if number % every == 0:
            reviewed = review(document.id, now=ago(minutes=minute))
            compact(
                document.id,
                now=NOW,
                retention=timedelta(0),
                up_to=reviewed.up_to,
                keep_rows_after=reviewed.session_after,
            )
    review(document.id, now=NOW)
    assert [text for _, text, _ in seen(document)] == ["at 95", "at 78", "at 25", "at 19"]
    assert {tuple(authors) for _, _, authors in seen(document)} == {("alice",)}
    review(document.id, now=NOW + timedelta(days=1))
    assert len(history(document)) == 4, "twice is once"
    assert verify(document.id) == []


def test_two_workers_keep_one_version(document, alice, monkeypatch):
    write(document, "one", by=alice, at=ago(hours=1))
    load = versions.load_what_can_be

    def while_another_worker_is_faster(parts):
        monkeypatch.setattr(versions, "load_what_can_be", load)
        review(document.id, now=NOW)
        return load(parts)

    monkeypatch.setattr(versions, "load_what_can_be", while_another_worker_is_faster)
    review(document.id, now=NOW)
    assert seen(document) == [("session", "one", ["alice"])]


def test_a_version_that_somebody_named_at_the_end_of_a_session_is_enough(document, alice):
    write(document, "one", by=alice, at=ago(hours=1))
    versions.name_present(document.id, "Final", principal_of_user(alice))
    review(document.id, now=NOW)
    assert [kind for kind, _, _ in seen(document)] == ["named"]
    assert due_for_review(NOW + timedelta(days=1)) == []


# -- Mass deletions -------------------------------------------------------------------------
def test_a_mass_deletion_is_caught_though_others_wrote_on(document, alice, bob):
    write(document, MUCH, "kept", by=alice, at=ago(minutes=5))
    write(document, MUCH, "kept too", by=bob, at=ago(minutes=4))
    write(document, "", "kept too", by=bob, at=ago(minutes=3))
    write(document, "going", "on", by=alice, at=ago(minutes=2))
    review(document.id, now=NOW)
    [(kind, text, authors)] = seen(document)
    assert (kind, authors) == ("before-deletion", ["alice", "bob"])
    assert text == f"{MUCH}\nkept too"
    assert history(document)[0].created_at == ago(minutes=3)


def test_it_is_caught_in_many_small_rows_too(document, alice):
    texts = ["word " * 40 for _ in range(10)]
    write(document, *texts, by=alice, at=ago(minutes=5))
    for left in range(9, 0, -1):
        write(document, *texts[:left], by=alice, at=ago(minutes=1, seconds=left))
    review(document.id, now=NOW)
    assert [(kind, text.count("\n")) for kind, text, _ in seen(document)] == [
        ("before-deletion", 9)
    ]


def test_small_deletions_and_slow_ones_are_ordinary_editing(document, alice):
    write(document, "a few words", at=ago(minutes=9))
    write(document, "", at=ago(minutes=8))
    texts = ["word " * 60 for _ in range(10)]
    write(document, *texts, at=ago(minutes=7))
    for left in range(9, 0, -1):
        write(document, *texts[:left], at=ago(minutes=left / 2))
    review(document.id, now=NOW)
    assert seen(document) == []


def test_rows_of_a_deletion_that_may_go_on_are_not_folded(document, alice):
    write(document, MUCH, at=ago(minutes=5))
    head = write(document, "", at=ago(seconds=5))
    assert review(document.id, now=NOW) == Reviewed(up_to=head - 1, session_after=0)
    assert seen(document) == []
    later = NOW + timedelta(seconds=10)
    assert review(document.id, now=later) == Reviewed(up_to=head, session_after=0)
    assert [kind for kind, _, _ in seen(document)] == ["before-deletion"]


def test_what_was_there_before_a_deletion_does_not_go_like_a_sessions_end(document, alice):
    write(document, MUCH, at=ago(hours=2))
    review(document.id, now=ago(hours=1))
    write(document, "", at=ago(minutes=30))
    review(document.id, now=ago(minutes=29))
    assert [version.kind for version in history(document)] == ["before-deletion"]


# -- The worker -----------------------------------------------------------------------------
def test_what_is_due_is_what_has_news(document, alice):
    assert due_for_review(NOW) == [], "nothing is written yet"
    write(document, "one", at=NOW)
    assert due_for_review(NOW) == [document.id]
    review(document.id, now=NOW)
    in_a_minute, in_an_hour = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
    assert due_for_review(in_a_minute) == []
    write(document, "two", at=NOW)
    assert due_for_review(NOW) == [], "somebody has looked just now"
    assert due_for_review(in_a_minute) == [document.id]
    review(document.id, now=in_a_minute)
    assert due_for_review(in_an_hour) == [document.id], "the session is over"
    review(document.id, now=NOW + timedelta(minutes=10, seconds=-1))
    assert due_for_review(NOW + timedelta(minutes=10, seconds=1)) == [document.id], "just now"
    review(document.id, now=in_an_hour)
    assert due_for_review(in_an_hour + timedelta(hours=1)) == []


def test_a_damaged_document_keeps_no_other_waiting(document, alice):
    other = Document.objects.create(owner=alice, title="Another one")
    for each in (document, other):
        write(each, "one", at=ago(minutes=9))
        write(each, "two", at=ago(minutes=8))
    LogEntry.objects.filter(document=document, seq=1).delete()
    with pytest.raises(log.LogDamaged):
        review(document.id, now=NOW + timedelta(hours=1))
    assert due_for_review(NOW + timedelta(hours=2), limit=1) == [other.id]


def test_the_command_keeps_versions_folds_and_thins(document, alice):
    long_ago = ago(days=300)
    wednesday = long_ago - timedelta(days=long_ago.weekday() - 2)
    for hour in range(3):
        write(document, f"text {hour}", by=alice, at=wednesday + timedelta(hours=hour))
    call_command("compact", str(document.id))
    assert log.read(document.id).updates == []
    assert LogEntry.objects.filter(document=document).count() == 0, "older than the retention"
    [version] = history(document)
    assert text_of(version).strip() == "text 2", "the last of its week"
    call_command("compact")
    assert len(history(document)) == 1


def test_a_panic_over_one_document_does_not_end_the_worker(document, alice, monkeypatch):
    other = Document.objects.create(owner=alice, title="Another one")
    for each in (document, other):
        write(each, "one", by=alice)
    read = log.read

    def panics(document_id, **options):
        if document_id == document.id:
            raise Panic("index out of bounds")
        return read(document_id, **options)

    monkeypatch.setattr(log, "read", panics)
    call_command("compact", str(document.id), str(other.id))
    document.refresh_from_db()
    other.refresh_from_db()
    assert (document.folded, other.folded) == (0, 1)


def test_whoever_ends_the_worker_is_obeyed(document, alice, monkeypatch):
    write(document, "one", by=alice)

    def interrupted(document_id, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(log, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call_command("compact", str(document.id))


def test_rows_of_a_session_stay_until_it_has_ended(document, alice, settings):
    settings.COLLAB = settings.COLLAB.model_copy(update={"log_retention_days": 0.0})
    write(document, "one", by=alice, at=timezone.now() - timedelta(minutes=5))
    call_command("compact", str(document.id))
    assert log.read(document.id).updates == []
    assert LogEntry.objects.filter(document=document).count() == 1, "who wrote is still needed"


def test_after_a_restore_from_a_backup_the_search_goes_on(document, alice):
    """The rows are gone, and the snapshot holds more than was reviewed."""
    write(document, "one", by=alice, at=ago(hours=3))
    review(document.id, now=ago(hours=2))
    write(document, "two", by=alice, at=ago(hours=1))
    compact(document.id, now=NOW, retention=timedelta(0))
    LogEntry.objects.all().delete()
    review(document.id, now=NOW)
    assert [text for _, text, _ in seen(document)] == ["one", "two"]
    write(document, "three", by=alice, at=NOW)
    review(document.id, now=NOW + timedelta(hours=1))
    assert seen(document)[-1] == ("session", "three", ["alice"])


def test_a_document_that_is_gone_is_left_alone(document):
    document_id = document.id
    document.delete()
    assert review(document_id, now=NOW) is None
    assert not History.objects.exists()
    assert not Version.objects.exists()


# -- However it is cut ----------------------------------------------------------------------
PLAIN, DELETING = update(), update(deletes=deletes(1, (0, 600)))
seconds = st.sampled_from([0, 1, 4, 9, 11, 30, 300, 599, 600, 700, 2000])
rows = st.lists(st.tuples(seconds, st.booleans()), max_size=25).map(
    lambda each: [
        log.Entry(
            number,
            NOW + timedelta(seconds=sum(pause for pause, _ in each[:number])),
            DELETING if is_deleting else PLAIN,
        )
        for number, (_, is_deleting) in enumerate(each, start=1)
    ]
)


def searched(entries, looks):
    """What is found by looking after each row of which ``looks`` is true, and at last."""
    by_seq = {entry.seq: entry for entry in entries}
    found, start, kept = [], 0, 0
    for last in [entry.seq for entry in entries if entry.seq in looks] + [len(entries)]:
        session = Session(by_seq[kept + 1].at, by_seq[start].at) if start > kept else None
        search = Search(
            start,
            session,
            pause=timedelta(seconds=600),
            longest=timedelta(seconds=1800),
            is_grave=lambda after, lost: after > 0,
        )
        for entry in entries[start:last]:
            search.take(entry)
        is_last = last == len(entries)
        now = by_seq[last].at + (timedelta(days=1) if is_last else timedelta())
        start = search.finish(now)
        found += [(each.kind, each.seq, each.at) for each in search.found]
        kept = max([kept, *(each.seq for each in search.found if each.kind == "session")])
    return found


@given(rows, st.sets(st.integers(1, 25)))
def test_the_same_is_found_however_often_somebody_looks(entries, looks):
    if entries:
        assert searched(entries, looks) == searched(entries, set())
