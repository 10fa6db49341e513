"""What requests tell the rooms of a document, in whichever process they are.

After the commit, so that a room which asks the database finds what it was told of. The
layer may lose it or be away: that is logged and never fails the request.
"""

import asyncio
import logging
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import channel_layers
from django.db import transaction
from django.utils import timezone

from documents.models import AccessChange
from documents.sync import log
from documents.sync.bus import PEOPLE_GROUP, Layer, group_of
from documents.sync.underway import Suspect

logger = logging.getLogger(__name__)

_TIMEOUT_S = 2.0
_KEPT = timedelta(hours=1)


def tell_rooms(document_id: UUID, message: dict[str, Any]) -> None:
    """Send a message to the rooms of a document once the transaction has committed."""
    transaction.on_commit(partial(_send, group_of(document_id), message))


def access_changed(*, document_id: UUID | None = None, user_id: int | None = None) -> None:
    """Let rooms ask again what members may do: of one document, or of one user everywhere.

    Written down as well, because the layer may lose it (see ``documents.sync.withdrawals``).
    """
    AccessChange.objects.filter(at__lt=timezone.now() - _KEPT).delete()
    AccessChange.objects.create(document_id=document_id, user_id=user_id)
    if document_id is not None:
        tell_rooms(document_id, {"type": "access.changed"})
    if user_id is not None:
        message = {"type": "access.changed", "user": user_id}
        transaction.on_commit(partial(_send, PEOPLE_GROUP, message))


def quarantine_suspect(suspect: Suspect) -> None:
    """Set aside what a process crashed or stalled over; all rooms refuse it from now on."""
    log.quarantine(
        suspect.document_id, suspect.update, reason=suspect.traceback, ended_process=True
    )
    extra = {"document": suspect.document_id, "bytes": len(suspect.update)}
    logger.error("update quarantined", extra=extra)
    tell_rooms(suspect.document_id, {"type": "document.fatal"})


def tell_event(document_id: UUID, event: str, data: dict[str, Any]) -> None:
    """Something that a live page shows, for every member of the document."""
    tell_rooms(document_id, {"type": "document.event", "event": event, "data": data})


def _send(group: str, message: dict[str, Any]) -> None:
    try:
        async_to_sync(_group_send)(group, message)
    except Exception:  # redis-py, channels-redis and OSError have no base in common
        logger.exception("rooms not told", extra={"group": group, "kind": message["type"]})


async def _group_send(group: str, message: dict[str, Any]) -> None:
    layer: Layer = channel_layers[DEFAULT_CHANNEL_LAYER]
    await asyncio.wait_for(layer.group_send(group, message), _TIMEOUT_S)
