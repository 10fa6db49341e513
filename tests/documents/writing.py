"""Rows for a document's log, as if people had typed them at certain times."""

import secrets
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from documents import versions
from documents.content import Format, render
from documents.formats.difference import update_for
from documents.models import Document, LogEntry, Version
from documents.sync import log
from documents.sync.replica import merge

MUCH = "word " * 300  # more than may be lost without a version of it


def paragraphs(*texts: str) -> list[dict[str, Any]]:
    """The same ids for the same places."""
    return [
        {"id": f"p{place}", "type": "paragraph", "content": text}
        for place, text in enumerate(texts)
    ]


def write(
    document: Document,
    *texts: str,
    by: User | None = None,
    name: str = "",
    at: datetime | None = None,
) -> int:
    """One more committed row, after which the document has these paragraphs; its number."""
    state = merge(log.read(document.id).parts)
    update = update_for(state, lambda old: paragraphs(*texts), client_id=secrets.randbits(32))
    row = log.Row(update, by.pk if by else None, name or (by.username if by else ""))
    head = log.append({document.id: [row]})[document.id]
    if at is not None:
        LogEntry.objects.filter(document=document, seq=head).update(created_at=at)
        Document.objects.filter(id=document.id).update(updated_at=at)
    return head


def text_of(version: Version) -> str:
    return render([versions.state_of(version)], Format.TEXT).decode()


def history(document: Document) -> list[Version]:
    """The versions, oldest first."""
    return list(versions.in_order(document.id).reverse())
