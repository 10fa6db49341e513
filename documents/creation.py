"""How a document begins: its row and, as row 1 of its log, its first content.

A document is never empty: two editors that open an empty one would each write a first
paragraph, and both would stay.
"""

from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction

from collab.accounts.principal import principal_of_user
from documents.formats.tree import new_document_update
from documents.models import Document
from documents.sync import log


def create_document(
    owner: User,
    title: str,
    content: bytes | None = None,
    *,
    document_id: UUID | None = None,
) -> Document:
    """Create a document with this content, a full update, or with an empty paragraph.

    A row and no work: whoever has much content made the update of it, in the time it may take.
    """
    update = content or new_document_update([])
    seed = log.Row(update, owner.pk, principal_of_user(owner).name)
    with transaction.atomic():
        document = Document.objects.create(id=document_id or uuid4(), owner=owner, title=title)
        log.append({document.id: [seed]})
    document.refresh_from_db()
    return document
