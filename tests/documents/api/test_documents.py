import base64
from threading import Event
from uuid import uuid4

import pytest

from documents.models import Document, Membership, Role, ShareLink

pytestmark = pytest.mark.django_db


def titles(caller, query=""):
    status, found = caller.get(f"documents{query}")
    assert status == 200
    return [item["title"] for item in found["items"]]


def test_a_document_is_created_found_renamed_and_looked_at(alice, browser_of):
    browser = browser_of(alice)
    status, made = browser.post("documents", {"title": "  Plan  "})
    assert status == 201
    assert made["owner"] == {
        "id": f"user:{alice.pk}",
        "name": "alice",
        "color": made["owner"]["color"],
    }
    assert (made["title"], made["role"], made["head"], made["deleted_at"]) == (
        "Plan",
        "owner",
        1,
        None,
    )
    assert made["created_at"].endswith("Z")
    assert made["size"] > 0
    assert browser.get(f"documents/{made['id']}") == (200, made)

    status, renamed = browser.patch(f"documents/{made['id']}", {"title": "Better plan"})
    assert (status, renamed["title"]) == (200, "Better plan")
    assert titles(browser) == ["Better plan"]


def test_what_the_title_may_not_hold_is_refused(alice, browser_of):
    for title in ("nul\x00", "two\nlines", "\ud800", "x" * 201, 7, None):
        assert browser_of(alice).post("documents", {"title": title})[0] == 422
    # Not silently dropped: that would be lost.
    assert browser_of(alice).post("documents", {"title": "x", "text": "# y"})[0] == 422
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    ("name", "seen_as"),
    [("alice", "owner"), ("bob", "editor"), ("carol", "commenter"), ("victor", "viewer")],
)
def test_everybody_sees_their_role_and_who_else_is_in(request, document, browser_of, name, seen_as):
    status, seen = browser_of(request.getfixturevalue(name)).get(f"documents/{document.id}")
    assert (status, seen["role"]) == (200, seen_as)
    assert [person["name"] for person in seen["people"]] == ["alice", "bob", "carol", "victor"]


def test_for_a_stranger_there_is_no_such_document(document, mallory, browser_of):
    for caller in (browser_of(mallory), browser_of(None)):
        path = f"documents/{document.id}"
        for status, problem in (
            caller.get(path),
            caller.patch(path, {"title": "x"}),
            caller.delete(path),
            caller.post(f"{path}/restore"),
            caller.get(f"{path}/members"),
            caller.get(f"{path}/links"),
            caller.get(f"{path}/snapshot?format=yjs"),
            caller.post(f"{path}/socket-token"),
        ):
            assert (status, problem["code"]) == (404, "not-found")
    assert browser_of(None).get("documents")[0] == 401
    assert browser_of(None).post("documents", {})[0] == 401


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("alice", {"rename", "open to all", "trash"}),
        ("bob", {"rename"}),
        ("carol", set()),
        ("victor", set()),
    ],
)
def test_each_role_may_do_its_own(request, document, browser_of, name, may):
    caller, path = browser_of(request.getfixturevalue(name)), f"documents/{document.id}"
    assert caller.patch(path, {"title": "x"})[0] == (200 if "rename" in may else 403)
    opened, _ = caller.patch(path, {"general_role": "viewer"})
    assert opened == (200 if "open to all" in may else 403)
    assert caller.delete(path)[0] == (204 if "trash" in may else 403)
    document.refresh_from_db()
    assert document.is_deleted is ("trash" in may)


def test_a_guest_with_a_link_does_what_the_link_gives(document, browser_of):
    link = ShareLink.objects.create(document=document, role=Role.EDITOR)
    path = f"documents/{document.id}?link={link.token}"
    status, seen = browser_of(None).get(path)
    assert (status, seen["role"], seen["people"]) == (200, "editor", [])
    assert browser_of(None).patch(path, {"title": "by a guest"})[0] == 200
    assert browser_of(None).get(f"documents?link={link.token}")[0] == 401


def test_general_access_is_given_and_taken_back(document, alice, mallory, browser_of):
    path = f"documents/{document.id}"
    assert browser_of(alice).patch(path, {"general_role": "viewer"})[1]["general_role"] == "viewer"
    assert browser_of(mallory).get(path)[1]["role"] == "viewer"
    assert titles(browser_of(mallory)) == []  # open to all is not shared with each
    assert browser_of(alice).patch(path, {"title": "kept"})[1]["general_role"] == "viewer"
    assert browser_of(alice).patch(path, {"general_role": None})[1]["general_role"] is None
    assert browser_of(mallory).get(path)[0] == 404
    assert browser_of(alice).patch(path, {"general_role": "owner"})[0] == 409


def test_the_trash_is_the_owners_and_everything_comes_back(document, alice, bob, browser_of):
    owner, editor, path = browser_of(alice), browser_of(bob), f"documents/{document.id}"
    for _ in range(2):
        assert owner.delete(path)[0] == 204
    assert editor.get(path)[0] == 404
    assert owner.get(path)[1]["deleted_at"] is not None
    assert owner.patch(path, {"title": "x"})[0] == 404
    assert (titles(owner), titles(owner, "?filter=trash")) == ([], ["Plan"])
    assert (titles(editor), titles(editor, "?filter=trash")) == ([], [])
    for _ in range(2):
        assert owner.post(f"{path}/restore")[1]["deleted_at"] is None
    assert editor.get(path)[1]["role"] == "editor"


def test_lists_are_filtered(document, alice, bob, browser_of):
    Document.objects.create(owner=bob, title="Bob's notes")
    # Even if the owner was made a member too, it stays their own.
    Membership.objects.create(document=document, user=alice, role=Role.VIEWER)
    browser = browser_of(bob)
    assert titles(browser) == ["Bob's notes", "Plan"]
    assert titles(browser, "?filter=mine") == ["Bob's notes"]
    assert titles(browser, "?filter=shared") == ["Plan"]
    assert titles(browser, "?q=NOTES") == ["Bob's notes"]
    assert titles(browser_of(alice), "?filter=shared") == []
    assert browser.get("documents?filter=nonsense")[0] == 422
    assert browser.get("documents?q=%00")[0] == 422


def test_what_has_changed_since_is_found(document, alice, browser_of):
    old = Document.objects.create(owner=alice, title="Old")
    Document.objects.filter(pk=old.pk).update(updated_at="2026-01-01T00:00:00Z")
    browser = browser_of(alice)
    assert titles(browser, "?updated_since=2026-01-02T00:00:00Z") == ["Plan"]
    assert titles(browser, "?updated_since=2026-01-01T00:00:00Z") == ["Plan", "Old"]
    for nonsense in ("yesterday", "2026-01-01T00:00:00"):
        assert browser.get(f"documents?updated_since={nonsense}")[0] == 422


def test_pages_of_a_list_hold_each_document_once(alice, browser_of):
    for number in range(7):
        Document.objects.create(owner=alice, title=str(number))
    same = Document.objects.first().updated_at
    Document.objects.update(updated_at=same)  # equal times: the id decides
    browser, url, seen = browser_of(alice), "documents?limit=3", []
    while url is not None:
        status, page = browser.get(url)
        assert status == 200
        assert len(page["items"]) <= 3
        seen += [item["title"] for item in page["items"]]
        url = page["next"]
    assert sorted(seen) == [str(number) for number in range(7)]


def test_a_cursor_that_is_not_ours_is_refused(alice, browser_of):
    for cursor in ("x", "%00", "MjAyNg==", "ü"):
        assert browser_of(alice).get(f"documents?cursor={cursor}")[0] == 422
    for limit in ("0", "101", "x"):
        assert browser_of(alice).get(f"documents?limit={limit}")[0] == 422


def test_a_list_costs_the_same_however_long_it_is(
    document, bob, browser_of, django_assert_max_num_queries
):
    for number in range(20):
        another = Document.objects.create(owner=document.owner, title=str(number))
        Membership.objects.create(document=another, user=bob, role=Role.VIEWER)
    browser = browser_of(bob)
    with django_assert_max_num_queries(14):
        assert len(titles(browser)) == 21


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_beyond_all_times_is_refused(alice, browser_of, time):
    status, problem = browser_of(alice).get(f"documents?updated_since={time}")
    assert (status, problem["code"]) == (422, "invalid")


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_first_and_the_last_time_are_times(alice, browser_of, time):
    assert browser_of(alice).get(f"documents?updated_since={time}")[0] == 200


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_cursor_made_by_hand_is_refused(alice, browser_of, at):
    cursor = base64.urlsafe_b64encode(f"{at} {uuid4()}".encode()).decode()
    assert browser_of(alice).get(f"documents?cursor={cursor}")[0] == 422


def test_a_cursor_is_good_for_the_list_that_gave_it(alice, browser_of):
    browser = browser_of(alice)
    for _ in range(3):
        browser.post("documents", {})
    query = browser.get("documents?limit=1")[1]["next"].partition("?")[2]
    assert browser.get(f"documents?{query}")[0] == 200
    [document, *_] = browser.get("documents")[1]["items"]
    for other in ("attachments", "versions"):
        status, problem = browser.get(f"documents/{document['id']}/{other}?{query}")
        assert (status, problem["code"]) == (422, "invalid")


def test_content_that_cannot_be_written_creates_nothing(alice, browser_of):
    body = {"content": [{"type": "noSuchBlock"}], "format": "blocks"}
    status, problem = browser_of(alice).post("documents", body)
    assert (status, problem["code"]) == (422, "invalid-content")
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    "step", ["documents.api.documents.parsed", "documents.formats.tree.from_blocks"]
)
def test_content_that_takes_too_long_to_convert_is_given_up(
    alice, browser_of, settings, monkeypatch, step
):
    settings.COLLAB = settings.COLLAB.model_copy(update={"conversion_timeout_s": 0.1})
    may_end = Event()
    monkeypatch.setattr(step, lambda *given: may_end.wait(5) and [])
    body = {"content": [{"type": "paragraph"}], "format": "blocks"}
    status, problem = browser_of(alice).post("documents", body)
    may_end.set()
    assert (status, problem["code"]) == (503, "unavailable")
    assert not Document.objects.exists()


def test_a_new_document_says_where_it_is_and_how_it_stands(client, alice):
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    made = client.post("/api/v1/documents", {"title": "x"}, content_type="application/json")
    assert made["Location"] == f"/api/v1/documents/{made.json()['id']}"
    snapshot = client.get(f"{made['Location']}/snapshot")
    assert made["ETag"] == snapshot["ETag"]
