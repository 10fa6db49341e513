"""People ask for a role, the owner answers; strangers learn nothing by asking."""

from uuid import uuid4

import pytest

from documents.models import AccessRequest, Membership, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(document, mallory, browser_of):
    """Mallory has asked alice for a role."""
    path = f"documents/{document.id}/access-requests"
    status, _ = browser_of(mallory).post(path, {"role": "editor", "message": "I proof-read"})
    assert status == 202
    return path


def test_the_owner_sees_who_asks_for_what(asked, alice, mallory, browser_of):
    (request,) = browser_of(alice).get(asked)[1]["items"]
    assert (request["user"]["id"], request["role"]) == (f"user:{mallory.pk}", "editor")
    assert request["message"] == "I proof-read"


def test_asking_again_changes_what_was_asked_for(asked, alice, mallory, browser_of):
    browser_of(mallory).post(asked, {"role": "viewer"})
    (request,) = browser_of(alice).get(asked)[1]["items"]
    assert (request["role"], request["message"]) == ("viewer", "")


@pytest.mark.parametrize(("body", "role"), [({}, "editor"), ({"role": "viewer"}, "viewer")])
def test_a_granted_request_is_a_membership_and_gone(asked, alice, browser_of, body, role):
    (request,) = browser_of(alice).get(asked)[1]["items"]
    status, member = browser_of(alice).post(f"{asked}/{request['id']}/grant", body)
    assert (status, member["role"]) == (201, role)
    assert Membership.objects.get(user__username="mallory").role == Role.from_key(role)
    assert browser_of(alice).get(asked)[1]["items"] == []


def test_a_declined_request_is_gone_and_gives_nothing(asked, document, alice, mallory, browser_of):
    (request,) = browser_of(alice).get(asked)[1]["items"]
    assert browser_of(alice).delete(f"{asked}/{request['id']}")[0] == 204
    assert browser_of(mallory).get(f"documents/{document.id}")[0] == 404
    assert browser_of(alice).delete(f"{asked}/{request['id']}")[0] == 404


def test_asking_tells_nothing_about_what_exists(asked, mallory, browser_of):
    nowhere = f"documents/{uuid4()}/access-requests"
    assert browser_of(mallory).post(nowhere, {}) == browser_of(mallory).post(asked, {})
    assert not AccessRequest.objects.exclude(user=mallory).exists()


def test_nobody_else_sees_or_answers(asked, bob, victor, mallory, browser_of):
    request = AccessRequest.objects.get()
    for person, status in [(bob, 403), (victor, 403), (mallory, 404), (None, 404)]:
        assert browser_of(person).get(asked)[0] == status
        assert browser_of(person).post(f"{asked}/{request.pk}/grant", {})[0] == status
        assert browser_of(person).delete(f"{asked}/{request.pk}")[0] == status
    assert browser_of(None).post(asked, {})[0] == 401


def test_ownership_is_not_to_be_had(asked, mallory, alice, browser_of):
    nowhere = f"documents/{uuid4()}/access-requests"
    wish = {"role": "owner"}
    assert browser_of(mallory).post(nowhere, wish) == browser_of(mallory).post(asked, wish)
    status, problem = browser_of(mallory).post(asked, wish)
    assert (status, problem["code"]) == (422, "invalid")
    (request,) = browser_of(alice).get(asked)[1]["items"]
    assert browser_of(alice).post(f"{asked}/{request['id']}/grant", {"role": "owner"})[0] == 409
