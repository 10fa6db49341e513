"""What happens is written down for the webhooks of those who may know, and of nobody else."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from documents import lifecycle, sharing
from documents.models import Delivery, Event, Membership, Role, Webhook
from documents.sync import log
from documents.webhooks import may_hear, tell, tell_of_updates

pytestmark = pytest.mark.django_db

EVENTS = [each.value for each in Event if each is not Event.TEST]


def listens(user, document=None, events=EVENTS, **fields):
    return Webhook.objects.create(
        user=user, document=document, url="https://x/", host="x", events=events, **fields
    )


def told():
    """Who was told of what, in order."""
    found = Delivery.objects.select_related("webhook__user").order_by("created_at", "pk")
    return [(each.webhook.user.username, each.event) for each in found]


def data():
    return [each.payload["data"] for each in Delivery.objects.order_by("created_at", "pk")]


def test_told_are_webhooks_of_the_document_and_of_those_who_are_in_it(
    document, alice, bob, victor, mallory
):
    for user in (alice, bob, mallory):
        listens(user)
    listens(victor, document)
    listens(bob, document, is_enabled=False)
    listens(bob, document, events=["document.deleted"])
    tell(document, Event.UPDATED)
    assert sorted(told()) == [
        ("alice", "document.updated"),
        ("bob", "document.updated"),
        ("victor", "document.updated"),
    ]
    delivery = Delivery.objects.first()
    assert delivery.payload["data"] == {"document": {"id": str(document.id), "title": "Plan"}}
    assert delivery.payload["type"] == "document.updated"
    assert delivery.payload["timestamp"].endswith("Z")


def test_what_was_undone_is_not_told(document, alice):
    listens(alice)
    with transaction.atomic():
        lifecycle.trash(document)
        transaction.set_rollback(True)
    assert told() == []


def test_sharing_and_the_trash_are_told(document, alice, mallory):
    listens(alice)
    sharing.grant(document, mallory, Role.EDITOR)
    sharing.revoke(document, mallory.pk)
    sharing.revoke(document, mallory.pk)  # nothing any more
    sharing.set_general_role(document, Role.VIEWER)
    link = sharing.create_link(document, Role.EDITOR, created_by=alice.pk)
    sharing.change_link(link, role=Role.VIEWER, expires_at=None, is_enabled=True)
    sharing.delete_link(link)
    person = {"id": f"user:{mallory.pk}", "name": "mallory"}
    assert [each["change"] for each in data()] == [
        {"with": "person", "person": person, "role": "editor"},
        {"with": "person", "person": person, "role": None},
        {"with": "everybody", "role": "viewer"},
        {"with": "link", "role": "editor"},
        {"with": "link", "role": "viewer"},
        {"with": "link", "role": None},
    ]
    assert not any(link.token in str(each) for each in data())
    Delivery.objects.all().delete()
    lifecycle.trash(document)
    lifecycle.restore(document)
    assert [event for _, event in told()] == ["document.deleted", "document.restored"]


def test_who_was_given_access_is_told_to_editors_and_the_owner(document, bob, victor, mallory):
    for user in (bob, victor):
        listens(user)
    link = sharing.create_link(document, Role.VIEWER, created_by=None)
    sharing.change_link(link, role=Role.EDITOR, expires_at=None, is_enabled=True)
    sharing.delete_link(link)
    sharing.grant(document, mallory, Role.VIEWER)
    sharing.revoke(document, mallory.pk)
    sharing.set_general_role(document, Role.VIEWER)
    assert told() == [("bob", "document.shared")] * 6


def test_an_editor_who_became_a_viewer_is_not_told_what_waits(document, bob):
    webhook = listens(bob)
    Membership.objects.filter(user=bob).update(role=Role.VIEWER)
    assert not may_hear(webhook, document, Event.SHARED)
    assert may_hear(webhook, document, Event.UPDATED)


def test_who_lost_access_may_not_hear_of_it_any_more(document, bob):
    webhook = listens(bob)
    assert may_hear(webhook, document, Event.UPDATED)
    Membership.objects.filter(user=bob).delete()
    assert not may_hear(webhook, document, Event.UPDATED)


def test_who_lost_access_finds_nothing_of_it_in_their_log(document, alice, bob):
    listens(bob, document)
    listens(bob)
    listens(alice)
    sharing.revoke(document, bob.pk)
    tell(document, Event.UPDATED)
    lifecycle.trash(document)
    lifecycle.restore(document)
    assert {name for name, _ in told()} == {"alice"}
    sharing.grant(document, bob, Role.VIEWER)
    lifecycle.trash(document)
    assert told().count(("bob", "document.deleted")) == 2  # by the role from before


def test_members_hear_that_their_document_went_into_the_trash(document, bob, mallory):
    lifecycle.trash(document)
    assert may_hear(listens(bob), document, Event.DELETED)
    assert not may_hear(listens(bob), document, Event.UPDATED)
    assert not may_hear(listens(mallory), document, Event.DELETED)


def test_who_was_deactivated_hears_nothing(document, alice):
    alice.is_active = False
    alice.save()
    assert not may_hear(listens(alice), document, Event.UPDATED)
    tell(document, Event.UPDATED)
    assert told() == []


def test_nobody_has_more_messages_waiting_than_there_may_be(document, alice, bob, settings):
    settings.COLLAB = settings.COLLAB.model_copy(update={"max_webhook_queue": 3})
    flooding, patient = listens(alice), listens(bob)
    for _ in range(5):
        tell(document, Event.UPDATED)
        Delivery.objects.filter(webhook=patient).update(next_attempt_at=None)
    assert (flooding.deliveries.count(), patient.deliveries.count()) == (3, 5)
    flooding.deliveries.update(next_attempt_at=None)  # they were delivered
    tell(document, Event.UPDATED)
    assert flooding.deliveries.count() == 4


# -- Updates --------------------------------------------------------------------------------
def writes(document, *authors):
    log.append({document.id: [log.Row(b"x", user and user.pk, name) for user, name in authors]})


def after(seconds):
    return timezone.now() + timedelta(seconds=seconds)


@pytest.fixture
def settled(document):
    """All that has been written so far is told."""
    tell_of_updates(after(100))
    return document


def test_an_update_is_told_when_nobody_has_written_for_a_while(settled, alice, bob):
    listens(alice)
    writes(settled, (bob, "bob"), (None, "Amber Heron"), (bob, "bob"))
    assert tell_of_updates(after(9)) == 0
    assert tell_of_updates(after(11)) == 1
    assert tell_of_updates(after(12)) == 0  # once
    (update,) = data()
    assert (update["since"], update["head"]) == (1, 4)
    assert sorted(update["authors"], key=str) == sorted(
        [{"id": None, "name": "Amber Heron"}, {"id": f"user:{bob.pk}", "name": "bob"}], key=str
    )
    assert update["document"] == {"id": str(settled.id), "title": "Plan"}
    assert set(update) == {"document", "since", "head", "authors"}


def test_who_goes_on_writing_is_told_of_now_and_then(settled, alice, bob):
    listens(alice)
    writes(settled, (bob, "bob"))
    settled.log.filter(seq=2).update(created_at=after(-59))
    for _ in range(3):
        writes(settled, (bob, "bob"))
        assert tell_of_updates(after(0)) == 0
    assert tell_of_updates(after(2)) == 1
    writes(settled, (bob, "bob"))
    assert tell_of_updates(after(3)) == 0
    assert tell_of_updates(after(62)) == 1
    assert [(each["since"], each["head"]) for each in data()] == [(1, 5), (5, 6)]


def test_of_two_who_notice_one_tells(settled, alice, bob):
    listens(alice)
    writes(settled, (bob, "bob"))
    settled.refresh_from_db()
    assert log.note_announced(settled.id, since=1, head=2) is True
    assert log.note_announced(settled.id, since=1, head=2) is False
    assert tell_of_updates(after(11)) == 0
    assert told() == []


def test_rows_that_the_log_dropped_meanwhile_do_not_matter(settled, alice, bob):
    listens(alice)
    writes(settled, (bob, "bob"))
    settled.log.filter(seq=2).delete()
    assert tell_of_updates(after(11)) == 1
    assert data()[0]["authors"] == []
