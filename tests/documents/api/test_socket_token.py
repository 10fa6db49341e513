import pytest

from documents.admission import admit
from documents.models import Role, ShareLink

pytestmark = pytest.mark.django_db


def test_a_socket_token_opens_the_socket_as_its_person(document, bob, browser_of, program_of):
    for caller in (browser_of(bob), program_of(bob)):
        status, given = caller.post(f"documents/{document.id}/socket-token")
        assert status == 200
        assert given["url"] == f"ws://testserver/ws/documents/{document.id}"
        admission = admit([], {"token": given["token"]}, document.id)
        assert (admission.principal.user_id, admission.role) == (bob.pk, Role.EDITOR)


def test_guests_get_one_as_far_as_their_link_goes(document, browser_of):
    link = ShareLink.objects.create(document=document, role=Role.COMMENTER)
    _, given = browser_of(None).post(f"documents/{document.id}/socket-token?link={link.token}")
    assert admit([], {"token": given["token"]}, document.id).role == Role.COMMENTER


def test_a_read_token_gets_none(document, alice, program_of):
    assert program_of(alice, "read").post(f"documents/{document.id}/socket-token")[0] == 403
