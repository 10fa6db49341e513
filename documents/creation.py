"""How a document begins: its row and, as row 1 of its log, its first content.

A document is never empty: two editors that open an empty one would each write a first
paragraph, and both would stay.
"""

from collections.abc import Sequence
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction

from collab.accounts.principal import principal_of_user
from documents.formats.blocks import Block
from documents.formats.tree import new_document_update
from documents.models import Document
from documents.sync import log


def create_document(
    owner: User,
    title: str,
    blocks: Sequence[Block] | None = None,
    *,
    document_id: UUID | None = None,
) -> Document:
    """Create a document with these blocks, or with an empty paragraph. Raises InvalidContent."""
    seed = log.Row(new_document_update(blocks or []), owner.pk, principal_of_user(owner).name)
    with transaction.atomic():
        document = Document.objects.create(id=document_id or uuid4(), owner=owner, title=title)
        log.append({document.id: [seed]})
    document.refresh_from_db()
    return document
