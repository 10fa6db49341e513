"""The pages' frames: who gets which page, and what it is told. Not what it looks like."""

from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from documents.formats.schema import SCHEMA_VERSION
from documents.models import Role, ShareLink
from presence.identity import guest_name

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def plain_templates(settings):
    pages = dict.fromkeys(
        ("documents/list.html", "documents/document.html", "documents/missing.html"), "x"
    )
    loaders = [("django.template.loaders.locmem.Loader", pages)]
    settings.TEMPLATES = [
        {**settings.TEMPLATES[0], "APP_DIRS": False, "OPTIONS": {"loaders": loaders}}
    ]


def logged_in(user):
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_list_is_for_people_who_are_logged_in(alice):
    response = logged_in(alice).get("/")
    assert response.status_code == 200
    me = response.context["page"]["me"]
    assert (me["id"], me["name"], me["username"]) == (f"user:{alice.pk}", "alice", "alice")
    assert "csrftoken" in response.cookies
    assert Client().get("/")["Location"] == "/accounts/login/?next=/"


def test_a_members_page_knows_the_document_and_its_reader(document, bob):
    response = logged_in(bob).get(f"/d/{document.id}")
    assert response.status_code == 200
    page = response.context["page"]
    shown = page["document"]
    assert (shown["id"], shown["title"], shown["role"]) == (str(document.id), "Plan", "editor")
    assert shown["owner"]["name"] == "alice"
    assert (page["me"]["name"], page["me"]["isGuest"]) == ("bob", False)
    assert (page["link"], page["schema"]) == (None, SCHEMA_VERSION)
    assert "csrftoken" in response.cookies
    assert "collab_guest" not in response.cookies


def test_a_guest_with_a_link_is_the_same_guest_on_every_visit(document):
    link = ShareLink.objects.create(document=document, role=Role.EDITOR)
    guest, url = Client(), f"/d/{document.id}?link={link.token}"
    response = guest.get(url)
    page = response.context["page"]
    assert (page["document"]["role"], page["link"]) == ("editor", link.token)
    assert page["me"]["isGuest"] is True
    assert page["me"]["name"] == guest_name(page["me"]["id"].removeprefix("guest:"))
    cookie = response.cookies["collab_guest"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert cookie["max-age"] == 365 * 24 * 3600

    again = guest.get(url)
    assert again.context["page"]["me"] == page["me"]
    assert "collab_guest" not in again.cookies


def test_no_access_looks_like_no_document(document, mallory, alice):
    for path in (f"/d/{document.id}", f"/d/{uuid4()}", f"/d/{document.id}?link=guessed"):
        stranger = Client().get(path)
        assert stranger.status_code == 404
        assert stranger.context["login_url"].startswith("/accounts/login/?next=%2Fd%2F")
        assert "collab_guest" not in stranger.cookies
        known = logged_in(mallory).get(path)
        assert known.status_code == 404
        assert known.context["login_url"] is None
    document.deleted_at = timezone.now()
    document.save()
    assert logged_in(alice).get(f"/d/{document.id}").status_code == 404


def test_pages_are_not_kept_by_caches(document, alice):
    for path in ("/", f"/d/{document.id}"):
        assert "no-store" in logged_in(alice).get(path)["Cache-Control"]
