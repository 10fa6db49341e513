"""The tables, one module per aggregate. Fields, constraints and questions about themselves."""

from documents.models.attachment import Attachment
from documents.models.document import Document
from documents.models.keyed_write import KeyedWrite
from documents.models.log import LogEntry, Quarantine, Snapshot
from documents.models.search import SearchText
from documents.models.sharing import AccessChange, AccessRequest, Membership, Role, ShareLink
from documents.models.star import Star
from documents.models.version import History, Version
from documents.models.webhook import Delivery, Event, Webhook

__all__ = [
    "AccessChange",
    "AccessRequest",
    "Attachment",
    "Delivery",
    "Document",
    "Event",
    "History",
    "KeyedWrite",
    "LogEntry",
    "Membership",
    "Quarantine",
    "Role",
    "SearchText",
    "ShareLink",
    "Snapshot",
    "Star",
    "Version",
    "Webhook",
]
