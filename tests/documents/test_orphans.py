"""A file goes when nothing has referred to it for the grace time, and never before."""

import os
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.utils import timezone

from collab.accounts.principal import principal_of_user
from documents import orphans, versions
from documents.attachments import storage, store
from documents.formats.difference import update_for
from documents.formats.markdown import from_markdown
from documents.models import Attachment, LogEntry
from documents.models.attachment import key_of
from documents.sync import log
from documents.sync.compaction import compact
from documents.sync.replica import merge
from tests import pictures
from tests.collab.test_archive import poisoned
from tests.documents.sync.test_panics import Panic
from tests.documents.sync.updates import client, text, update

pytestmark = pytest.mark.django_db

GRACE = timedelta(days=7)
HOUR = timedelta(hours=1)


def says(document, markdown):
    """Somebody makes the document say this."""
    state = merge(log.read(document.id).parts)
    edit = update_for(state, lambda old: from_markdown(markdown), client_id=7)
    log.append({document.id: [log.Row(edit)]})


def showing(attachment):
    path = f"/api/v1/documents/{attachment.document_id}/attachments/{attachment.id}"
    return f"# Plan\n\n![a plan]({path}/plan.png)\n"


class Calendar:
    """Time goes by in steps, and the worker looks after each."""

    def __init__(self):
        self.now = timezone.now()

    def passes(self, time):
        self.now += time
        orphans.collect(now=self.now, grace=GRACE)


@pytest.fixture
def calendar():
    return Calendar()


@pytest.fixture
def picture(document, bob):
    return store(document, ContentFile(pictures.png()), "plan.png", principal_of_user(bob))


def is_kept(attachment):
    has_row = Attachment.objects.filter(pk=attachment.pk).exists()
    assert storage().exists(attachment.key) == has_row
    return has_row


@pytest.fixture
def collecting(django_capture_on_commit_callbacks, calendar):
    """``collecting(time)``: time passes, and what is due is gone from the storage, too."""

    def collecting(time):
        with django_capture_on_commit_callbacks(execute=True):
            calendar.passes(time)

    return collecting


def test_what_is_shown_stays(document, picture, collecting):
    says(document, showing(picture))
    for _ in range(5):
        collecting(timedelta(days=30))
    assert is_kept(picture)


def test_what_was_never_shown_goes_after_the_grace_time(picture, collecting):
    collecting(GRACE - HOUR)
    assert is_kept(picture)
    collecting(2 * HOUR)
    assert not is_kept(picture)


def test_the_grace_time_begins_when_it_is_no_longer_shown(document, picture, collecting):
    says(document, showing(picture))
    collecting(timedelta(days=30))
    says(document, "# Plan without a picture\n")
    collecting(2 * HOUR)
    collecting(GRACE - HOUR)
    assert is_kept(picture)
    collecting(2 * HOUR)
    assert not is_kept(picture)


def test_undo_within_the_grace_time_brings_it_back(document, picture, collecting):
    says(document, showing(picture))
    collecting(2 * HOUR)
    says(document, "nothing\n")
    collecting(GRACE - HOUR)
    says(document, showing(picture))
    collecting(2 * HOUR)
    collecting(timedelta(days=30))
    assert is_kept(picture)


def test_undo_at_the_last_moment_does_so_too(document, picture, collecting):
    """It has expired, and is shown again before anybody looks."""
    collecting(GRACE - HOUR)
    says(document, showing(picture))
    collecting(timedelta(days=1))
    assert is_kept(picture)


def test_a_compacted_document_is_read_as_well(document, picture, collecting):
    says(document, showing(picture))
    compact(document.id, now=timezone.now(), retention=timedelta())
    collecting(timedelta(days=30))
    assert is_kept(picture)


def test_what_another_editor_keeps_in_a_root_of_its_own_counts(document, picture, collecting):
    foreign = update(client(9, 0, text(f"see {picture.id}", root="its own")))
    log.append({document.id: [log.Row(foreign)]})
    collecting(timedelta(days=30))
    assert is_kept(picture)


def test_a_document_is_looked_at_once_and_again_when_it_has_changed(
    document, picture, collecting, monkeypatch
):
    looked = []
    read = log.read
    monkeypatch.setattr(log, "read", lambda which: looked.append(which) or read(which))
    says(document, showing(picture))
    looked.clear()
    for _ in range(3):
        collecting(2 * HOUR)
    assert looked == [document.id]
    says(document, showing(picture) + "\nmore\n")
    looked.clear()
    collecting(HOUR)
    assert looked == [document.id]
    says(document, "more and more\n")
    looked.clear()
    collecting(HOUR / 2)
    assert looked == []  # not more often than once an hour
    collecting(HOUR)
    assert looked == [document.id]


def test_nothing_is_judged_while_somebody_writes(document, picture, collecting, monkeypatch):
    load = orphans.load_what_can_be

    def slow(parts):
        says(document, showing(picture))  # committed after the read
        return load(parts)

    monkeypatch.setattr(orphans, "load_what_can_be", slow)
    collecting(GRACE + HOUR)
    assert is_kept(picture)


def test_a_damaged_document_keeps_its_files_and_stops_no_other(
    document, picture, alice, collecting, caplog
):
    other = document.__class__.objects.create(owner=alice)
    lost = store(other, ContentFile(b"x"), "x", principal_of_user(alice))
    says(document, "one\n")
    LogEntry.objects.filter(document=document, seq=1).delete()
    collecting(GRACE + HOUR)
    assert is_kept(picture)
    assert not is_kept(lost)
    assert "attachments not looked at" in caplog.text


def test_a_document_that_no_doc_can_take_is_looked_at_as_rooms_show_it(alice, collecting):
    document = poisoned(alice)
    shown, lost = (
        store(document, ContentFile(b"x"), "x", principal_of_user(alice)) for _ in range(2)
    )
    log.append({document.id: [log.Row(update(client(5, 0, text(str(shown.id)))))]})
    collecting(GRACE + HOUR)
    collecting(GRACE + HOUR)
    assert is_kept(shown)
    assert not is_kept(lost)


def test_a_panic_over_one_document_stops_no_other(
    document, picture, alice, collecting, *, monkeypatch, caplog
):
    other = document.__class__.objects.create(owner=alice)
    lost = store(other, ContentFile(b"x"), "x", principal_of_user(alice))
    load = orphans.load_what_can_be

    def panics(parts):
        if parts:
            raise Panic("index out of bounds")
        return load(parts)

    monkeypatch.setattr(orphans, "load_what_can_be", panics)
    collecting(GRACE + HOUR)
    assert is_kept(picture)
    assert not is_kept(lost)
    assert "attachments not looked at" in caplog.text


def test_the_worker_does_so(picture, settings, django_capture_on_commit_callbacks):
    settings.COLLAB = settings.COLLAB.model_copy(update={"attachment_grace_days": 1})
    Attachment.objects.update(checked_at=timezone.now() - 2 * HOUR)
    call_command("compact")
    assert is_kept(picture)
    before = timezone.now() - timedelta(days=2)
    Attachment.objects.update(checked_at=before, unreferenced_since=before)
    with django_capture_on_commit_callbacks(execute=True):
        call_command("compact")
    assert not is_kept(picture)


def test_files_without_a_row_are_deleted_a_day_later(picture, attachments_dir):
    stray = key_of(picture.document_id)  # any other id
    foreign = "ab/notes.txt"
    for key in (stray, foreign):
        storage().save(key, ContentFile(b"left by a crash"))
    orphans.delete_strays(now=timezone.now() + timedelta(hours=20))
    assert storage().exists(stray)
    call_command("compact")  # does so, too
    assert storage().exists(stray)
    yesterday = timezone.now().timestamp() - 25 * 3600
    for key in (stray, foreign, picture.key):
        os.utime(attachments_dir / key, (yesterday, yesterday))
    call_command("compact")
    assert not storage().exists(stray)
    assert storage().exists(foreign)  # not a name that we give
    assert is_kept(picture)


def test_a_storage_without_files_is_fine():
    orphans.delete_strays(now=timezone.now())


def test_what_a_version_shows_stays_until_that_goes(document, alice, picture, collecting):
    says(document, showing(picture))
    version = versions.name_present(document.id, "With the picture", principal_of_user(alice))
    says(document, "# Plan\n")
    collecting(HOUR)
    collecting(GRACE + HOUR)
    collecting(2 * HOUR)
    assert is_kept(picture)

    versions.delete(document.id, version.number)
    collecting(2 * HOUR)
    collecting(GRACE + HOUR)
    assert not is_kept(picture)
