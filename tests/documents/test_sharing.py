import pytest

from collab.accounts.principal import principal_of_user
from documents import sharing
from documents.access import role_of
from documents.models import Role, ShareLink
from documents.sharing import CannotShare

pytestmark = pytest.mark.django_db


def access_changed(document):
    return (f"document.{document.id}", {"type": "access.changed"})


def test_each_change_of_access_is_told_to_the_rooms(document, mallory, told):
    link = ShareLink.objects.create(document=document)
    for change in (
        lambda: sharing.grant(document, mallory, Role.EDITOR),
        lambda: sharing.grant(document, mallory, Role.VIEWER),
        lambda: sharing.revoke(document, mallory.pk),
        lambda: sharing.set_general_role(document, Role.VIEWER),
        lambda: sharing.set_general_role(document, None),
        lambda: sharing.change_link(link, role=Role.EDITOR, expires_at=None, is_enabled=False),
        lambda: sharing.delete_link(link),
    ):
        with told() as messages:
            change()
            assert messages == []  # not before the commit
        assert messages == [access_changed(document)]


def test_granting_twice_changes_the_role(document, mallory):
    sharing.grant(document, mallory, Role.EDITOR)
    sharing.grant(document, mallory, Role.VIEWER)
    assert role_of(principal_of_user(mallory), document) == Role.VIEWER
    assert sharing.revoke(document, mallory.pk) is True
    assert sharing.revoke(document, mallory.pk) is False
    assert role_of(principal_of_user(mallory), document) is None


def test_the_owner_stays_and_ownership_is_not_shared(document, alice, bob):
    for change in (
        lambda: sharing.grant(document, alice, Role.VIEWER),
        lambda: sharing.revoke(document, alice.pk),
        lambda: sharing.grant(document, bob, Role.OWNER),
        lambda: sharing.create_link(document, Role.OWNER, created_by=alice.pk),
        lambda: sharing.set_general_role(document, Role.OWNER),
    ):
        with pytest.raises(CannotShare):
            change()
    assert role_of(principal_of_user(alice), document) == Role.OWNER
    assert role_of(principal_of_user(bob), document) == Role.EDITOR


def test_a_bus_that_is_away_is_noted_and_does_not_undo_the_change(
    document, mallory, monkeypatch, caplog, django_capture_on_commit_callbacks
):
    class Away:
        async def group_send(self, group, message):
            raise ConnectionError("no bus")

    monkeypatch.setattr("documents.announce.channel_layers", {"default": Away()})
    with django_capture_on_commit_callbacks(execute=True):
        sharing.grant(document, mallory, Role.EDITOR)
    assert "rooms not told" in caplog.text
    assert role_of(principal_of_user(mallory), document) == Role.EDITOR
