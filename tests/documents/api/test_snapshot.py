import base64
from threading import Event
from time import monotonic, sleep

import pycrdt
import pytest

from documents import content
from documents.creation import create_document
from documents.formats.tree import new_document_update
from documents.models import LogEntry, Role
from documents.sync import log
from tests.collab.test_archive import poisoned

pytestmark = pytest.mark.django_db


def doc_of(update):
    doc = pycrdt.Doc()
    doc.apply_update(update)
    return doc


def text_of(doc):
    return str(doc.get("content", type=pycrdt.XmlFragment))


@pytest.fixture
def path(document):
    return f"documents/{document.id}/snapshot?format=yjs"


def edit(document, text):
    """One more committed row."""
    doc = doc_of(pycrdt.merge_updates(*log.read(document.id).parts))
    before = doc.get_state()
    doc.get("content", type=pycrdt.XmlFragment).children.append(pycrdt.XmlElement(text))
    log.append({document.id: [log.Row(doc.get_update(before))]})


def test_the_snapshot_is_the_committed_content(document, victor, browser_of, program_of, path):
    edit(document, "hello")
    for caller in (browser_of(victor), program_of(victor, "read")):
        response = caller.send("GET", path)
        assert response.status_code == 200
        assert response["Content-Type"] == "application/octet-stream"
        assert response["ETag"] == '"2"'
        assert "hello" in text_of(doc_of(response.content))


def test_what_has_not_changed_is_not_sent_again(document, victor, browser_of, path):
    client = browser_of(victor).client
    url = f"/api/v1/{path}"
    etag = client.get(url)["ETag"]
    for known in ("*", f"W/{etag}"):  # as a proxy that compresses makes it
        assert client.get(url, headers={"If-None-Match": known}).status_code == 304
    unchanged = client.get(url, headers={"If-None-Match": f'"x", {etag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged["ETag"] == etag
    edit(document, "hello")
    changed = client.get(url, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed["ETag"] != etag


def test_only_the_difference_is_sent_to_whoever_has_the_rest(document, victor, browser_of, path):
    caller = browser_of(victor)
    mine = doc_of(caller.send("GET", path).content)
    for word in ("hello", "world"):
        edit(document, word)
        vector = base64.urlsafe_b64encode(mine.get_state()).decode().rstrip("=")
        difference = caller.send("GET", f"{path}&state_vector={vector}").content
        assert len(difference) < len(caller.send("GET", path).content)
        mine.apply_update(difference)
        assert word in text_of(mine)


@pytest.mark.parametrize("vector", ["!", "AQ", "_____________w", "a", "AA%00"])
def test_a_state_vector_that_is_none_is_refused(victor, browser_of, path, vector):
    status, problem = browser_of(victor).get(f"{path}&state_vector={vector}")
    assert (status, problem["code"]) == (400, "malformed")


FORMATS = {
    "blocks": "application/json",
    "markdown": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "text": "text/plain; charset=utf-8",
    "yjs": "application/octet-stream",
}


@pytest.mark.parametrize(("name", "media_type"), FORMATS.items())
def test_each_format_is_asked_for_by_name_or_by_accept(victor, alice, browser_of, name, media_type):
    blocks = [{"type": "heading", "content": "Größe"}, {"type": "paragraph", "content": "< 1 & 2"}]
    document = create_document(alice, "Plan", new_document_update(blocks))
    document.general_role = Role.VIEWER
    document.save()
    client, path = browser_of(victor).client, f"/api/v1/documents/{document.id}/snapshot"
    by_name = client.get(f"{path}?format={name}")
    by_accept = client.get(path, headers={"Accept": media_type.partition(";")[0]})
    for response in (by_name, by_accept):
        assert response.status_code == 200
        assert response["Content-Type"] == media_type
        assert response["ETag"] == '"1"'
        assert "Größe" in response.content.decode(errors="replace")
    assert by_name.content == by_accept.content


def test_formats_that_are_not_there_are_406(document, victor, browser_of):
    path = f"documents/{document.id}/snapshot"
    status, problem = browser_of(victor).get(f"{path}?format=nonsense")
    assert (status, problem["code"]) == (406, "not-acceptable")
    assert "markdown" in problem["detail"]
    answer = browser_of(victor).client.get(f"/api/v1/{path}", headers={"Accept": "image/png"})
    assert answer.status_code == 406


def test_a_difference_is_yjs(document, victor, browser_of):
    path = f"documents/{document.id}/snapshot?format=text&state_vector=AA"
    status, problem = browser_of(victor).get(path)
    assert (status, problem["code"]) == (400, "malformed")


@pytest.mark.parametrize("query", ["markdown", "yjs", "yjs&state_vector=AA"])
def test_what_breaks_a_document_is_left_out_for_every_reader(alice, browser_of, query):
    document = poisoned(alice)
    answer = browser_of(alice).send("GET", f"documents/{document.id}/snapshot?format={query}")
    assert answer.status_code == 200, answer.content


@pytest.mark.parametrize("query", ["markdown", "yjs", "yjs&state_vector=AA"])
def test_bytes_that_are_no_update_are_left_out_for_every_reader(document, alice, browser_of, query):
    edit(document, "hello")
    log.append({document.id: [log.Row(b"\xff\xff nonsense")]})
    path = f"documents/{document.id}/snapshot?format={query}"
    answer = browser_of(alice).send("GET", path)
    assert answer.status_code == 200, answer.content


@pytest.mark.parametrize("query", ["markdown", "yjs", "yjs&state_vector=AA"])
def test_a_damaged_log_is_called_by_its_name(document, alice, browser_of, query, caplog):
    for word in ("hello", "world"):
        edit(document, word)
    LogEntry.objects.filter(document=document, seq=2).delete()
    path = f"documents/{document.id}/snapshot?format={query}"
    status, problem = browser_of(alice).get(path)
    assert (status, problem["code"]) == (500, "log-damaged")
    assert "row 2" in problem["detail"]
    assert [record.levelname for record in caplog.records if record.name == "collab.api"] == [
        "ERROR"
    ]


def test_what_takes_too_long_to_convert_is_given_up(
    document, alice, browser_of, settings, monkeypatch
):
    settings.COLLAB = settings.COLLAB.model_copy(update={"conversion_timeout_s": 0.1})
    may_end = Event()
    monkeypatch.setattr(content, "blocks_in", lambda parts: may_end.wait() and [])
    path = f"documents/{document.id}/snapshot?format=markdown"
    answer = browser_of(alice).send("GET", path)
    may_end.set()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Retry-After"] == "5"


def test_what_comes_too_late_is_there_for_who_asks_again(
    document, alice, browser_of, settings, monkeypatch
):
    settings.COLLAB = settings.COLLAB.model_copy(update={"conversion_timeout_s": 0.1})
    may_end, begun = Event(), []

    def blocks_in(parts):
        begun.append(parts)
        may_end.wait(10)
        return [{"type": "paragraph", "content": "late", "props": {}, "children": []}]

    monkeypatch.setattr(content, "blocks_in", blocks_in)
    path = f"documents/{document.id}/snapshot?format=text"
    for _ in range(2):
        assert browser_of(alice).send("GET", path).status_code == 503
    may_end.set()
    key = document.id, document.head, content.Format.TEXT
    deadline = monotonic() + 5
    while key not in content._cache and monotonic() < deadline:
        sleep(0.01)
    assert browser_of(alice).send("GET", path).status_code == 200
    assert len(begun) == 1
