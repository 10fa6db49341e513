from datetime import timedelta

import pytest
from django.utils import timezone

from documents.models import Document, Role, ShareLink

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(document):
    return f"documents/{document.id}/links"


def test_a_link_opens_changes_closes_and_goes(document, alice, browser_of, path):
    owner, guest = browser_of(alice), browser_of(None)
    status, link = owner.post(path, {"role": "commenter"})
    assert status == 201
    assert link["url"] == f"http://testserver/d/{document.id}?link={link['token']}"
    assert (link["role"], link["enabled"], link["expires_at"]) == ("commenter", True, None)
    assert owner.get(path)[1]["items"] == [link]

    as_guest = f"documents/{document.id}?link={link['token']}"
    assert guest.get(as_guest)[1]["role"] == "commenter"
    one = f"{path}/{link['id']}"
    assert owner.patch(one, {"role": "editor"})[1]["role"] == "editor"
    assert guest.get(as_guest)[1]["role"] == "editor"
    assert owner.patch(one, {"enabled": False})[1]["enabled"] is False
    assert guest.get(as_guest)[0] == 404
    assert owner.patch(one, {"enabled": True})[1]["role"] == "editor"
    assert guest.get(as_guest)[0] == 200
    assert owner.delete(one)[0] == 204
    assert guest.get(as_guest)[0] == 404
    assert owner.delete(one)[0] == 404


def test_a_link_may_end_by_itself(document, alice, browser_of, path):
    owner = browser_of(alice)
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
    _, link = owner.post(path, {"role": "viewer", "expires_at": tomorrow})
    assert link["expires_at"] is not None
    one = f"{path}/{link['id']}"
    assert owner.patch(one, {"role": "editor"})[1]["expires_at"] == link["expires_at"]
    assert owner.patch(one, {"expires_at": None})[1]["expires_at"] is None
    ShareLink.objects.update(expires_at=timezone.now())
    assert browser_of(None).get(f"documents/{document.id}?link={link['token']}")[0] == 404
    for wrong in (
        "2001-01-01T00:00:00Z",
        "2999-01-01T00:00:00",
        "9999-12-31T23:59:59-14:00",
        "soon",
    ):
        assert owner.post(path, {"role": "viewer", "expires_at": wrong})[0] == 422


def test_only_the_owner_sees_and_makes_links(document, bob, carol, browser_of, path):
    link = ShareLink.objects.create(document=document)
    assert browser_of(bob).get(path)[0] == 403
    assert browser_of(carol).get(path)[0] == 403
    assert browser_of(bob).post(path, {"role": "viewer"})[0] == 403
    assert browser_of(bob).patch(f"{path}/{link.pk}", {"role": "editor"})[0] == 403
    assert browser_of(bob).delete(f"{path}/{link.pk}")[0] == 403


def test_who_came_by_a_link_learns_no_other_links_token(document, mallory, browser_of, path):
    mine = ShareLink.objects.create(document=document, role=Role.EDITOR)
    ShareLink.objects.create(document=document, role=Role.EDITOR)
    for person in (None, mallory):
        assert browser_of(person).get(f"{path}?link={mine.token}")[0] == 403


def test_links_never_give_ownership_nor_reach_another_document(alice, browser_of, path):
    owner = browser_of(alice)
    assert owner.post(path, {"role": "owner"})[0] == 409
    other = ShareLink.objects.create(document=Document.objects.create(owner=alice))
    assert owner.patch(f"{path}/{other.pk}", {"role": "editor"})[0] == 404
    assert owner.delete(f"{path}/{other.pk}")[0] == 404
    assert owner.delete(f"{path}/{10**30}")[0] == 404
