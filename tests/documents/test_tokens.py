from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from collab.accounts.principal import Principal, principal_of_user
from collab.errors import NotAuthenticated
from documents.access import role_of
from documents.models import Membership, Role, ShareLink
from documents.tokens import issue, principal_of_token, redeem

pytestmark = pytest.mark.django_db


def test_a_socket_token_is_its_person_in_one_document(document, bob):
    now = timezone.now()
    token, expires_at = issue(principal_of_user(bob), document, Role.EDITOR, now)
    assert expires_at == now + timedelta(seconds=settings.COLLAB.socket_token_s)
    principal = redeem(token)
    assert (principal.user_id, principal.document_id) == (bob.pk, document.id)
    assert principal.is_authenticated
    assert role_of(principal, document) == Role.EDITOR


def test_a_socket_token_caps_and_never_grants(document, bob):
    as_viewer = redeem(issue(principal_of_user(bob), document, Role.VIEWER, timezone.now())[0])
    assert role_of(as_viewer, document) == Role.VIEWER
    as_owner = redeem(issue(principal_of_user(bob), document, Role.OWNER, timezone.now())[0])
    assert role_of(as_owner, document) == Role.EDITOR
    Membership.objects.filter(user=bob).delete()
    assert role_of(as_owner, document) is None


def test_a_guests_socket_token_lives_by_the_link_that_they_followed(document):
    link = ShareLink.objects.create(document=document, role=Role.EDITOR)
    other = ShareLink.objects.create(document=document, role=Role.VIEWER)
    guest = Principal(guest_id="g", name="Gast", link_tokens=frozenset([link.token, "unknown"]))
    principal = redeem(issue(guest, document, Role.EDITOR, timezone.now())[0])
    assert (principal.guest_id, principal.name) == ("g", "Gast")
    assert principal.link_tokens == {link.token}
    assert role_of(principal, document) == Role.EDITOR
    link.is_enabled = False
    link.save()
    assert role_of(principal, document) is None
    assert other.opens


def test_a_token_that_is_old_forged_or_of_nobody_is_refused(document, bob):
    now = timezone.now()
    token, expires_at = issue(principal_of_user(bob), document, Role.EDITOR, now)
    redeem(token, expires_at - timedelta(seconds=1))
    with pytest.raises(NotAuthenticated, match="expired"):
        redeem(token, expires_at)
    for forged in (token[:-1] + "!", "a:b", ":", "a" + token, ""):
        with pytest.raises(NotAuthenticated):
            redeem(forged)
    bob.is_active = False
    bob.save()
    with pytest.raises(NotAuthenticated):
        redeem(token)


def test_token_may_be_a_socket_token_or_a_share_link(document, bob):
    token, _ = issue(principal_of_user(bob), document, Role.EDITOR, timezone.now())
    assert principal_of_token(token).user_id == bob.pk
    link = ShareLink.objects.create(document=document, role=Role.COMMENTER)
    guest = principal_of_token(link.token, "g")
    assert (guest.guest_id, guest.is_authenticated) == ("g", True)
    assert role_of(guest, document) == Role.COMMENTER


@pytest.mark.parametrize("token", ["", "unknown", "a:b:c", "nul\x00", "x" * 10_000, "ü"])
def test_any_other_token_is_refused(db, token):
    with pytest.raises(NotAuthenticated):
        principal_of_token(token)


def test_a_closed_link_is_refused(document):
    link = ShareLink.objects.create(document=document, is_enabled=False)
    with pytest.raises(NotAuthenticated):
        principal_of_token(link.token)
