import pytest
from django.contrib.auth.models import User

from documents.models import Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(document):
    return f"documents/{document.id}/members"


def roles(caller, path):
    return {item["user"]["name"]: item["role"] for item in caller.get(path)[1]["items"]}


def test_the_owner_shares_changes_and_takes_back(alice, mallory, browser_of, path):
    owner = browser_of(alice)
    for name in ("mallory", "mallory@Example.org"):
        status, member = owner.post(path, {"user": name, "role": "editor"})
        assert (status, member["user"]["name"], member["role"]) == (201, "mallory", "editor")
    status, member = owner.patch(f"{path}/user:{mallory.pk}", {"role": "viewer"})
    assert (status, member["role"]) == (200, "viewer")
    assert roles(owner, path) == {
        "alice": "owner",
        "bob": "editor",
        "carol": "commenter",
        "victor": "viewer",
        "mallory": "viewer",
    }
    assert owner.delete(f"{path}/{mallory.pk}")[0] == 204
    assert "mallory" not in roles(owner, path)
    assert owner.delete(f"{path}/{mallory.pk}")[1]["code"] == "no-such-person"
    assert owner.patch(f"{path}/{mallory.pk}", {"role": "viewer"})[0] == 404


def test_editors_look_and_do_not_share(bob, victor, mallory, browser_of, path):
    assert len(roles(browser_of(bob), path)) == 4
    assert browser_of(bob).post(path, {"user": "mallory", "role": "viewer"})[0] == 403
    assert browser_of(bob).patch(f"{path}/{bob.pk}", {"role": "owner"})[0] == 403
    assert browser_of(bob).delete(f"{path}/{victor.pk}")[0] == 403
    assert browser_of(victor).get(path)[0] == 403


def test_everybody_but_the_owner_may_leave(alice, victor, browser_of, path, document):
    assert browser_of(victor).delete(f"{path}/user:{victor.pk}")[0] == 204
    assert browser_of(victor).get(f"documents/{document.id}")[0] == 404
    assert browser_of(alice).delete(f"{path}/user:{alice.pk}")[0] == 409


def test_ownership_is_neither_given_nor_taken(alice, bob, browser_of, path):
    owner = browser_of(alice)
    assert owner.post(path, {"user": "bob", "role": "owner"})[1]["code"] == "owner-stays"
    assert owner.patch(f"{path}/{alice.pk}", {"role": "viewer"})[0] == 409
    assert owner.patch(f"{path}/{bob.pk}", {"role": "owner"})[0] == 409


def test_nobody_is_guessed(alice, browser_of, path):
    User.objects.create_user("dora", "same@example.org")
    User.objects.create_user("dana", "same@example.org")
    User.objects.create_user("gone", is_active=False)
    for name in ("same@example.org", "gone", "nobody", ""):
        status, problem = browser_of(alice).post(path, {"user": name, "role": "viewer"})
        assert (status, problem["code"]) == (404, "no-such-person")
    assert browser_of(alice).post(path, {"user": "dora", "role": "viewer"})[0] == 201
    assert browser_of(alice).post(path, {"user": "dora", "role": "king"})[0] == 422


def test_a_name_that_is_anothers_address_is_that_name(alice, browser_of, path):
    User.objects.create_user("dora@example.org", "")
    User.objects.create_user("dana", "dora@example.org")
    _, member = browser_of(alice).post(path, {"user": "dora@example.org", "role": "viewer"})
    assert member["user"]["name"] == "dora@example.org"


def test_members_of_another_document_are_out_of_reach(alice, bob, mallory, browser_of, path):
    own = Document.objects.create(owner=mallory)
    assert browser_of(mallory).delete(f"{path}/{bob.pk}")[0] == 404
    assert (
        browser_of(mallory).patch(f"documents/{own.id}/members/{bob.pk}", {"role": "viewer"})[0]
        == 404
    )
