"""deliveries: what a webhook was sent and what came of it; sent again, or for a test."""

from datetime import datetime, timedelta
from typing import Any, Literal, Self
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import close_old_connections
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import ConfigDict
from pydantic.config import JsonDict

from collab.database import in_database_thread
from collab.errors import NotFound, TooManyRequests
from collab.paging import Cursor, Limit, page_of
from collab.rates import Places
from documents.api.shapes import PLAN_ID
from documents.api.webhooks import my_webhook, webhook_of_document
from documents.delivery import attempt
from documents.models import Delivery, Event, Webhook

router = Router()
mine = Router()

_TESTS_A_MINUTE = 10
_TESTS_AT_ONCE = 2  # of one user: each keeps a thread until the receiver has answered
_under_way = Places("that test webhooks of yours")


_DELIVERY: JsonDict = {
    "id": "f7d3a0b9-1c58-4e27-8b64-2a9e5c1d7f03",
    "event": "document.deleted",
    "state": "delivered",
    "created_at": "2026-11-21T10:00:00.120Z",
    "delivered_at": "2026-11-21T10:00:00.310Z",
    "next_attempt_at": None,
    "attempts": 1,
    "last_status": 204,
    "last_error": "",
    "last_ms": 87,
    "payload": {
        "type": "document.deleted",
        "timestamp": "2026-11-21T10:00:00.120Z",
        "data": {"document": {"id": PLAN_ID, "title": "Plan"}},
    },
}


class DeliveryOut(Schema):
    """``id`` is the ``webhook-id`` that was sent. ``state`` says whether more will be tried."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DELIVERY]})
    id: UUID
    event: str
    state: Literal["delivered", "pending", "failed"]
    created_at: datetime
    delivered_at: datetime | None
    next_attempt_at: datetime | None
    attempts: int
    last_status: int | None
    last_error: str
    last_ms: int | None
    payload: dict[str, Any]

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        fields = {name: getattr(delivery, name) for name in cls.model_fields if name != "state"}
        if delivery.delivered_at is not None:
            return cls(state="delivered", **fields)
        return cls(state="pending" if delivery.next_attempt_at else "failed", **fields)


class DeliveryList(Schema):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_DELIVERY], "next": None}]}
    )
    items: list[DeliveryOut]
    next: str | None


# -- Of a document's webhook --------------------------------------------------------------
@router.get("/{uuid:document_id}/webhooks/{uuid:webhook_id}/deliveries", response=DeliveryList)
def deliveries_of_document(
    request: HttpRequest,
    document_id: UUID,
    webhook_id: UUID,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> DeliveryList:
    """What a document's webhook was sent and what came of it, newest first."""
    webhook = webhook_of_document(request, document_id, webhook_id)
    return _deliveries(request, webhook, cursor, limit)


@router.post("/{uuid:document_id}/webhooks/{uuid:webhook_id}/test", response=DeliveryOut)
def test_of_document(request: HttpRequest, document_id: UUID, webhook_id: UUID) -> DeliveryOut:
    """Send a document's webhook a ``test`` event now; the answer says what came of it."""
    return _tested(webhook_of_document(request, document_id, webhook_id))


@router.post(
    "/{uuid:document_id}/webhooks/{uuid:webhook_id}/deliveries/{uuid:delivery_id}/redeliver",
    response={202: DeliveryOut},
)
def redeliver_of_document(
    request: HttpRequest, document_id: UUID, webhook_id: UUID, delivery_id: UUID
) -> Status[DeliveryOut]:
    """Send a document's webhook a message again, under the same id, whatever came of it before."""
    return _redelivered(webhook_of_document(request, document_id, webhook_id), delivery_id)


# -- Of yours -----------------------------------------------------------------------------
@mine.get("/webhooks/{uuid:webhook_id}/deliveries", response=DeliveryList)
def deliveries_of_mine(
    request: HttpRequest, webhook_id: UUID, cursor: Cursor = "", limit: Limit = 50
) -> DeliveryList:
    """What a webhook of yours was sent and what came of it, newest first."""
    return _deliveries(request, my_webhook(request, webhook_id), cursor, limit)


@mine.post("/webhooks/{uuid:webhook_id}/test", response=DeliveryOut)
def test_mine(request: HttpRequest, webhook_id: UUID) -> DeliveryOut:
    """Send a webhook of yours a ``test`` event now; the answer says what came of it."""
    return _tested(my_webhook(request, webhook_id))


@mine.post(
    "/webhooks/{uuid:webhook_id}/deliveries/{uuid:delivery_id}/redeliver",
    response={202: DeliveryOut},
)
def redeliver_mine(
    request: HttpRequest, webhook_id: UUID, delivery_id: UUID
) -> Status[DeliveryOut]:
    """Send a webhook of yours a message again, under the same id, whatever came of it before."""
    return _redelivered(my_webhook(request, webhook_id), delivery_id)


# -- Both ---------------------------------------------------------------------------------
def _deliveries(request: HttpRequest, webhook: Webhook, cursor: str, limit: int) -> DeliveryList:
    found = webhook.deliveries.all()
    items, next_url = page_of(request, found, "-created_at", "-id", cursor=cursor, limit=limit)
    return DeliveryList(items=[DeliveryOut.of(each) for each in items], next=next_url)


def _tested(webhook: Webhook) -> DeliveryOut:
    now = timezone.now()
    minute = webhook.deliveries.filter(event=Event.TEST, created_at__gt=now - timedelta(minutes=1))
    if minute.count() >= _TESTS_A_MINUTE:
        raise TooManyRequests(f"a webhook may be tested {_TESTS_A_MINUTE} times a minute")
    delivery = Delivery(
        webhook=webhook,
        event=Event.TEST,
        payload={
            "type": "test",
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "data": {},
        },
    )
    close_old_connections()  # others need it while we wait for the receiver
    async_to_sync(_attempt_now)(delivery)
    delivery.refresh_from_db()
    return DeliveryOut.of(delivery)


async def _attempt_now(delivery: Delivery) -> None:
    # On the event loop, where nobody comes between looking for a place and taking it.
    with _under_way.one(delivery.webhook.user_id, _TESTS_AT_ONCE):
        await in_database_thread(delivery.save)()
        await attempt(delivery.pk)


def _redelivered(webhook: Webhook, delivery_id: UUID) -> Status[DeliveryOut]:
    delivery = webhook.deliveries.filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound("no such delivery; the log is kept for a while only")
    delivery.attempts, delivery.delivered_at = 0, None
    delivery.next_attempt_at = timezone.now()
    delivery.save(update_fields=["attempts", "delivered_at", "next_attempt_at"])
    return Status(202, DeliveryOut.of(delivery))
