from datetime import timedelta

import pycrdt
import pytest
from django.utils import timezone

from collab.accounts.principal import principal_of_user
from documents import lifecycle, versions
from documents.models import Document, Role, ShareLink, Version
from documents.versions import Kind
from tests.documents.writing import write

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)


@pytest.fixture
def document(document, alice, bob):
    """Three sessions: alice's, bob's, alice's. The first text is "one", the last "three"."""
    write(document, "one", by=alice)
    versions.keep(document.id, document.head + 1, Kind.SESSION, at=NOW - timedelta(hours=3))
    write(document, "one", "two", by=bob)
    versions.keep(document.id, document.head + 2, Kind.SESSION, at=NOW - timedelta(hours=2))
    write(document, "three", "two", by=alice)
    document.refresh_from_db()
    return document


@pytest.fixture
def path(document):
    return f"documents/{document.id}/versions"


def numbers(page):
    return [item["number"] for item in page["items"]]


# -- Listing and naming ---------------------------------------------------------------------
def test_the_history_is_listed_newest_first(document, alice, bob, browser_of, path):
    status, page = browser_of(alice).get(path)
    assert (status, numbers(page), page["next"]) == (200, [2, 1], None)
    newest = page["items"][0]
    assert newest == {
        "number": 2,
        "kind": "session",
        "label": "",
        "head": 3,
        "size": newest["size"],
        "created_at": (NOW - timedelta(hours=2)).isoformat().replace("+00:00", "Z"),
        "created_by": None,
        "authors": [{"id": f"user:{bob.pk}", "name": "bob"}],
    }
    assert browser_of(alice).get(f"{path}/2") == (200, newest)


def test_the_present_is_kept_under_a_name(document, bob, browser_of, path):
    status, made = browser_of(bob).post(path, {"label": "  Agreed on Monday "})
    assert status == 201
    assert (made["number"], made["kind"], made["label"]) == (3, "named", "Agreed on Monday")
    assert made["head"] == document.head, "all that is committed"
    assert made["created_by"] == {"id": f"user:{bob.pk}", "name": "bob"}
    assert [author["name"] for author in made["authors"]] == ["alice"]
    status, renamed = browser_of(bob).patch(f"{path}/3", {"label": "Agreed"})
    assert (status, renamed["label"]) == (200, "Agreed")
    # An automatic one can be named, too: then it stays.
    assert browser_of(bob).patch(f"{path}/1", {"label": "First draft"})[0] == 200
    versions.thin(document.id, NOW + timedelta(days=3))
    assert 1 in numbers(browser_of(bob).get(path)[1])


def test_by_a_link_alone_one_reads_the_history_and_not_whose_it_is(
    document, alice, browser_of, path
):
    browser_of(alice).post(path, {"label": "Agreed"})
    link = ShareLink.objects.create(document=document, role=Role.EDITOR)
    guest = browser_of(None)
    [newest, *others] = guest.get(f"{path}?link={link.token}")[1]["items"]
    assert (newest["label"], newest["created_by"], newest["authors"]) == ("Agreed", None, [])
    assert len(others) == 2
    assert guest.get(f"{path}/3?link={link.token}")[1] == newest
    for status, _ in (
        guest.post(f"{path}?link={link.token}", {"label": "x"}),
        guest.patch(f"{path}/1?link={link.token}", {"label": "x"}),
        guest.get(f"documents/{document.id}/members?link={link.token}"),
    ):
        assert status == 403


@pytest.mark.parametrize("label", ["", "   ", "two\nlines", "nul\x00", "x" * 201, 7, None])
def test_what_is_no_name_is_refused(document, alice, browser_of, path, label):
    assert browser_of(alice).post(path, {"label": label})[0] == 422
    assert browser_of(alice).patch(f"{path}/1", {"label": label})[0] == 422
    assert Version.objects.filter(document=document).exclude(label="").count() == 0


def test_names_are_limited(document, alice, browser_of, path, settings):
    settings.COLLAB = settings.COLLAB.model_copy(update={"max_named_versions": 1})
    browser = browser_of(alice)
    assert browser.post(path, {"label": "one"})[0] == 201
    for status, problem in (
        browser.post(path, {"label": "two"}),
        browser.patch(f"{path}/1", {"label": "two"}),
    ):
        assert (status, problem["code"]) == (409, "too-many-versions")
    assert browser.patch(f"{path}/3", {"label": "renamed"})[0] == 200


def test_pages_of_the_history_hold_each_version_once(document, alice, browser_of, path):
    browser = browser_of(alice)
    for number in range(5):
        browser.post(path, {"label": str(number)})
    url, seen = f"{path}?limit=2", []
    while url is not None:
        status, page = browser.get(url)
        assert status == 200
        seen += numbers(page)
        url = page["next"]
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    for query in ("cursor=x", "cursor=1-", f"cursor={'9' * 30}-1", "limit=0", "limit=101"):
        assert browser.get(f"{path}?{query}")[0] == 422


def test_the_list_costs_the_same_however_long_it_is(
    document, alice, browser_of, path, django_assert_max_num_queries
):
    for number in range(20):
        versions.name_present(document.id, str(number), principal_of_user(alice))
    browser = browser_of(alice)
    with django_assert_max_num_queries(8):
        assert len(browser.get(path)[1]["items"]) == 22


# -- Who may --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("alice", {"read", "name", "delete"}),
        ("bob", {"read", "name"}),
        ("carol", set()),
        ("victor", set()),
    ],
)
def test_the_history_is_for_those_who_may_edit(request, browser_of, path, name, may):
    caller = browser_of(request.getfixturevalue(name))
    content = path.replace("versions", "snapshot?version=1&format=text")
    read = 200 if "read" in may else 403
    for url in (path, f"{path}/1", f"{path}/1/diff/2", f"{path}/1/diff/current", content):
        assert caller.get(url)[0] == read, url
    assert caller.post(path, {"label": "x"})[0] == (201 if "name" in may else 403)
    assert caller.patch(f"{path}/1", {"label": "x"})[0] == (200 if "name" in may else 403)
    if "read" not in may:
        assert caller.post(f"{path}/1/restore")[0] == 403
    assert caller.delete(f"{path}/1")[0] == (204 if "delete" in may else 403)


def test_for_a_stranger_and_in_the_trash_there_is_no_history(
    document, alice, mallory, browser_of, path
):
    for caller in (browser_of(mallory), browser_of(None)):
        _has_no_history(caller, path)
    lifecycle.trash(document)
    _has_no_history(browser_of(alice), path)
    lifecycle.restore(document)
    assert numbers(browser_of(alice).get(path)[1]) == [2, 1]


def _has_no_history(caller, path):
    for status, problem in (
        caller.get(path),
        caller.post(path, {"label": "x"}),
        caller.get(f"{path}/1"),
        caller.patch(f"{path}/1", {"label": "x"}),
        caller.delete(f"{path}/1"),
        caller.get(f"{path}/1/diff/2"),
        caller.post(f"{path}/1/restore"),
        caller.get(path.replace("versions", "snapshot?version=1")),
    ):
        assert (status, problem["code"]) == (404, "not-found")


def test_versions_that_are_not_there_are_not_found(document, alice, browser_of, path):
    other = Document.objects.create(owner=alice, title="Another one")
    browser = browser_of(alice)
    snapshot = f"documents/{document.id}/snapshot?version="
    assert browser.get(f"documents/{other.id}/versions/1")[0] == 404
    for number in ("3", "0", "9" * 30):
        for status, problem in (
            browser.get(f"{path}/{number}"),
            browser.delete(f"{path}/{number}"),
            browser.get(f"{path}/{number}/diff/1"),
            browser.get(snapshot + number),
            browser.post(f"{path}/{number}/restore"),
        ):
            assert (status, problem["code"]) == (404, "not-found")
    assert browser.get(f"{path}/1/diff/3")[0] == 404
    for other in ("live", "1.5", "-1", "9" * 30):
        assert browser.get(f"{path}/1/diff/{other}")[0] == 422
    for number in ("-1", "x"):
        assert browser.get(snapshot + number)[0] in {404, 422}


def test_what_is_deleted_is_gone_and_its_number_with_it(document, alice, browser_of, path):
    browser = browser_of(alice)
    assert browser.delete(f"{path}/1") == (204, b"")
    assert browser.delete(f"{path}/1")[0] == 404
    page = browser.get(path)[1]
    assert numbers(page) == [2]
    assert [author["name"] for author in page["items"][0]["authors"]] == ["alice", "bob"]
    assert browser.post(path, {"label": "x"})[1]["number"] == 3


# -- Content --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "content"),
    [("text", b"one\n"), ("markdown", b"one\n"), ("blocks", b'"text":"one"'), ("html", b"one<")],
)
def test_a_version_is_read_in_every_format(document, bob, browser_of, kind, content):
    client = browser_of(bob).client
    url = f"/api/v1/documents/{document.id}/snapshot?version=1&format={kind}"
    answer = client.get(url)
    assert answer.status_code == 200
    assert content in answer.content
    assert b"two" not in answer.content
    assert answer["ETag"] == '"v1"'
    again = client.get(url, headers={"If-None-Match": '"v1"'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(url, headers={"If-None-Match": '"1"'}).status_code == 200


def test_a_version_is_read_as_yjs_and_as_a_difference(document, bob, browser_of):
    client = browser_of(bob).client
    url = f"/api/v1/documents/{document.id}/snapshot?format=yjs&version="
    doc = pycrdt.Doc()
    doc.apply_update(client.get(f"{url}1").content)
    assert "one" in str(doc.get("content", type=pycrdt.XmlFragment))
    whole = client.get(f"{url}2").content
    difference = client.get(f"{url}2&state_vector=AA").content
    assert pycrdt.get_state(difference) == pycrdt.get_state(whole)


def test_versions_are_compared_by_block_and_by_word(document, bob, browser_of, path):
    status, found = browser_of(bob).get(f"{path}/1/diff/current")
    assert status == 200
    assert found["summary"] == {"same": 0, "added": 1, "removed": 0, "changed": 1, "moved": 0}
    changed, added = found["blocks"]
    assert (changed["op"], changed["id"]) == ("changed", "p0")
    assert changed["text"] == [
        {"text": "one", "op": "removed"},
        {"text": "three", "op": "added"},
    ]
    assert (added["op"], added["id"]) == ("added", "p1")
    back = browser_of(bob).get(f"{path}/2/diff/1")[1]
    assert back["summary"] == {"same": 1, "added": 0, "removed": 1, "changed": 0, "moved": 0}
    assert len(back["blocks"]) == 2
    only = browser_of(bob).get(f"{path}/2/diff/1?only=changes")[1]
    assert [block["op"] for block in only["blocks"]] == ["removed"]
    assert browser_of(bob).get(f"{path}/2/diff/2?only=changes")[1]["blocks"] == []
