"""access-requests: people ask for a role, the owner answers."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import ConfigDict, StringConstraints
from pydantic.config import JsonDict

from collab.errors import NotFound
from collab.openapi import described
from collab.paging import MOST, Cursor, Limit, page_of
from documents import sharing
from documents.api.authorize import open_document, signed_in
from documents.api.members import Member
from documents.api.shapes import ANNA, Person, RoleKey
from documents.models import AccessRequest, Document, Role

router = Router()

Message = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00]*$")
]


_REQUEST: JsonDict = {
    "id": 5,
    "user": ANNA,
    "role": "editor",
    "message": "I keep the dates in it.",
    "created_at": "2026-11-21T09:15:00Z",
}


class AccessRequestOut(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [_REQUEST]})
    id: int
    user: Person
    role: RoleKey
    message: str
    created_at: datetime

    @classmethod
    def of(cls, request: AccessRequest) -> Self:
        return cls(
            id=request.pk,
            user=Person.of(request.user),
            role=RoleKey.of(request.role),
            message=request.message,
            created_at=request.created_at,
        )


class AccessRequestList(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_REQUEST], "next": None}]})
    items: list[AccessRequestOut]
    next: str | None


# Refused before a document is looked up: the answer must not say whether there is one.
Askable = Literal[RoleKey.VIEWER, RoleKey.COMMENTER, RoleKey.EDITOR]


class NewAccessRequest(Schema):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"role": "editor", "message": "I keep the dates in it."}]},
    )
    role: Askable = RoleKey.VIEWER
    message: Message = ""


class Decision(Schema):
    """``role``: another one than was asked for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"role": "viewer"}]})
    role: RoleKey | None = None


@router.get("/{uuid:document_id}/access-requests", response=AccessRequestList)
def list_requests(
    request: HttpRequest, document_id: UUID, cursor: Cursor = "", limit: Limit = MOST
) -> AccessRequestList:
    """Who asks for what; for the owner."""
    document, _ = open_document(request, document_id, at_least=Role.OWNER)
    found = document.access_requests.select_related("user__profile")
    asked, next_url = page_of(request, found, "id", cursor=cursor, limit=limit)
    return AccessRequestList(items=[AccessRequestOut.of(each) for each in asked], next=next_url)


@router.post("/{uuid:document_id}/access-requests", response={202: None})
def ask(request: HttpRequest, document_id: UUID, body: NewAccessRequest) -> Status[None]:
    """Ask the owner for a role. The answer is the same whether there is such a document or not."""
    user = signed_in(request)
    document = Document.objects.filter(id=document_id, deleted_at=None).first()
    if document is not None and document.owner_id != user.pk:
        sharing.request_access(document, user, body.role.role, body.message)
    return Status(202, None)


@router.post(
    "/{uuid:document_id}/access-requests/{int:request_id}/grant",
    response={201: Member},
    openapi_extra=described(409),
)
def grant(
    request: HttpRequest, document_id: UUID, request_id: int, body: Decision
) -> Status[Member]:
    """Give what was asked for, or another role."""
    asked = _request(request, document_id, request_id)
    role = body.role.role if body.role is not None else Role(asked.role)
    membership = sharing.grant(asked.document, asked.user, role)
    return Status(201, Member(user=Person.of(membership.user), role=RoleKey.of(membership.role)))


@router.delete("/{uuid:document_id}/access-requests/{int:request_id}", response={204: None})
def decline(request: HttpRequest, document_id: UUID, request_id: int) -> Status[None]:
    """Answer with no; they may ask again."""
    _request(request, document_id, request_id).delete()
    return Status(204, None)


def _request(request: HttpRequest, document_id: UUID, request_id: int) -> AccessRequest:
    document, _ = open_document(request, document_id, at_least=Role.OWNER)
    asked = document.access_requests.filter(pk=request_id).first()
    if asked is None:
        raise NotFound("no such request")
    return asked
