"""Deliveries: claimed once, signed so that others can check it, tried again, given up."""

import asyncio
import base64
import hashlib
import hmac
import signal
import subprocess
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from collab.conf import Conf
from documents.delivery import (
    RETRY_AFTER_S,
    Claimed,
    InFlight,
    Outcome,
    attempt,
    claim,
    forget_old,
    record,
    signature,
)
from documents.models import Delivery, Event, Membership, Webhook
from documents.webhooks import tell
from tests.clients import until
from tests.receivers import Receiver
from tests.servers import PYTHON, ROOT, Server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def reachable(settings):
    settings.COLLAB = Conf(
        webhook_insecure=True, webhook_allowed_networks=["127.0.0.0/8"], webhook_timeout_s=2
    )


def webhook_of(user, receiver, document=None, host="127.0.0.1"):
    return Webhook.objects.create(
        user=user,
        document=document,
        url=receiver.url,
        host=host,
        events=[each.value for each in Event],
    )


def due(webhook, count=1, **fields):
    """Deliveries that are to be sent now."""
    fields = {"event": Event.UPDATED, "payload": {"type": "x"}, **fields}
    return [
        Delivery.objects.create(webhook=webhook, next_attempt_at=timezone.now(), **fields)
        for _ in range(count)
    ]


def claimed(now=None, *, under_way=()):
    found = claim(now or timezone.now(), in_flight=InFlight(under_way))
    return [each.delivery_id for each in found]


def of(user, host="elsewhere.example", count=1):
    # Attempts that are under way.
    return [Claimed(uuid4(), host, user.pk) for _ in range(count)]


# -- Signed ---------------------------------------------------------------------------------
def test_a_signature_is_the_standards():
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    expected = hmac.new(b"k" * 32, b"id.1700000000.body", hashlib.sha256).digest()
    assert signature(secret, "id", 1700000000, b"body") == (
        "v1," + base64.b64encode(expected).decode()
    )


async def test_receivers_can_check_what_they_are_sent(document, alice, receiver):
    def happens():
        webhook = webhook_of(alice, receiver)
        tell(document, Event.SHARED, change="ä")
        return webhook

    webhook = await sync_to_async(happens)()
    delivery = await Delivery.objects.aget()
    await attempt(delivery.pk)
    (message,) = receiver.messages
    assert message.verified(webhook.secret) == delivery.payload
    assert message.headers["webhook-id"] == str(delivery.pk)
    with pytest.raises(Exception, match="signature"):
        message.verified("whsec_" + base64.b64encode(b"another secret of 32 bytes or so").decode())
    await delivery.arefresh_from_db()
    assert (delivery.attempts, delivery.last_status, delivery.next_attempt_at) == (1, 204, None)
    assert delivery.delivered_at is not None


# -- Claimed --------------------------------------------------------------------------------
def test_each_is_claimed_once_until_its_worker_is_given_up(alice, receiver):
    deliveries = due(webhook_of(alice, receiver), 2)
    assert sorted(claimed()) == sorted(each.pk for each in deliveries)
    assert claimed() == []
    # The worker was killed: another one takes over.
    assert len(claimed(timezone.now() + timedelta(seconds=7))) == 2


def test_of_one_host_a_few_at_a_time_and_the_others_do_not_wait(alice, bob, receiver):
    due(webhook_of(alice, receiver, host="slow.example"), 60)
    (other,) = due(webhook_of(bob, receiver, host="quick.example"))
    first = claimed()
    assert len(first) == 4
    assert claimed(under_way=of(alice, "slow.example", 4)) == [other.pk]
    assert len(claimed(under_way=of(alice, "slow.example", 3))) == 1
    assert claimed(under_way=[each for n in range(50) for each in of(bob, f"{n}.example")]) == []


def test_one_user_with_many_hosts_keeps_nobody_waiting(alice, bob, receiver):
    for number in range(30):
        due(webhook_of(alice, receiver, host=f"{number}.slow.example"), 2)
    (other,) = due(webhook_of(bob, receiver, host="quick.example"))
    assert len(claimed()) == 10
    assert claimed(under_way=of(alice, count=10)) == [other.pk]
    assert len(claimed(under_way=of(alice, count=8))) == 2


def test_nothing_is_claimed_for_a_webhook_that_is_switched_off(alice, receiver):
    webhook = webhook_of(alice, receiver)
    due(webhook)
    Webhook.objects.update(is_enabled=False)
    assert claimed() == []


# -- Tried again ----------------------------------------------------------------------------
def fails(delivery, status=500, error=""):
    now = timezone.now()
    record(delivery.pk, Outcome(status, error, 5), now)
    delivery.refresh_from_db()
    delivery.webhook.refresh_from_db()
    return delivery.next_attempt_at and (delivery.next_attempt_at - now).total_seconds()


def test_what_fails_is_tried_again_ever_more_rarely_for_a_day(alice, receiver):
    (delivery,) = due(webhook_of(alice, receiver))
    pauses = [fails(delivery) for _ in RETRY_AFTER_S]
    for pause, expected in zip(pauses, RETRY_AFTER_S, strict=True):
        assert 0.8 * expected <= pause <= 1.2 * expected
    assert 20 * 3600 < sum(RETRY_AFTER_S) < 28 * 3600
    assert fails(delivery) is None
    assert (delivery.attempts, delivery.last_status) == (len(RETRY_AFTER_S) + 1, 500)


def test_a_webhook_to_which_nothing_was_delivered_for_a_day_is_switched_off(alice, receiver):
    webhook = webhook_of(alice, receiver)
    first, second = due(webhook, 2)
    Delivery.objects.filter(pk=first.pk).update(attempts=len(RETRY_AFTER_S))
    fails(first, None, "no answer")
    assert first.webhook.is_enabled, "others may have come through"
    Webhook.objects.update(failing_since=timezone.now() - timedelta(days=1))
    Delivery.objects.filter(pk=second.pk).update(attempts=len(RETRY_AFTER_S))
    (third,) = due(webhook)
    fails(second)
    assert not second.webhook.is_enabled
    assert "nothing was delivered since" in second.webhook.disabled_reason
    third.refresh_from_db()
    assert third.next_attempt_at is None


def test_one_that_comes_through_ends_the_failing(alice, receiver):
    first, second = due(webhook_of(alice, receiver), 2)
    fails(first)
    assert first.webhook.failing_since is not None
    fails(second, 200)
    assert second.webhook.failing_since is None


def test_a_receiver_that_is_gone_is_not_asked_again(alice, receiver):
    webhook = webhook_of(alice, receiver)
    first, second = due(webhook, 2)
    assert fails(first, 410) is None
    assert (first.webhook.is_enabled, first.webhook.disabled_reason) == (
        False,
        "the receiver answered 410 Gone",
    )
    second.refresh_from_db()
    assert second.next_attempt_at is None


def test_a_test_is_not_repeated_and_counts_as_no_failure(alice, receiver):
    (delivery,) = due(webhook_of(alice, receiver), event=Event.TEST)
    assert fails(delivery) is None
    assert delivery.webhook.failing_since is None


async def test_who_may_not_know_any_more_is_not_told(document, bob, receiver):
    def happens():
        webhook_of(bob, receiver)
        tell(document, Event.UPDATED)
        Membership.objects.filter(user=bob).delete()

    await sync_to_async(happens)()
    delivery = await Delivery.objects.aget()
    await attempt(delivery.pk)
    assert receiver.messages == []
    await delivery.arefresh_from_db()
    assert (delivery.next_attempt_at, delivery.delivered_at) == (None, None)
    assert delivery.last_error == "no access to the document any more"


async def test_an_address_that_is_not_allowed_any_more_is_not_sent_to(alice, receiver, settings):
    (delivery,) = await sync_to_async(lambda: due(webhook_of(alice, receiver)))()
    settings.COLLAB = Conf()
    await attempt(delivery.pk)
    await delivery.arefresh_from_db()
    assert receiver.messages == []
    assert delivery.last_error == "127.0.0.1 leads to no public address"
    assert delivery.next_attempt_at is not None


def test_the_log_of_deliveries_does_not_grow_for_ever(alice, receiver):
    old, new = due(webhook_of(alice, receiver), 2)
    Delivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    forget_old(timezone.now())
    assert list(Delivery.objects.values_list("pk", flat=True)) == [new.pk]


# -- The worker -----------------------------------------------------------------------------
REACHABLE = {
    "COLLAB_WEBHOOK_INSECURE": "1",
    "COLLAB_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
}


@pytest.fixture
def new_worker() -> Any:
    """Starts ``manage.py deliver_webhooks`` beside a server."""
    started: list[subprocess.Popen[bytes]] = []

    def start(server: Server) -> subprocess.Popen[bytes]:
        command = [PYTHON, "manage.py", "deliver_webhooks"]
        started.append(subprocess.Popen(command, cwd=ROOT, env=server.environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def with_deliveries(server: Server, receiver: Receiver, count: int) -> None:
    """So many messages to one receiver are due."""
    body = {"url": receiver.url, "events": ["document.updated"]}
    made = server.api("POST", "me/webhooks", json=body).raise_for_status().json()
    server.run_script(
        "from documents.models import Delivery; from django.utils import timezone; "
        f"Delivery.objects.bulk_create(Delivery(webhook_id='{made['id']}', event='test', "
        f"payload={{}}, next_attempt_at=timezone.now()) for _ in range({count}))"
    )


def ids(receiver: Receiver) -> list[str]:
    return [message.headers["webhook-id"] for message in receiver.messages]


async def test_two_workers_deliver_each_once_and_spare_the_host(
    new_server: Any, new_worker: Any, new_receiver: Any
) -> None:
    server, receiver = new_server(**REACHABLE), new_receiver(delay_s=0.05)
    await asyncio.to_thread(with_deliveries, server, receiver, 40)
    workers = [new_worker(server), new_worker(server)]
    await until(lambda: len(receiver.messages) >= 40, within=30)
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [await asyncio.to_thread(worker.wait, 15) for worker in workers] == [0, 0]
    assert len(ids(receiver)) == len(set(ids(receiver))) == 40
    assert 2 <= receiver.most_at_once <= 8


async def test_what_a_killed_worker_had_under_way_is_delivered_by_another(
    new_server: Any, new_worker: Any, new_receiver: Any
) -> None:
    server = new_server(COLLAB_WEBHOOK_TIMEOUT_S="1", **REACHABLE)
    receiver = new_receiver(delay_s=0.8)
    await asyncio.to_thread(with_deliveries, server, receiver, 3)
    worker = new_worker(server)
    await until(lambda: receiver.most_at_once == 3, within=20)
    worker.kill()
    await until(lambda: len(receiver.messages) == 3)  # they came, and nobody wrote that down
    receiver.delay_s = 0
    new_worker(server)
    await until(lambda: len(receiver.messages) == 6, within=20)
    assert sorted(ids(receiver)) == sorted(2 * list(set(ids(receiver))))  # known by their ids


def test_serve_starts_a_worker_that_tells(new_server: Any, receiver):
    server: Server = new_server(
        COLLAB_WEBHOOK_WORKER="1",
        COLLAB_WEBHOOK_QUIET_S="0.3",
        **REACHABLE,
    )
    document = server.new_document()
    path = f"documents/{document.id}"
    wish = {"url": receiver.url, "events": ["document.updated", "document.deleted"]}
    made = server.api("POST", f"{path}/webhooks", "bob", json=wish).raise_for_status().json()
    for _ in range(3):
        operation = {"op": "append", "content": "x"}
        server.api("PATCH", f"{path}/content", json={"operations": [operation]}).raise_for_status()
    asyncio.run(until(lambda: receiver.messages, within=20))
    update = receiver.messages[0].verified(made["secret"])
    assert update["type"] == "document.updated"
    assert update["data"]["document"]["id"] == document.id
    assert (update["data"]["since"], update["data"]["authors"][0]["name"]) == (0, "alice (API)")
    server.api("DELETE", path).raise_for_status()
    asyncio.run(until(lambda: len(receiver.messages) >= 2, within=10))
    assert receiver.messages[-1].verified(made["secret"])["type"] == "document.deleted"
    assert server.stop() == 0
