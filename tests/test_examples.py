"""Every example of docs/examples.md does what it says: as a new user would run it."""

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients import until
from tests.servers import NewDocument, Server, all_servers

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "examples.md").read_text()
_BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INTRODUCTION, *SECTIONS = re.split(r"^## (?=\d+\. )", TEXT, flags=re.MULTILINE)
PREAMBLE = dict(_BLOCK.findall(INTRODUCTION))
EXAMPLES = {
    (section.partition("\n")[0], language): code
    for section in SECTIONS
    for language, code in _BLOCK.findall(section)
}
NIGHTLY = "6. Export everything that has changed, every night"
ENDLESS = "7. Mirror a document as it is written"
MARK = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n")  # whichever language has written it
PLAN = "# Plan\n\nThis is a draft.\n\n- [ ] milk\n"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def command(language: str, code: str) -> list[str]:
    if language == "python":
        return [sys.executable, "-c", PREAMBLE["python"] + code]
    return ["bash", "-euo", "pipefail", "-c", code]


@dataclass
class Desk:
    """A folder with a plan and a picture, and a document with the plan."""

    server: Server
    document: NewDocument
    folder: Path

    def start(self, language: str, title: str) -> "subprocess.Popen[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "API": f"{self.server.url}/api/v1",
            "TOKEN": self.server.people["alice"].token,
            "ID": self.document.id,
        }
        return subprocess.Popen(
            command(language, EXAMPLES[title, language]),
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        path = f"documents/{self.document.id}/{path}"
        return self.server.api(method, path, **options).raise_for_status()

    @property
    def text(self) -> str:
        return self.api("GET", "snapshot?format=markdown").text


@pytest.fixture(scope="module")
def quiet_server() -> Iterator[Server]:
    """Of these tests alone: one of them exports all that alice has."""
    server = all_servers().make()
    yield server
    server.end()


@pytest.fixture
def desk(quiet_server: Server, tmp_path: Path) -> Desk:
    desk = Desk(quiet_server, quiet_server.new_document(), tmp_path)
    (tmp_path / "plan.md").write_text(PLAN)
    (tmp_path / "plan.png").write_bytes(PIXEL)
    desk.api("PUT", "content", content=PLAN.encode(), headers={"Content-Type": "text/markdown"})
    return desk


@pytest.mark.parametrize(
    ("title", "language"), [example for example in EXAMPLES if example[0] != ENDLESS]
)
def test_the_example_runs(desk: Desk, title: str, language: str) -> None:
    output, errors = desk.start(language, title).communicate(timeout=60)
    assert not errors, errors
    assert (desk.folder / "plan.md").read_text() == PLAN  # the user's own
    match int(title.partition(".")[0]):
        case 1:
            assert '"title": "Plan"' in output or output.split()[1] == "1"
        case 2:
            assert desk.text.count("14:02 deployed **v1.4**") == 1
        case 3:
            assert output == "unchanged\n" or (desk.folder / "copy.etag").read_text()
        case 4 if language == "bash":
            assert "This is a final." in desk.text
        case 4:
            assert desk.text.startswith("# Plan\n\n*Summary:* the milk is bought.\n")
        case 5:
            assert desk.text == PLAN.replace("draft", "final")
        case 6:
            assert (desk.folder / f"{desk.document.id}.md").read_text() == PLAN
            assert MARK.fullmatch((desk.folder / "last-export").read_text())
        case 8:
            assert "/d/" in output
        case 9:
            assert desk.text == PLAN
        case 10:
            assert f"![The plan](/api/v1/documents/{desk.document.id}/attachments/" in desk.text


@pytest.mark.parametrize("language", ["bash", "python"])
def test_the_export_goes_on_to_the_last_page_and_from_the_last_night(
    desk: Desk, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = EXAMPLES[NIGHTLY, language]
    small = re.sub(r'(limit"?[=:] ?)100', r"\g<1>1", code)
    assert small != code
    monkeypatch.setitem(EXAMPLES, (NIGHTLY, language), small)
    others = [desk.server.new_document().id for _ in range(2)]
    (desk.folder / "last-export").write_text("2000-01-01T00:00:00Z\n")
    _, errors = desk.start(language, NIGHTLY).communicate(timeout=60)
    assert not errors, errors
    for document_id in [desk.document.id, *others]:
        assert (desk.folder / f"{document_id}.md").exists()


@pytest.mark.parametrize("language", ["bash", "python"])
async def test_the_mirror_follows(desk: Desk, language: str) -> None:
    mirror = desk.start(language, ENDLESS)
    copy = desk.folder / "mirror.txt"
    try:
        await until(lambda: copy.exists() and "milk" in copy.read_text(), within=20)
        line = {"operations": [{"op": "append", "content": "and bread"}]}
        desk.api("PATCH", "content", json=line)
        await until(lambda: "and bread" in copy.read_text(), within=20)
    finally:
        os.killpg(mirror.pid, signal.SIGTERM)
        mirror.communicate(timeout=10)


def test_there_are_ten_in_both_languages():
    titles = [title for title, language in EXAMPLES if language == "python"]
    assert [int(title.partition(".")[0]) for title in titles] == list(range(1, 11))
    assert {language for _, language in EXAMPLES} == {"bash", "python"}
    assert len(EXAMPLES) == 20
