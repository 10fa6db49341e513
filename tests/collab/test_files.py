"""Files on the local disk: for this service alone, and on the disk when `save` returns."""

import os
import stat
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from collab.files import LocalFiles
from tests.servers import environment, manage


def test_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    files = LocalFiles(location=tmp_path / "files")
    files.save("ab/cd", ContentFile(b"x"))
    assert stat.S_IMODE((tmp_path / "files/ab/cd").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "files/ab").stat().st_mode) == 0o700


def test_a_saved_file_is_on_the_disk_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    LocalFiles(location=tmp_path).save("ab/cd", ContentFile(b"x"))
    assert [(tmp_path / "ab/cd").stat().st_ino, (tmp_path / "ab").stat().st_ino] == synced


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("ATTACHMENTS_STORAGE", "nowhere.Storage"),
        ("ATTACHMENTS_STORAGE", "collections.Counter"),
        ("ATTACHMENTS_STORAGE_OPTIONS", "{oops"),
        ("ATTACHMENTS_STORAGE_OPTIONS", "[1]"),
    ],
)
def test_a_storage_that_is_none_stops_the_start(tmp_path: Path, setting: str, value: str) -> None:
    env = environment(f"sqlite:///{tmp_path / 'none.sqlite3'}", **{setting: value})
    with pytest.raises(AssertionError, match=rf"(?m)^\S*{setting}\b.*$"):
        manage(env, "serve", "--port", "1")
