"""Attachments that no content refers to: noticed, kept for a grace time, then deleted.

Run by ``manage.py compact``, outside the servers. The grace time is for undo: a picture comes
back with the block that showed it. Files without a row are what a crash has left.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from documents import versions
from documents.attachments import delete_file, storage
from documents.models import Attachment, Document, Version
from documents.models.attachment import key_of
from documents.sync import log
from documents.sync.panics import panics_as_errors
from documents.sync.replica import EMPTY_STATE_VECTOR
from documents.sync.salvage import load_what_can_be

logger = logging.getLogger(__name__)

_LOOK_AGAIN = timedelta(hours=1)  # at one document; it costs as much as folding its log
_AT_ONCE = 100
# A file is older than its row: by the time that an upload takes, not by a day.
_STRAY_AFTER = timedelta(days=1)


def collect(*, now: datetime, grace: timedelta) -> None:
    """Look at documents that have changed since they were last looked at; delete what is due."""
    for document_id in _due(now, grace):
        try:
            with panics_as_errors():
                _collect_from(document_id, now, grace)
        except Exception:  # one damaged document must not keep the others' files
            logger.exception("attachments not looked at", extra={"document": document_id})
            Attachment.objects.filter(document_id=document_id).update(checked_at=now)


def _due(now: datetime, grace: timedelta) -> list[UUID]:
    has_changed = Q(checked_head__lt=F("document__head"))
    has_expired = Q(unreferenced_since__lt=now - grace)
    return list(
        Attachment.objects.filter(has_changed | has_expired, checked_at__lt=now - _LOOK_AGAIN)
        .order_by("document_id")
        .values_list("document_id", flat=True)
        .distinct()[:_AT_ONCE]
    )


def _collect_from(document_id: UUID, now: datetime, grace: timedelta) -> None:
    stored = log.read(document_id)
    referred_to = _referred_to(document_id, stored)
    with transaction.atomic():
        # Under the lock that edits are appended under: nobody refers to it meanwhile.
        document = Document.objects.select_for_update().filter(id=document_id).first()
        if document is None:
            return
        attachments = Attachment.objects.filter(document_id=document_id)
        attachments.update(checked_at=now)
        if document.head != stored.head:
            return  # somebody is writing: there is no hurry
        attachments.update(checked_head=stored.head)
        for attachment in attachments:
            _judge(attachment, attachment.id in referred_to, now, grace)


def _referred_to(document_id: UUID, stored: log.Stored) -> set[UUID]:
    """The attachments that something of a document refers to."""
    ids = list(Attachment.objects.filter(document_id=document_id).values_list("id", flat=True))
    # Not by the blocks' addresses alone: whatever a client keeps in a root of its own counts too.
    return {
        each
        for state in _states_of(document_id, stored)
        for each in ids
        if str(each).encode() in state
    }


def _states_of(document_id: UUID, stored: log.Stored) -> Iterator[bytes]:
    """The present and all versions, one by one: encoded, and without what was deleted."""
    if stored.parts:
        replica, left_out = load_what_can_be(stored.parts)
        yield replica.difference(EMPTY_STATE_VECTOR)
        yield from left_out  # nobody is shown it, but it may yet be mended
    for version in Version.objects.filter(document_id=document_id).iterator(chunk_size=1):
        yield versions.state_of(version)


def _judge(attachment: Attachment, is_referred_to: bool, now: datetime, grace: timedelta) -> None:
    if is_referred_to:
        _mark(attachment, None)
    elif attachment.unreferenced_since is None:
        _mark(attachment, now)
    elif attachment.unreferenced_since < now - grace:
        extra = {"document": attachment.document_id, "attachment": attachment.id}
        logger.info("attachment collected", extra=extra)
        attachment.delete()


def _mark(attachment: Attachment, unreferenced_since: datetime | None) -> None:
    if attachment.unreferenced_since != unreferenced_since:
        attachment.unreferenced_since = unreferenced_since
        attachment.save(update_fields=["unreferenced_since"])


def delete_strays(*, now: datetime) -> None:
    """Delete files of ours that no row knows. Lists the whole storage: once an hour is plenty.

    What does not bear a name that we would give is left alone.
    """
    try:
        folders, _ = storage().listdir("")
    except (FileNotFoundError, NotImplementedError):  # nothing yet, or it cannot list
        return
    for folder in folders:
        _, names = storage().listdir(folder)
        found = {each for name in names if (each := _id_of(folder, name)) is not None}
        known = Attachment.objects.filter(id__in=found).values_list("id", flat=True)
        for attachment_id in sorted(found.difference(known)):
            _delete_if_old(key_of(attachment_id), now)


def _id_of(folder: str, name: str) -> UUID | None:
    try:
        attachment_id = UUID(hex=name)
    except ValueError:
        return None
    return attachment_id if key_of(attachment_id) == f"{folder}/{name}" else None


def _delete_if_old(key: str, now: datetime) -> None:
    try:
        is_old = storage().get_modified_time(key) < now - _STRAY_AFTER
    except FileNotFoundError:
        return  # another worker was faster
    if is_old:
        logger.info("stray file deleted", extra={"key": key})
        delete_file(key)
