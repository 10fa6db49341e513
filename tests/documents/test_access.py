"""Every way to a role, alone and together, in both forms of the question."""

from datetime import timedelta
from itertools import product
from uuid import uuid4

import pytest
from django.utils import timezone

from collab.accounts.principal import Principal, principal_of_user
from documents.access import Standing, role_of, roles_in, standings_of, visible_to
from documents.models import Document, Membership, Role, ShareLink

pytestmark = pytest.mark.django_db

SOME_ROLES = [None, Role.VIEWER, Role.COMMENTER, Role.EDITOR]


def guest(**presented):
    return Principal(guest_id="g", **presented)


@pytest.fixture
def bare(alice):
    """A document that nobody but alice may see."""
    return Document.objects.create(owner=alice)


def agreed(principal, document):
    """The role, after all forms of the question have given the same answer."""
    document.refresh_from_db()
    role = role_of(principal, document)
    assert roles_in(principal, [document]) == {document.id: role}
    assert visible_to(principal).filter(id=document.id).exists() is (role is not None)
    if not document.is_deleted:
        (standing,) = standings_of(document.id, [principal], timezone.now())
        assert standing.role == role
    return role


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("alice", Role.OWNER),
        ("bob", Role.EDITOR),
        ("carol", Role.COMMENTER),
        ("victor", Role.VIEWER),
        ("mallory", None),
    ],
)
def test_the_cast_has_its_roles(request, document, name, role):
    assert agreed(principal_of_user(request.getfixturevalue(name)), document) == role


@pytest.mark.parametrize(
    ("member", "link", "general"), list(product(SOME_ROLES, SOME_ROLES, SOME_ROLES))
)
def test_the_highest_role_counts(bare, bob, member, link, general):
    bare.general_role = general
    bare.save()
    presented = frozenset()
    if member is not None:
        Membership.objects.create(document=bare, user=bob, role=member)
    if link is not None:
        made = ShareLink.objects.create(document=bare, role=link)
        presented = frozenset([made.token])

    given = max((r for r in (member, link, general) if r is not None), default=None)
    assert agreed(principal_of_user(bob, link_tokens=presented), bare) == given
    without_member = max((r for r in (link, general) if r is not None), default=None)
    assert agreed(guest(link_tokens=presented), bare) == without_member


@pytest.mark.parametrize("limit", list(Role))
@pytest.mark.parametrize("name", ["alice", "bob", "carol", "victor", "mallory"])
def test_what_was_presented_caps_the_role_and_never_grants(request, document, name, limit):
    user = request.getfixturevalue(name)
    own = agreed(principal_of_user(user), document)
    capped = agreed(
        Principal(
            user_id=user.pk,
            role_limit=limit,
            document_id=document.id,
        ),
        document,
    )
    if own is None:
        assert capped is None
    else:
        assert capped == min(own, limit)


def test_who_may_only_read_may_read_what_its_user_may(document, bob):
    assert agreed(principal_of_user(bob, may_only_read=True), document) == Role.EDITOR


def test_a_socket_token_opens_its_document_alone(document, alice):
    elsewhere = Principal(user_id=alice.pk, document_id=uuid4(), role_limit=Role.OWNER)
    assert agreed(elsewhere, document) is None


@pytest.mark.parametrize(
    ("expires_in_s", "is_enabled", "opens"),
    [(None, True, True), (60, True, True), (-1, True, False), (None, False, False)],
)
def test_a_link_gives_access_only_while_it_opens(bare, expires_in_s, is_enabled, opens):
    link = ShareLink.objects.create(
        document=bare,
        role=Role.EDITOR,
        is_enabled=is_enabled,
        expires_at=timezone.now() + timedelta(seconds=expires_in_s) if expires_in_s else None,
    )
    role = agreed(guest(link_tokens=frozenset([link.token])), bare)
    assert role == (Role.EDITOR if opens else None)
    assert link.opens is opens
    (standing,) = standings_of(
        bare.id, [guest(link_tokens=frozenset([link.token]))], timezone.now()
    )
    assert standing.expires_at == (link.expires_at if opens else None)


def test_a_link_opens_its_own_document_only(bare, document):
    link = ShareLink.objects.create(document=bare, role=Role.EDITOR)
    assert agreed(guest(link_tokens=frozenset([link.token])), document) is None


def test_in_the_trash_a_document_has_its_owner_only(document, alice, bob):
    link = ShareLink.objects.create(document=document, role=Role.EDITOR)
    document.general_role = Role.VIEWER
    document.deleted_at = timezone.now()
    document.save()
    assert agreed(principal_of_user(alice), document) == Role.OWNER
    assert agreed(principal_of_user(bob), document) is None
    assert agreed(guest(link_tokens=frozenset([link.token])), document) is None
    assert standings_of(document.id, [principal_of_user(alice)], timezone.now()) is None


def test_a_room_asks_for_all_its_members_at_once(
    document, alice, bob, mallory, django_assert_num_queries
):
    link = ShareLink.objects.create(document=document, role=Role.COMMENTER)
    members = [
        principal_of_user(alice),
        principal_of_user(bob),
        guest(link_tokens=frozenset([link.token])),
        guest(),
        principal_of_user(mallory),
    ]
    bob.is_active = False
    bob.save()
    with django_assert_num_queries(4):
        standings = standings_of(document.id, members, timezone.now())
    assert standings == [
        Standing(Role.OWNER),
        Standing(None, is_known=False),
        Standing(Role.COMMENTER),
        Standing(None),
        Standing(None),
    ]
    assert standings_of(uuid4(), members, timezone.now()) is None
