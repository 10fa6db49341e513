"""attachments: the files of a document: upload, list, look at, delete. Served: ``downloads``."""

from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Self
from uuid import UUID

from django.conf import settings
from django.core.files.base import File
from django.http import HttpRequest
from ninja import File as FileParameter
from ninja import Router, Schema
from ninja.files import UploadedFile
from ninja.responses import Status
from pydantic import ConfigDict
from pydantic.config import JsonDict

from collab.accounts.principal import asking
from collab.errors import NoAccess, NotFound, ProtocolError
from collab.openapi import described
from collab.paging import Cursor, Limit, page_of
from documents import attachments
from documents.access import own_role_of
from documents.api.authorize import open_document
from documents.api.shapes import ANNA, PLAN_ID, Person
from documents.media import name_in_address
from documents.models import Attachment, Role

router = Router()

_BLOCK_BYTES = 64 * 1024


_PICTURE_ID = "b2f9c6de-30a5-4d0c-8a7e-5b1f0e6d9c41"
_PICTURE: JsonDict = {
    "id": _PICTURE_ID,
    "name": "plan.png",
    "url": f"/api/v1/documents/{PLAN_ID}/attachments/{_PICTURE_ID}/plan.png",
    "type": "image/png",
    "size": 48211,
    "width": 1280,
    "height": 720,
    "created_at": "2026-11-21T09:45:00Z",
    "uploaded_by": ANNA,
}


class AttachmentOut(Schema):
    """``url`` is what blocks refer to; without the host, so that the service may move."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PICTURE]})
    id: UUID
    name: str
    url: str
    type: str
    size: int
    width: int | None
    height: int | None
    created_at: datetime
    uploaded_by: Person | None

    @classmethod
    def of(cls, attachment: Attachment) -> Self:
        path = f"/api/v1/documents/{attachment.document_id}/attachments/{attachment.id}"
        user = attachment.uploaded_by
        return cls(
            id=attachment.id,
            name=attachment.name,
            url=f"{path}/{name_in_address(attachment.name)}",
            type=attachment.type,
            size=attachment.size,
            width=attachment.width,
            height=attachment.height,
            created_at=attachment.created_at,
            uploaded_by=Person.of(user) if user is not None else None,
        )


class AttachmentList(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_PICTURE], "next": None}]})
    items: list[AttachmentOut]
    next: str | None


@router.post(
    "/{uuid:document_id}/attachments",
    response={201: AttachmentOut},
    openapi_extra=described(415),
)
def upload(
    request: HttpRequest,
    document_id: UUID,
    file: FileParameter[UploadedFile | None] = None,
    name: str = "",
) -> Status[AttachmentOut]:
    """Add a file: as ``file`` of a form, or as the whole body, with ``?name=``.

    Its type is found out from its content; what you call it is kept for people.
    """
    document, _ = open_document(request, document_id, at_least=Role.EDITOR)
    if file is not None:
        stored = attachments.store(document, file, name or file.name or "", asking(request))
    elif (request.content_type or "").startswith("multipart/"):
        raise ProtocolError("the form has no file called `file`")
    else:
        with SpooledTemporaryFile(settings.FILE_UPLOAD_MAX_MEMORY_SIZE) as body:
            _receive(request, body)
            stored = attachments.store(document, File(body), name, asking(request))
    return Status(201, AttachmentOut.of(stored))


@router.get("/{uuid:document_id}/attachments", response=AttachmentList)
def list_attachments(
    request: HttpRequest,
    document_id: UUID,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> AttachmentList:
    """All files of a document, oldest first, for editors: those not shown any more, too."""
    document, _ = open_document(request, document_id, at_least=Role.EDITOR)
    found = document.attachments.select_related("uploaded_by__profile")
    items, next_url = page_of(request, found, "created_at", "id", cursor=cursor, limit=limit)
    return AttachmentList(items=[AttachmentOut.of(each) for each in items], next=next_url)


@router.get("/{uuid:document_id}/attachments/{uuid:attachment_id}", response=AttachmentOut)
def get(request: HttpRequest, document_id: UUID, attachment_id: UUID) -> AttachmentOut:
    """What is known of a file."""
    return AttachmentOut.of(find(request, document_id, attachment_id))


@router.delete("/{uuid:document_id}/attachments/{uuid:attachment_id}", response={204: None})
def delete(request: HttpRequest, document_id: UUID, attachment_id: UUID) -> Status[None]:
    """Delete a file at once and for good, whether the content or a version refers to it or not.

    Not by a link alone: no history brings a file back, and nobody could be asked for it.
    """
    attachment = find(request, document_id, attachment_id, at_least=Role.EDITOR)
    if (own_role_of(asking(request), attachment.document) or 0) < Role.EDITOR:
        raise NoAccess("a link is not enough to delete files; take it out of the content instead")
    attachment.delete()
    return Status(204, None)


def find(
    request: HttpRequest, document_id: UUID, attachment_id: UUID, *, at_least: Role = Role.VIEWER
) -> Attachment:
    """A file of a document that the asker may open. Raises NotFound or NoAccess."""
    # Its owner goes on seeing what is in the trash.
    document, _ = open_document(request, document_id, at_least=at_least, in_trash=True)
    found = document.attachments.select_related("uploaded_by__profile")
    attachment = found.filter(id=attachment_id).first()
    if attachment is None:
        raise NotFound("this document has no such file")
    return attachment


def _receive(request: HttpRequest, target: IO[bytes]) -> None:
    """Write the request's body into a file, no more of it than a file may have."""
    left = settings.COLLAB.max_attachment_bytes + 1
    while left and (block := request.read(min(left, _BLOCK_BYTES))):
        left -= len(block)
        target.write(block)
    target.seek(0)
