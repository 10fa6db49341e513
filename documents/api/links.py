"""links: access for whoever has the address. The owner's alone: whoever sees one can use it."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import AfterValidator, ConfigDict
from pydantic.config import JsonDict

from collab.accounts.principal import asking
from collab.errors import NotFound, ScopeTooSmall
from collab.openapi import described
from collab.paging import MOST, Cursor, Limit, page_of
from documents import sharing
from documents.api.authorize import open_document
from documents.api.shapes import PLAN_ID, Moment, RoleKey
from documents.models import Document, Role, ShareLink

router = Router()


def _in_future(time: datetime) -> datetime:
    if time <= timezone.now():
        raise ValueError("must be in the future")
    return time


Expiry = Annotated[Moment, AfterValidator(_in_future)]


_LINK: JsonDict = {
    "id": 3,
    "token": "hT2rWm0o8yqQ1v6sZk4cXw",
    "url": f"https://collab.example/d/{PLAN_ID}?link=hT2rWm0o8yqQ1v6sZk4cXw",
    "role": "viewer",
    "expires_at": "2099-12-31T12:00:00Z",
    "enabled": True,
    "created_at": "2026-11-20T09:30:00Z",
}


class LinkOut(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [_LINK]})
    id: int
    token: str
    url: str
    role: RoleKey
    expires_at: datetime | None
    enabled: bool
    created_at: datetime

    @classmethod
    def of(cls, link: ShareLink, request: HttpRequest) -> Self:
        return cls(
            id=link.pk,
            token=link.token,
            url=request.build_absolute_uri(f"/d/{link.document_id}?link={link.token}"),
            role=RoleKey.of(link.role),
            expires_at=link.expires_at,
            enabled=link.is_enabled,
            created_at=link.created_at,
        )


class LinkList(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_LINK], "next": None}]})
    items: list[LinkOut]
    next: str | None


class NewLink(Schema):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"role": "viewer", "expires_at": "2099-12-31T12:00:00Z"}]}
    )
    role: RoleKey
    expires_at: Expiry | None = None


class LinkChange(Schema):
    """What is left out stays as it is; ``expires_at: null`` is for ever."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": False}]})
    role: RoleKey | None = None
    expires_at: Expiry | None = None
    enabled: bool | None = None


@router.get("/{uuid:document_id}/links", response=LinkList)
def list_links(
    request: HttpRequest, document_id: UUID, cursor: Cursor = "", limit: Limit = MOST
) -> LinkList:
    """The share links of a document. With their tokens: not for an API token of scope ``read``."""
    document, _ = open_document(request, document_id, at_least=Role.OWNER)
    if asking(request).may_only_read:
        raise ScopeTooSmall('this token has scope "read"; with a link\'s token one may write')
    links, next_url = page_of(request, document.links.all(), "id", cursor=cursor, limit=limit)
    return LinkList(items=[LinkOut.of(link, request) for link in links], next=next_url)


@router.post("/{uuid:document_id}/links", response={201: LinkOut}, openapi_extra=described(409))
def create_link(request: HttpRequest, document_id: UUID, body: NewLink) -> Status[LinkOut]:
    """Make a share link."""
    document, _ = open_document(request, document_id, at_least=Role.OWNER)
    link = sharing.create_link(
        document,
        body.role.role,
        created_by=asking(request).user_id,
        expires_at=body.expires_at,
    )
    return Status(201, LinkOut.of(link, request))


@router.patch(
    "/{uuid:document_id}/links/{int:link_id}", response=LinkOut, openapi_extra=described(409)
)
def change_link(request: HttpRequest, document_id: UUID, link_id: int, body: LinkChange) -> LinkOut:
    """Change a share link: its role, until when it is good, or whether it is at all."""
    document, _ = open_document(request, document_id, at_least=Role.OWNER)
    link = _link(document, link_id)
    sharing.change_link(
        link,
        role=body.role.role if body.role is not None else Role(link.role),
        expires_at=body.expires_at if "expires_at" in body.model_fields_set else link.expires_at,
        is_enabled=body.enabled if body.enabled is not None else link.is_enabled,
    )
    return LinkOut.of(link, request)


@router.delete("/{uuid:document_id}/links/{int:link_id}", response={204: None})
def delete_link(request: HttpRequest, document_id: UUID, link_id: int) -> Status[None]:
    """Delete a share link; whoever came by it alone loses access."""
    document, _ = open_document(request, document_id, at_least=Role.OWNER)
    sharing.delete_link(_link(document, link_id))
    return Status(204, None)


def _link(document: Document, link_id: int) -> ShareLink:
    link = document.links.filter(pk=link_id).first()
    if link is None:
        raise NotFound("no such link")
    return link
