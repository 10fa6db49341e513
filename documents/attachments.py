"""Files of documents: checked by content, stored under a random name, deleted with their row.

The file is written first and the row after it: a crash in between leaves a file that nobody
refers to, which ``documents.orphans`` finds. Who may do what is asked by the callers.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.db.models.signals import post_delete
from django.dispatch import receiver

from collab import metrics
from collab.accounts.principal import Principal
from collab.errors import CollabError, NotFound, ProtocolError, TooLarge, Unavailable
from documents import media
from documents.models import Attachment, Document

logger = logging.getLogger(__name__)


class TypeRefused(CollabError):
    """A file of a kind that this service does not keep."""

    close_code, status, code = 4400, 415, "type-refused"


class NoRoom(TooLarge):
    """The document, or its owner, has as many bytes of files as there may be."""

    code = "no-room"


def storage() -> Storage:
    """Where the bytes are: by default a folder, see ATTACHMENTS_STORAGE."""
    return storages["attachments"]


@contextmanager
def storage_errors(words: str) -> Iterator[None]:
    """Raises Unavailable for whatever a storage fails with: each has errors of its own."""
    try:
        yield
    except Exception as error:
        logger.exception("storage of files failed")
        raise Unavailable(words) from error


def store(document: Document, content: "File[bytes]", name: str, uploader: Principal) -> Attachment:
    """Keep a file.

    Raises TooLarge, NoRoom, TypeRefused, ProtocolError, NotFound or Unavailable.
    """
    try:
        attachment = _store(document, content, name, uploader)
    except CollabError as error:
        metrics.UPLOADS.labels(error.code).inc()
        raise
    metrics.UPLOADS.labels("stored").inc()
    return attachment


def _store(
    document: Document, content: "File[bytes]", name: str, uploader: Principal
) -> Attachment:
    size = content.size
    _check_size(size)
    facts = _examined(content)
    _check_room(document, size)
    width, height = facts.size or (None, None)
    attachment = Attachment(
        document=document,
        name=media.clean_name(name),
        type=facts.type,
        size=size,
        width=width,
        height=height,
        uploaded_by_id=uploader.user_id,
    )
    try:
        with storage_errors("files cannot be kept at the moment; try again"):
            storage().save(attachment.key, content)
        _insert(attachment)
    except Exception:  # whatever it is goes on; only the file, or half of it, must not stay
        delete_file(attachment.key)
        raise
    return attachment


def _check_size(size: int) -> None:
    """Raises TooLarge, or ProtocolError for nothing at all."""
    limit = settings.COLLAB.max_attachment_bytes
    if size > limit:
        raise TooLarge(f"a file may have {limit:,} bytes; this one has more")
    if size == 0:
        raise ProtocolError("the file is empty")


def _examined(content: "File[bytes]") -> media.Facts:
    content.seek(0)
    facts = media.examine(content.read(media.HEAD_BYTES))
    content.seek(0)
    if facts.is_program:
        raise TypeRefused("programs are not kept here; put it into an archive if you must")
    if not media.is_allowed(facts.type, settings.COLLAB.attachment_types):
        kept = ", ".join(settings.COLLAB.attachment_types)
        raise TypeRefused(f"by its content the file is {facts.type}; kept are {kept}")
    if facts.size is not None:
        width, height = facts.size
        limit = settings.COLLAB.max_image_pixels
        if width * height > limit:  # every reader's browser would have to unpack it
            raise TooLarge(f"the picture has {width:,} × {height:,} pixels; {limit:,} are allowed")
    return facts


def _insert(attachment: Attachment) -> None:
    with transaction.atomic():
        # One after the other, so that many at once cannot all find room, in whichever of the
        # owner's documents.
        owner = User.objects.filter(documents=attachment.document_id)
        owner.select_for_update(of=("self",), no_key=True).first()
        document = Document.objects.select_for_update().filter(id=attachment.document_id).first()
        if document is None:
            raise NotFound("the document has been deleted meanwhile")
        _check_room(document, attachment.size)
        attachment.save(force_insert=True)


def _check_room(document: Document, size: int) -> None:
    conf = settings.COLLAB
    in_document = Attachment.objects.filter(document=document)
    if _bytes_of(in_document) + size > conf.max_document_attachments_bytes:
        limit = conf.max_document_attachments_bytes
        raise NoRoom(f"the files of one document may have {limit:,} bytes together")
    # The owner's, whoever uploads: guests with a link have no account to be counted by.
    of_owner = Attachment.objects.filter(document__owner_id=document.owner_id)
    if _bytes_of(of_owner) + size > conf.max_owner_attachments_bytes:
        limit = conf.max_owner_attachments_bytes
        raise NoRoom(f"the files of one owner's documents may have {limit:,} bytes together")


def _bytes_of(attachments: QuerySet[Attachment]) -> int:
    total: int | None = attachments.aggregate(total=Sum("size"))["total"]
    return total or 0


@receiver(post_delete, sender=Attachment)
def _row_deleted(instance: Attachment, **signal: Any) -> None:
    """By hand, as an orphan, or with its document, by whoever deletes that."""
    transaction.on_commit(partial(delete_file, instance.key))


def delete_file(key: str) -> None:
    """Never fails: what stays is found by ``documents.orphans``."""
    try:
        storage().delete(key)
    except Exception:  # each storage has errors of its own
        logger.exception("file not deleted", extra={"key": key})
