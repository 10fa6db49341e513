import base64

import pycrdt
import pytest

from documents.sync import log

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


def test_formats_that_are_not_there_yet_are_406(document, victor, browser_of):
    path = f"documents/{document.id}/snapshot"
    for url in (f"{path}?format=markdown", f"{path}?format=nonsense"):
        status, problem = browser_of(victor).get(url)
        assert (status, problem["code"]) == (406, "not-acceptable")
    client = browser_of(victor).client
    for accept, status in (("application/octet-stream", 200), ("text/html", 406)):
        assert client.get(f"/api/v1/{path}", headers={"Accept": accept}).status_code == status
