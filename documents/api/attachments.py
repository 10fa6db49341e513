"""attachments: the files of a document: upload, list, look at, delete. Served: ``downloads``."""

from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Self
from uuid import UUID

from django.conf import settings
from django.core.files.base import File
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import File as FileParameter
from ninja import Query, Router, Schema
from ninja.files import UploadedFile
from ninja.responses import Status
from pydantic import Field

from collab.accounts.principal import asking
from collab.errors import NotFound, ProtocolError
from documents import attachments
from documents.api.authorize import open_document
from documents.api.shapes import Person
from documents.media import name_in_address
from documents.models import Attachment, Role

router = Router()

_BLOCK_BYTES = 64 * 1024


class AttachmentOut(Schema):
    """``url`` is what blocks refer to; without the host, so that the service may move."""

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
    items: list[AttachmentOut]
    next: str | None


@router.post("/{uuid:document_id}/attachments", response={201: AttachmentOut})
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
    after: UUID | None = None,
    limit: Annotated[int, Query(), Field(ge=1, le=100)] = 50,
) -> AttachmentList:
    """All files, oldest first, for editors: also those that the content shows no more."""
    document, _ = open_document(request, document_id, at_least=Role.EDITOR)
    found = document.attachments.select_related("uploaded_by__profile")
    page = list(_after(found, after).order_by("created_at", "id")[: limit + 1])
    items, has_more = page[:limit], len(page) > limit
    return AttachmentList(
        items=[AttachmentOut.of(each) for each in items],
        next=_next_url(request, items[-1]) if has_more else None,
    )


@router.get("/{uuid:document_id}/attachments/{uuid:attachment_id}", response=AttachmentOut)
def get(request: HttpRequest, document_id: UUID, attachment_id: UUID) -> AttachmentOut:
    """What is known of a file."""
    return AttachmentOut.of(find(request, document_id, attachment_id))


@router.delete("/{uuid:document_id}/attachments/{uuid:attachment_id}", response={204: None})
def delete(request: HttpRequest, document_id: UUID, attachment_id: UUID) -> Status[None]:
    """At once and for good, whether the content refers to it or not."""
    find(request, document_id, attachment_id, at_least=Role.EDITOR).delete()
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


def _after(found: QuerySet[Attachment], last_id: UUID | None) -> QuerySet[Attachment]:
    if last_id is None:
        return found
    last = found.filter(id=last_id).first()
    if last is None:
        raise ProtocolError("after must be a file of this document")
    return found.filter(
        Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, id__gt=last.id)
    )


def _next_url(request: HttpRequest, last: Attachment) -> str:
    query = request.GET.copy()
    query["after"] = str(last.id)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
