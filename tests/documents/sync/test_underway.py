"""What is under way is found by the next process, and only after a crash or a stall."""

from pathlib import Path
from uuid import UUID

import pytest

from documents.sync.underway import Underway

DOCUMENT = UUID(int=7)


def notes_in(directory: Path) -> Underway:
    return Underway(directory, "8000", max_bytes=1000)


def test_the_next_process_finds_what_its_forerunner_crashed_over(tmp_path: Path) -> None:
    with notes_in(tmp_path).note(DOCUMENT, b"bytes"):
        (tmp_path / "fatal-8000.txt").write_text("Fatal Python error")
        (suspect,) = notes_in(tmp_path).suspects
    assert (suspect.document_id, suspect.update) == (DOCUMENT, b"bytes")
    assert "Fatal" in suspect.traceback
    assert notes_in(tmp_path).suspects == []  # once


def test_nothing_is_blamed_for_a_kill_or_for_a_crash_elsewhere(tmp_path: Path) -> None:
    with notes_in(tmp_path).note(DOCUMENT, b"bytes"):
        assert notes_in(tmp_path).suspects == []  # no traceback: killed
    with pytest.raises(RuntimeError), notes_in(tmp_path).note(DOCUMENT, b"bytes"):
        raise RuntimeError
    (tmp_path / "fatal-8000.txt").write_text("Fatal Python error")
    assert notes_in(tmp_path).suspects == []  # nothing was under way


def test_after_a_crash_care_is_needed_and_after_a_kill_none(tmp_path: Path) -> None:
    assert not notes_in(tmp_path).is_careful
    (tmp_path / "fatal-8000.txt").write_text("Fatal Python error")
    assert notes_in(tmp_path).is_careful
    assert not notes_in(tmp_path).is_careful


def test_what_is_too_long_or_has_nowhere_to_go_is_not_noted(tmp_path: Path) -> None:
    with notes_in(tmp_path).note(DOCUMENT, b"x" * 2000):
        pass
    (tmp_path / "file").write_text("")
    with notes_in(tmp_path / "file").note(DOCUMENT, b"bytes"):
        pass


def test_a_large_update_in_a_thread_is_noted_beside_that_of_the_loop(tmp_path: Path) -> None:
    notes = notes_in(tmp_path)
    with notes.note(DOCUMENT, b"large"), notes.note(DOCUMENT, b"small"):
        with notes.note(DOCUMENT, b"no page left"):
            pass
        (tmp_path / "fatal-8000.txt").write_text("Fatal Python error")
        suspects = notes_in(tmp_path).suspects
    assert [suspect.update for suspect in suspects] == [b"large", b"small"]
