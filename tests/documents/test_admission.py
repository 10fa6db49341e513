from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from collab.accounts.models import ApiToken
from collab.accounts.principal import guest_cookie, principal_of_user
from collab.errors import NoAccess, NotAuthenticated, NotFound, ProtocolError, SchemaTooOld
from documents.access import standings_of
from documents.admission import admit
from documents.formats.schema import SCHEMA_VERSION
from documents.models import Role, ShareLink
from documents.tokens import issue

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(document):
    return ShareLink.objects.create(document=document, role=Role.EDITOR)


def cookie_of(user):
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return [(b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())]


def bearer_of(user, scope="write"):
    return [(b"authorization", f"Bearer {ApiToken.issue(user.pk, scope=scope)[1]}".encode())]


def test_each_credential_admits_its_person(document, alice, bob, link):
    assert admit(cookie_of(alice), {}, document.id).role == Role.OWNER
    assert admit(bearer_of(bob), {}, document.id).role == Role.EDITOR
    assert admit(bearer_of(bob, "read"), {}, document.id).role == Role.VIEWER
    assert admit([], {"token": link.token}, document.id).role == Role.EDITOR
    assert admit([], {"link": link.token}, document.id).role == Role.EDITOR
    token, _ = issue(principal_of_user(bob), document, Role.VIEWER, timezone.now())
    admission = admit([], {"token": token}, document.id)
    assert (admission.principal.user_id, admission.role) == (bob.pk, Role.VIEWER)


def test_a_token_that_may_only_read_stays_a_viewer_in_the_room(document, alice, link):
    admission = admit(bearer_of(alice, "read"), {"link": link.token}, document.id)
    (standing,) = standings_of(document.id, [admission.principal], timezone.now())
    assert admission.role == standing.role == Role.VIEWER


def test_the_first_credential_counts(document, alice, mallory, link):
    headers = cookie_of(alice) + bearer_of(mallory)
    with pytest.raises(NoAccess):
        admit(headers, {}, document.id)
    assert admit(headers, {"token": link.token}, document.id).principal.is_guest
    with pytest.raises(NotAuthenticated):
        admit(headers, {"token": "wrong"}, document.id)


def test_a_guest_keeps_their_name_with_either_form_of_a_link(document, link):
    headers = [(b"cookie", f"collab_guest={guest_cookie('g1')}".encode())]
    for query in ({"token": link.token}, {"link": link.token}):
        assert admit(headers, query, document.id).principal.guest_id == "g1"


def test_a_stranger_learns_nothing_of_what_exists(document):
    for document_id in (document.id, uuid4()):
        with pytest.raises(NotAuthenticated):
            admit([], {}, document_id)
        with pytest.raises(NotAuthenticated):
            admit([], {"link": "guessed"}, document_id)


def test_a_known_person_without_a_role_has_no_access(document, mallory, bob):
    with pytest.raises(NoAccess):
        admit(cookie_of(mallory), {}, document.id)
    with pytest.raises(NotFound):
        admit(cookie_of(mallory), {}, uuid4())
    token, _ = issue(principal_of_user(bob), document, Role.EDITOR, timezone.now())
    with pytest.raises(NotFound):
        admit([], {"token": token}, uuid4())


def test_a_closed_link_says_that_access_was_withdrawn(document, link):
    link.is_enabled = False
    link.save()
    with pytest.raises(NoAccess):
        admit([], {"link": link.token}, document.id)
    with pytest.raises(NotAuthenticated):
        admit([], {"token": link.token}, document.id)


def test_nobody_opens_a_document_in_the_trash(document, alice, link):
    document.deleted_at = timezone.now()
    document.save()
    for headers, query in (
        (cookie_of(alice), {}),
        ([], {"link": link.token}),
        ([], {"token": link.token}),
    ):
        with pytest.raises(NotFound):
            admit(headers, query, document.id)
    with pytest.raises(NotAuthenticated):
        admit([], {}, document.id)


def test_everybody_opens_a_public_document(document):
    document.general_role = Role.COMMENTER
    document.save()
    assert admit([], {}, document.id).role == Role.COMMENTER


def test_an_older_page_is_refused_before_it_receives_content(document, alice):
    cookie = cookie_of(alice)
    for schema in (SCHEMA_VERSION, SCHEMA_VERSION + 1):
        admit(cookie, {"schema": str(schema)}, document.id)
    with pytest.raises(SchemaTooOld):
        admit(cookie, {"schema": str(SCHEMA_VERSION - 1)}, document.id)
    for malformed in ("", "x", "-1", "1.5", "²", "9" * 50):
        with pytest.raises(ProtocolError):
            admit(cookie, {"schema": malformed}, document.id)
