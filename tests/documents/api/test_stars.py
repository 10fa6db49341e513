"""Everybody has stars of their own; one gives no access, and comes back with it."""

import pytest

from documents.models import Membership, Role, ShareLink, Star

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(document):
    return f"documents/{document.id}"


def starred(caller):
    status, page = caller.get("documents?filter=starred")
    assert status == 200
    assert all(item["starred"] for item in page["items"])
    return [item["title"] for item in page["items"]]


def put(caller, path):
    return caller.send("PUT", f"{path}/star").status_code


def test_a_star_is_put_and_taken_away_however_often(path, bob, browser_of):
    browser = browser_of(bob)
    assert (browser.get(path)[1]["starred"], starred(browser)) == (False, [])
    assert [put(browser, path) for _ in range(2)] == [204, 204]
    assert (browser.get(path)[1]["starred"], starred(browser)) == (True, ["Plan"])
    assert browser.get("documents")[1]["items"][0]["starred"] is True
    assert [browser.delete(f"{path}/star")[0] for _ in range(2)] == [204, 204]
    assert (browser.get(path)[1]["starred"], starred(browser)) == (False, [])


def test_a_star_is_its_givers_alone(path, alice, bob, browser_of):
    assert put(browser_of(bob), path) == 204
    assert browser_of(alice).get(path)[1]["starred"] is False
    assert starred(browser_of(alice)) == []
    assert browser_of(alice).delete(f"{path}/star")[0] == 204
    assert starred(browser_of(bob)) == ["Plan"]


def test_a_star_gives_no_access_and_comes_back_with_it(path, document, bob, browser_of):
    browser = browser_of(bob)
    put(browser, path)
    Membership.objects.filter(user=bob).delete()
    assert (starred(browser), browser.get(path)[0]) == ([], 404)
    Membership.objects.create(document=document, user=bob, role=Role.VIEWER)
    assert starred(browser) == ["Plan"]


def test_strangers_and_guests_have_none(path, document, mallory, browser_of, program_of):
    link = ShareLink.objects.create(document=document)
    assert put(browser_of(mallory), path) == 404
    assert browser_of(None).send("PUT", f"{path}/star?link={link.token}").status_code == 401
    assert browser_of(None).get(f"{path}?link={link.token}")[1]["starred"] is False
    assert put(program_of(document.owner, scope="read"), path) == 403
    assert not Star.objects.exists()


def test_what_is_in_the_trash_is_not_at_hand(path, alice, browser_of):
    browser = browser_of(alice)
    put(browser, path)
    browser.delete(path)
    assert starred(browser) == []
    browser.post(f"{path}/restore")
    assert starred(browser) == ["Plan"]


def test_what_is_open_to_everybody_may_be_at_hand(path, document, mallory, browser_of):
    document.general_role = Role.VIEWER
    document.save()
    put(browser_of(mallory), path)
    assert starred(browser_of(mallory)) == ["Plan"]
    assert browser_of(mallory).get("documents")[1]["items"] == []
