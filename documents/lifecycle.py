"""A document's life after its creation: renamed, put into the trash, taken out of it."""

from django.db import transaction
from django.utils import timezone

from documents.announce import access_changed, tell_event
from documents.models import Document, Event
from documents.webhooks import tell


def rename(document: Document, title: str) -> None:
    """Open pages show the new title at once."""
    document.title, document.updated_at = title, timezone.now()
    with transaction.atomic():
        document.save(update_fields=["title", "updated_at"])
        tell_event(document.id, "title", {"title": title})


def trash(document: Document) -> None:
    """Everybody but the owner loses it; its rooms send their members away. Twice is once."""
    if not document.is_deleted:
        _set_deleted(document, deleted=True)


def restore(document: Document) -> None:
    """Out of the trash, with everybody's access as it was. Twice is once."""
    if document.is_deleted:
        _set_deleted(document, deleted=False)


def _set_deleted(document: Document, *, deleted: bool) -> None:
    document.deleted_at = timezone.now() if deleted else None
    with transaction.atomic():
        document.save(update_fields=["deleted_at"])
        access_changed(document_id=document.id)
        tell(document, Event.DELETED if deleted else Event.RESTORED)
