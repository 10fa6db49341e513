"""webhooks: of one document under documents/{id}/, of all that are yours under me/.

A webhook is its creator's alone. The owner of a document sees which hosts learn of it, and may
remove them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import ConfigDict, Field, HttpUrl
from pydantic.config import JsonDict

from collab.accounts.principal import asking
from collab.errors import CollabError, NoAccess, NotFound
from collab.openapi import described
from collab.outbound import check_url
from collab.paging import MOST, Cursor, Limit, page_of
from documents.access import own_role_of
from documents.api.authorize import open_document, signed_in
from documents.api.shapes import ANNA, PLAN_ID, Person
from documents.models import Document, Role, Webhook

router = Router()
mine = Router()


class TooManyWebhooks(CollabError):
    """One more than anybody may have: remove one that is not used."""

    status, code = 409, "too-many-webhooks"


# -- Shapes ---------------------------------------------------------------------------------
EventName = Literal["document.updated", "document.shared", "document.deleted", "document.restored"]
Events = Annotated[list[EventName], Field(min_length=1, max_length=10)]


_ADDRESS: JsonDict = {
    "url": "https://ci.example.org/hook",
    "events": ["document.updated", "document.deleted"],
}
_WEBHOOK: JsonDict = {
    "id": "c4a8d1f2-7b3e-4f6a-9d20-e1b5c7f80a36",
    "document": PLAN_ID,
    "by": ANNA,
    **_ADDRESS,
    "enabled": True,
    "disabled_reason": "",
    "failing_since": None,
    "created_at": "2026-11-21T09:50:00Z",
}


class NewWebhook(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_ADDRESS]})
    url: HttpUrl
    events: Events


class WebhookChange(Schema):
    """What is left out stays as it is. ``enabled: true`` forgets earlier failures."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"enabled": True}]})
    url: HttpUrl | None = None
    events: Events | None = None
    enabled: bool | None = None


class WebhookOut(Schema):
    """``document`` is null for all documents of ``by``. Of others' the owner sees the host."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WEBHOOK]})
    id: UUID
    document: UUID | None
    by: Person
    url: str
    events: list[str]
    enabled: bool
    disabled_reason: str
    failing_since: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, webhook: Webhook, reader: User, **more: Any) -> Self:
        is_theirs = webhook.user_id == reader.pk
        return cls(
            id=webhook.pk,
            document=webhook.document_id,
            by=Person.of(webhook.user),
            # The path is often a secret: whoever knows it may post there.
            url=webhook.url if is_theirs else urljoin(webhook.url, "/…"),
            events=webhook.events,
            enabled=webhook.is_enabled,
            disabled_reason=webhook.disabled_reason,
            failing_since=webhook.failing_since,
            created_at=webhook.created_at,
            **more,
        )


class NewWebhookOut(WebhookOut):
    """``secret`` signs what we send; it is shown this once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_WEBHOOK, "secret": "whsec_q2Vwb9Jr0m5sXk1ZtYd7uL3fHc8gNaE4"}]
        }
    )
    secret: str


class WebhookList(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_WEBHOOK], "next": None}]})
    items: list[WebhookOut]
    next: str | None


# -- Of one document ------------------------------------------------------------------------
@router.get("/{uuid:document_id}/webhooks", response=WebhookList)
def list_of_document(
    request: HttpRequest, document_id: UUID, cursor: Cursor = "", limit: Limit = MOST
) -> WebhookList:
    """The webhooks of a document: yours; the owner sees everybody's."""
    document, role = open_document(request, document_id)
    reader = signed_in(request)
    found = document.webhooks.all()
    found = found if role >= Role.OWNER else found.filter(user=reader)
    return _listed(request, found, reader, cursor, limit)


@router.post(
    "/{uuid:document_id}/webhooks", response={201: NewWebhookOut}, openapi_extra=described(409)
)
def create_of_document(
    request: HttpRequest, document_id: UUID, body: NewWebhook
) -> Status[NewWebhookOut]:
    """Tell an address of what happens to this document, for as long as you may read it."""
    document, _ = open_document(request, document_id)
    user = signed_in(request)
    if own_role_of(asking(request), document) is None:
        raise NoAccess("this needs a role of your own; a link is not enough")
    return _created(user, document, body)


@router.get("/{uuid:document_id}/webhooks/{uuid:webhook_id}", response=WebhookOut)
def get_of_document(request: HttpRequest, document_id: UUID, webhook_id: UUID) -> WebhookOut:
    """A webhook of a document, if it is yours."""
    webhook = webhook_of_document(request, document_id, webhook_id)
    return WebhookOut.of(webhook, webhook.user)


@router.patch("/{uuid:document_id}/webhooks/{uuid:webhook_id}", response=WebhookOut)
def change_of_document(
    request: HttpRequest, document_id: UUID, webhook_id: UUID, body: WebhookChange
) -> WebhookOut:
    """Change a webhook of a document, or switch it off and on."""
    return _changed(webhook_of_document(request, document_id, webhook_id), body)


@router.delete("/{uuid:document_id}/webhooks/{uuid:webhook_id}", response={204: None})
def delete_of_document(request: HttpRequest, document_id: UUID, webhook_id: UUID) -> Status[None]:
    """Delete a webhook of a document: yours; the owner removes anybody's."""
    document, role = open_document(request, document_id)
    found = document.webhooks.filter(pk=webhook_id)
    if role < Role.OWNER:
        found = found.filter(user=signed_in(request))
    _only(found).delete()
    return Status(204, None)


def webhook_of_document(request: HttpRequest, document_id: UUID, webhook_id: UUID) -> Webhook:
    """The asker's own. Raises NotFound for anybody else's."""
    document, _ = open_document(request, document_id)
    return _only(document.webhooks.filter(pk=webhook_id, user=signed_in(request)))


# -- Yours ----------------------------------------------------------------------------------
@mine.get("/webhooks", response=WebhookList)
def list_mine(request: HttpRequest, cursor: Cursor = "", limit: Limit = MOST) -> WebhookList:
    """All webhooks that you have made, those of single documents too."""
    user = signed_in(request)
    return _listed(request, Webhook.objects.filter(user=user), user, cursor, limit)


@mine.post("/webhooks", response={201: NewWebhookOut}, openapi_extra=described(409))
def create_mine(request: HttpRequest, body: NewWebhook) -> Status[NewWebhookOut]:
    """Tell an address of what happens to all documents that you own or are a member of."""
    return _created(signed_in(request), None, body)


@mine.get("/webhooks/{uuid:webhook_id}", response=WebhookOut)
def get_mine(request: HttpRequest, webhook_id: UUID) -> WebhookOut:
    """A webhook of yours."""
    webhook = my_webhook(request, webhook_id)
    return WebhookOut.of(webhook, webhook.user)


@mine.patch("/webhooks/{uuid:webhook_id}", response=WebhookOut)
def change_mine(request: HttpRequest, webhook_id: UUID, body: WebhookChange) -> WebhookOut:
    """Change a webhook of yours, or switch it off and on."""
    return _changed(my_webhook(request, webhook_id), body)


@mine.delete("/webhooks/{uuid:webhook_id}", response={204: None})
def delete_mine(request: HttpRequest, webhook_id: UUID) -> Status[None]:
    """Delete a webhook of yours."""
    my_webhook(request, webhook_id).delete()
    return Status(204, None)


def my_webhook(request: HttpRequest, webhook_id: UUID) -> Webhook:
    """The asker's own. Raises NotFound for anybody else's."""
    return _only(Webhook.objects.filter(pk=webhook_id, user=signed_in(request)))


# -- Both -----------------------------------------------------------------------------------
def _only(found: QuerySet[Webhook]) -> Webhook:
    webhook = found.select_related("user__profile").first()
    if webhook is None:
        raise NotFound("no such webhook, or it is somebody else's")
    return webhook


def _listed(
    request: HttpRequest, found: QuerySet[Webhook], reader: User, cursor: str, limit: int
) -> WebhookList:
    found = found.select_related("user__profile")
    rows, next_url = page_of(request, found, "created_at", "id", cursor=cursor, limit=limit)
    return WebhookList(items=[WebhookOut.of(each, reader) for each in rows], next=next_url)


def _created(user: User, document: Document | None, body: NewWebhook) -> Status[NewWebhookOut]:
    host, most = _checked(body.url), settings.COLLAB.max_webhooks_per_user
    with transaction.atomic():
        # One after the other, so that many at once cannot all be the last.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if Webhook.objects.filter(user=user).count() >= most:
            raise TooManyWebhooks(f"nobody may have more than {most:,} webhooks")
        webhook = Webhook.objects.create(
            user=user,
            document=document,
            url=str(body.url),
            host=host,
            events=_each_once(body.events),
        )
    return Status(201, NewWebhookOut.of(webhook, user, secret=webhook.secret))


def _changed(webhook: Webhook, body: WebhookChange) -> WebhookOut:
    if body.url is not None:
        webhook.url, webhook.host = str(body.url), _checked(body.url)
    if body.events is not None:
        webhook.events = _each_once(body.events)
    if body.enabled is not None:
        webhook.is_enabled = body.enabled
        webhook.disabled_reason, webhook.failing_since = "", None
    webhook.save()
    return WebhookOut.of(webhook, webhook.user)


def _checked(url: HttpUrl) -> str:
    conf = settings.COLLAB
    return check_url(
        str(url), allowed=conf.webhook_allowed_networks, insecure=conf.webhook_insecure
    )


def _each_once(events: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(events))
