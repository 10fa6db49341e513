"""What requests tell the rooms of a document, in whichever process they are.

After the commit, so that a room which asks the database finds what it was told of. The
layer may lose it or be away: that is logged and never fails the request.
"""

import asyncio
import logging
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import channel_layers
from django.db import transaction

from documents.sync.bus import Layer, group_of

logger = logging.getLogger(__name__)

_TIMEOUT_S = 2.0


def tell_rooms(document_id: UUID, message: dict[str, Any]) -> None:
    """Send a message to the rooms of a document once the transaction has committed."""
    transaction.on_commit(partial(_send, document_id, message))


def tell_event(document_id: UUID, event: str, data: dict[str, Any]) -> None:
    """Something that a live page shows, for every member of the document."""
    tell_rooms(document_id, {"type": "document.event", "event": event, "data": data})


def _send(document_id: UUID, message: dict[str, Any]) -> None:
    try:
        async_to_sync(_group_send)(group_of(document_id), message)
    except Exception:  # redis-py, channels-redis and OSError have no base in common
        logger.exception("rooms not told", extra={"document": document_id, "kind": message["type"]})


async def _group_send(group: str, message: dict[str, Any]) -> None:
    layer: Layer = channel_layers[DEFAULT_CHANNEL_LAYER]
    await asyncio.wait_for(layer.group_send(group, message), _TIMEOUT_S)
