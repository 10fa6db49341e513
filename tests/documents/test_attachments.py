"""Files are checked, stored and deleted: what is refused leaves nothing behind."""

import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from django.core.files.base import ContentFile
from django.db import connection

from collab.accounts.principal import principal_of_user
from collab.errors import NotFound, ProtocolError, TooLarge, Unavailable
from documents import attachments
from documents.attachments import NoRoom, TypeRefused, store
from documents.models import Attachment, Document
from tests import pictures

pytestmark = pytest.mark.django_db


PICTURE = pictures.png()


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def limited(settings, **limits):
    settings.COLLAB = settings.COLLAB.model_copy(update=limits)


@pytest.fixture
def keep(document, bob):
    """Stores bytes in alice's document, as bob."""

    def keep(content=PICTURE, name="plan.png", into=document):
        return store(into, ContentFile(content), name, principal_of_user(bob))

    return keep


def test_a_file_is_kept_with_what_it_is(keep, bob, attachments_dir):
    picture = pictures.png(30, 20)
    made = keep(picture, "../Plan\x00.jpeg")
    made.refresh_from_db()
    assert (made.name, made.type, made.size) == ("Plan.jpeg", "image/png", len(picture))
    assert (made.width, made.height, made.uploaded_by) == (30, 20, bob)
    (file,) = files_in(attachments_dir)
    assert file.read_bytes() == picture
    assert "lan" not in str(file.relative_to(attachments_dir))  # nothing of the given name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", ProtocolError),
        (bytes(2001), TooLarge),
        (pictures.WINDOWS_PROGRAM, TypeRefused),
        (pictures.LINUX_PROGRAM, TypeRefused),
        (pictures.png(11, 10), TooLarge),
    ],
)
def test_what_is_refused_leaves_nothing(keep, settings, attachments_dir, content, error):
    limited(settings, max_attachment_bytes=2000, max_image_pixels=100)
    with pytest.raises(error):
        keep(content)
    assert files_in(attachments_dir) == []
    assert not Attachment.objects.exists()


def test_a_picture_bomb_is_refused_and_an_archive_bomb_is_a_small_file(keep, attachments_dir):
    with pytest.raises(TooLarge, match="20,000 × 20,000 pixels"):
        keep(pictures.bomb_png())
    bomb = pictures.bomb_zip()
    assert keep(bomb, "bomb.zip").size == len(bomb) < 200_000
    assert [file.stat().st_size for file in files_in(attachments_dir)] == [len(bomb)]


def test_types_may_be_limited(keep, settings):
    limited(settings, attachment_types=["image/*"])
    keep(pictures.GIF)
    with pytest.raises(TypeRefused, match="the file is text/plain; kept are image/"):
        keep(pictures.SVG, "drawing.png")


def test_a_document_and_its_owner_have_so_much_room(keep, settings, alice, attachments_dir):
    limited(settings, max_document_attachments_bytes=250, max_owner_attachments_bytes=450)
    keep(bytes(200))
    with pytest.raises(NoRoom, match="of one document"):
        keep(bytes(51))
    other = Document.objects.create(owner=alice)
    keep(bytes(200), into=other)
    third = Document.objects.create(owner=alice)
    with pytest.raises(NoRoom, match="of one owner"):
        keep(bytes(51), into=third)
    keep(bytes(50), into=third)
    assert len(files_in(attachments_dir)) == 3


@pytest.mark.many_writers
@pytest.mark.django_db(transaction=True)
def test_two_documents_of_one_owner_share_the_room_at_the_same_moment(
    keep, alice, document, settings, monkeypatch
):
    limited(settings, max_owner_attachments_bytes=len(PICTURE))
    both_have_room, check = Barrier(2), attachments._check_room

    def check_together(document, size):
        check(document, size)
        if connection.in_atomic_block:
            with suppress(BrokenBarrierError):
                both_have_room.wait(timeout=0.5)

    monkeypatch.setattr(attachments, "_check_room", check_together)

    def upload(into):
        try:
            return keep(into=into)
        except NoRoom:
            return None
        finally:
            connection.close()

    other = Document.objects.create(owner=alice)
    with ThreadPoolExecutor() as threads:
        stored = list(threads.map(upload, [document, other]))
    assert len([each for each in stored if each]) == Attachment.objects.count() == 1


def test_a_file_goes_with_its_row(
    keep, document, attachments_dir, django_capture_on_commit_callbacks
):
    first, _, _ = keep(), keep(), keep()
    with django_capture_on_commit_callbacks(execute=True):
        first.delete()
    assert len(files_in(attachments_dir)) == 2
    with django_capture_on_commit_callbacks(execute=True):
        document.delete()  # for good
    assert files_in(attachments_dir) == []


def test_a_file_without_a_document_does_not_stay(keep, document, attachments_dir, monkeypatch):
    """The document is deleted while the file is being written."""
    save = attachments.storage().save

    class Slow:
        def save(self, key, content):
            Document.objects.filter(pk=document.pk).delete()
            return save(key, content)

        def delete(self, key):
            (attachments_dir / key).unlink()

    monkeypatch.setattr(attachments, "storage", Slow)
    with pytest.raises(NotFound):
        keep()
    assert files_in(attachments_dir) == []


def test_half_a_file_does_not_stay_when_the_disk_is_full(
    keep, attachments_dir, caplog, monkeypatch
):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Unavailable, match="try again"):
        keep()
    assert "No space left" in caplog.text
    assert files_in(attachments_dir) == []
    assert not Attachment.objects.exists()


def test_a_storage_that_fails_to_delete_fails_nobody(
    keep, caplog, monkeypatch, django_capture_on_commit_callbacks
):
    made = keep()

    class Away:
        def delete(self, key):
            raise ConnectionError("no storage")

    monkeypatch.setattr(attachments, "storage", Away)
    with django_capture_on_commit_callbacks(execute=True):
        made.delete()
    assert not Attachment.objects.exists()
    assert "file not deleted" in caplog.text


def test_any_django_storage_will_do(keep, settings):
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "attachments": memory}
    made = keep(b"in memory")
    with attachments.storage().open(made.key) as file:
        assert file.read() == b"in memory"
