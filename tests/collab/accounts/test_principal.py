from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, RequestFactory
from django.utils import timezone

from collab.accounts.models import ApiToken, Profile
from collab.accounts.principal import (
    guest_cookie,
    principal_of_request,
    principal_of_socket,
    principal_of_user,
)
from collab.errors import NotAuthenticated

pytestmark = pytest.mark.django_db


def session_headers(user):
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return [(b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())]


def bearer(token):
    return [(b"authorization", f"Bearer {token}".encode())]


def test_a_logged_in_browser_is_its_person(alice):
    principal = principal_of_socket(session_headers(alice), {})
    assert (principal.user_id, principal.name) == (alice.pk, "alice")
    assert principal.is_authenticated
    assert not principal.is_guest


def test_people_appear_under_their_profile(alice):
    Profile.objects.create(user=alice, name="Alice L.", colour="#123456")
    principal = principal_of_user(alice)
    assert (principal.name, principal.colour) == ("Alice L.", "#123456")


def test_a_log_in_ends_with_the_password_it_was_made_with(alice):
    headers = session_headers(alice)
    alice.set_password("another")
    alice.save()
    assert principal_of_socket(headers, {}).is_guest


def test_an_inactive_person_is_nobody(alice):
    headers = session_headers(alice)
    _, token = ApiToken.issue(alice.pk)
    alice.is_active = False
    alice.save()
    assert principal_of_socket(headers, {}).is_guest
    with pytest.raises(NotAuthenticated):
        principal_of_socket(bearer(token), {})


@pytest.mark.parametrize("cookie", ["sessionid=", "sessionid=nonsense123", 'sessionid="a\\000b"'])
def test_a_session_that_is_not_ours_is_a_guest(cookie):
    assert principal_of_socket([(b"cookie", cookie.encode())], {}).is_guest


def test_a_session_that_nobody_logged_in_with_is_a_guest():
    session = SessionStore()
    session["seen"] = True
    session.save()
    headers = [(b"cookie", f"sessionid={session.session_key}".encode())]
    assert principal_of_socket(headers, {}).is_guest


def test_an_api_token_comes_before_the_session(alice, bob):
    _, token = ApiToken.issue(bob.pk, scope="read")
    principal = principal_of_socket(session_headers(alice) + bearer(token), {})
    assert principal.user_id == bob.pk
    assert principal.may_only_read


def test_an_expired_or_unknown_api_token_is_refused(alice):
    stored, token = ApiToken.issue(alice.pk, days=1)
    stored.expires_at = timezone.now() - timedelta(seconds=1)
    stored.save()
    for text in (token, "collab_unknown", ""):
        with pytest.raises(NotAuthenticated):
            principal_of_socket(bearer(text), {})


def test_a_guest_is_the_same_in_each_visit_with_our_cookie_only():
    cookie = guest_cookie("g1")
    assert (
        principal_of_socket([(b"cookie", f"collab_guest={cookie}".encode())], {}).guest_id == "g1"
    )
    forged = principal_of_socket([(b"cookie", b"collab_guest=g1:1:forged")], {})
    assert forged.guest_id not in {"", "g1"}
    assert not forged.is_authenticated
    assert forged.guest_id != principal_of_socket([], {}).guest_id


def test_a_presented_link_is_carried_and_judged_elsewhere(alice):
    assert principal_of_socket([], {"link": "abc"}).link_tokens == {"abc"}
    assert principal_of_socket(session_headers(alice), {"link": "abc"}).link_tokens == {"abc"}
    assert principal_of_socket([], {"link": "not\x00a token"}).link_tokens == frozenset()


def test_requests_are_recognised_in_the_same_way(alice, bob):
    request = RequestFactory().get("/?link=abc")
    request.user = AnonymousUser()
    request.COOKIES["collab_guest"] = guest_cookie("g1")
    guest = principal_of_request(request)
    assert (guest.guest_id, guest.link_tokens) == ("g1", {"abc"})

    request.user, request.session = alice, SessionStore("of-a-browser")
    assert principal_of_request(request).user_id == alice.pk
    assert principal_of_request(request).session_key == "of-a-browser"

    _, token = ApiToken.issue(bob.pk)
    request.META["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    request.user = alice
    assert principal_of_request(request).user_id == bob.pk
