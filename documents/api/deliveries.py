"""deliveries: what a webhook was sent and what came of it; sent again, or for a test."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import close_old_connections
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import Field

from collab.errors import NotFound, TooManyRequests
from documents.api.paging import page_of
from documents.api.webhooks import my_webhook, webhook_of_document
from documents.delivery import attempt
from documents.models import Delivery, Event, Webhook

router = Router()
mine = Router()

_TESTS_A_MINUTE = 10


class DeliveryOut(Schema):
    """``id`` is the ``webhook-id`` that was sent. ``state`` says whether more will be tried."""

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
    items: list[DeliveryOut]
    next: str | None


Cursor = Annotated[str, Query()]
Limit = Annotated[int, Query(), Field(ge=1, le=100)]


# -- Of a document's webhook --------------------------------------------------------------
@router.get("/{uuid:document_id}/webhooks/{uuid:webhook_id}/deliveries", response=DeliveryList)
def deliveries_of_document(
    request: HttpRequest,
    document_id: UUID,
    webhook_id: UUID,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> DeliveryList:
    """What was sent and what came of it, newest first."""
    webhook = webhook_of_document(request, document_id, webhook_id)
    return _deliveries(request, webhook, cursor, limit)


@router.post("/{uuid:document_id}/webhooks/{uuid:webhook_id}/test", response=DeliveryOut)
def test_of_document(request: HttpRequest, document_id: UUID, webhook_id: UUID) -> DeliveryOut:
    """Send a ``test`` event now; the answer says what came of it."""
    return _tested(webhook_of_document(request, document_id, webhook_id))


@router.post(
    "/{uuid:document_id}/webhooks/{uuid:webhook_id}/deliveries/{uuid:delivery_id}/redeliver",
    response={202: DeliveryOut},
)
def redeliver_of_document(
    request: HttpRequest, document_id: UUID, webhook_id: UUID, delivery_id: UUID
) -> Status[DeliveryOut]:
    """Send it again, under the same id, whatever came of it before."""
    return _redelivered(webhook_of_document(request, document_id, webhook_id), delivery_id)


# -- Of yours -----------------------------------------------------------------------------
@mine.get("/webhooks/{uuid:webhook_id}/deliveries", response=DeliveryList)
def deliveries_of_mine(
    request: HttpRequest, webhook_id: UUID, cursor: Cursor = "", limit: Limit = 50
) -> DeliveryList:
    """What was sent and what came of it, newest first."""
    return _deliveries(request, my_webhook(request, webhook_id), cursor, limit)


@mine.post("/webhooks/{uuid:webhook_id}/test", response=DeliveryOut)
def test_mine(request: HttpRequest, webhook_id: UUID) -> DeliveryOut:
    """Send a ``test`` event now; the answer says what came of it."""
    return _tested(my_webhook(request, webhook_id))


@mine.post(
    "/webhooks/{uuid:webhook_id}/deliveries/{uuid:delivery_id}/redeliver",
    response={202: DeliveryOut},
)
def redeliver_mine(
    request: HttpRequest, webhook_id: UUID, delivery_id: UUID
) -> Status[DeliveryOut]:
    """Send it again, under the same id, whatever came of it before."""
    return _redelivered(my_webhook(request, webhook_id), delivery_id)


# -- Both ---------------------------------------------------------------------------------
def _deliveries(request: HttpRequest, webhook: Webhook, cursor: str, limit: int) -> DeliveryList:
    found = webhook.deliveries.all()
    items, next_url = page_of(request, found, "created_at", cursor=cursor, limit=limit)
    return DeliveryList(items=[DeliveryOut.of(each) for each in items], next=next_url)


def _tested(webhook: Webhook) -> DeliveryOut:
    now = timezone.now()
    minute = webhook.deliveries.filter(event=Event.TEST, created_at__gt=now - timedelta(minutes=1))
    if minute.count() >= _TESTS_A_MINUTE:
        raise TooManyRequests(f"a webhook may be tested {_TESTS_A_MINUTE} times a minute")
    delivery = Delivery.objects.create(
        webhook=webhook,
        event=Event.TEST,
        payload={"type": "test", "timestamp": now.isoformat().replace("+00:00", "Z"), "data": {}},
    )
    close_old_connections()  # others need it while we wait for the receiver
    async_to_sync(attempt)(delivery.pk)
    delivery.refresh_from_db()
    return DeliveryOut.of(delivery)


def _redelivered(webhook: Webhook, delivery_id: UUID) -> Status[DeliveryOut]:
    delivery = webhook.deliveries.filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound("no such delivery; the log is kept for a while only")
    delivery.attempts, delivery.delivered_at = 0, None
    delivery.next_attempt_at = timezone.now()
    delivery.save(update_fields=["attempts", "delivered_at", "next_attempt_at"])
    return Status(202, DeliveryOut.of(delivery))
