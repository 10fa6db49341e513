"""What happened to a document, written down for the webhooks of those who may know.

A row per webhook, in the transaction in which it happened; ``documents.delivery`` sends them.
Updates are noticed by looking at the log: whoever writes there need not know of webhooks.
"""

import logging
from collections.abc import Iterable
from copy import copy
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from collab.accounts.principal import principal_of_user
from documents.access import role_of
from documents.models import Delivery, Document, Event, Membership, Role, Webhook
from documents.sync import log

logger = logging.getLogger(__name__)

# Who has which role is shown to editors alone, here as in the API.
_LEAST = {Event.SHARED: Role.EDITOR}
_AT_ONCE = 100  # documents
_MAX_AUTHORS = 20


def tell(document: Document, event: Event, **data: Any) -> None:
    """Have the webhooks that listen be told. Within the caller's transaction; never content."""
    now = timezone.now()
    payload = {
        "type": event.value,
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {"document": {"id": str(document.id), "title": document.title}, **data},
    }
    Delivery.objects.bulk_create(
        Delivery(
            webhook=webhook, document=document, event=event, payload=payload, next_attempt_at=now
        )
        for webhook in _with_room(_listening(document, event))
        # Not only when it is sent: whose webhook it is reads the payload in its log, sent or not.
        if may_hear(webhook, document, event)
    )


def _with_room(webhooks: list[Webhook]) -> list[Webhook]:
    """Without those whose users have as many messages waiting as there may be."""
    if not webhooks:
        return []
    users = {webhook.user_id for webhook in webhooks}
    waiting = Delivery.objects.filter(
        webhook__user__in=users, webhook__is_enabled=True, next_attempt_at__isnull=False
    )
    full = {
        user_id
        for user_id, count in waiting.values_list("webhook__user").annotate(Count("pk"))
        if count >= settings.COLLAB.max_webhook_queue
    }
    if full:
        logger.warning("webhooks not told: too much waits", extra={"users": sorted(full)})
    return [webhook for webhook in webhooks if webhook.user_id not in full]


def may_hear(webhook: Webhook, document: Document, event: Event) -> bool:
    """Whether this webhook's user may know of it by now. Into the trash: as it was before."""
    if not webhook.user.is_active:
        return False
    if event is Event.DELETED:
        document = copy(document)
        document.deleted_at = None
    role = role_of(principal_of_user(webhook.user), document)
    return role is not None and role >= _LEAST.get(event, Role.VIEWER)


def tell_of_updates(now: datetime) -> int:
    """Have those be told whose documents were written to and have come to rest; how many were.

    As many processes may do this at the same time as like to.
    """
    conf = settings.COLLAB
    due = log.unannounced(
        quiet=timedelta(seconds=conf.webhook_quiet_s),
        at_latest=timedelta(seconds=conf.webhook_at_latest_s),
        now=now,
        limit=_AT_ONCE,
    )
    for document in due:
        with transaction.atomic():
            since, head = document.announced, document.head
            if log.note_announced(document.id, since=since, head=head):
                authors = _authors(
                    log.authors(document.id, after=since, up_to=head, limit=_MAX_AUTHORS)
                )
                tell(document, Event.UPDATED, since=since, head=head, authors=authors)
    return len(due)


def _authors(found: Iterable[tuple[int | None, str]]) -> list[dict[str, str | None]]:
    return [
        {"id": f"user:{user_id}" if user_id is not None else None, "name": name}
        for user_id, name in found
        if name
    ]


def _listening(document: Document, event: Event) -> list[Webhook]:
    """Of this document, and of everybody who owns it or is in it."""
    members = Membership.objects.filter(document=document).values("user_id")
    everywhere = Q(document=None) & (Q(user_id=document.owner_id) | Q(user_id__in=members))
    found = Webhook.objects.filter(Q(document=document) | everywhere, is_enabled=True)
    listening = found.select_related("user__profile")
    return [webhook for webhook in listening if event in webhook.events]
