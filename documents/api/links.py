"""links: access for whoever has the address. Editors may see them, the owner makes them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import AfterValidator, AwareDatetime

from collab.accounts.principal import asking
from collab.errors import NotFound
from collab.openapi import described
from documents import sharing
from documents.api.authorize import open_document
from documents.api.shapes import RoleKey
from documents.models import Document, Role, ShareLink

router = Router()


def _in_future(time: datetime) -> datetime:
    if time <= timezone.now():
        raise ValueError("must be in the future")
    return time


Expiry = Annotated[AwareDatetime, AfterValidator(_in_future)]


class LinkOut(Schema):
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
    items: list[LinkOut]
    next: str | None = None


class NewLink(Schema):
    role: RoleKey
    expires_at: Expiry | None = None


class LinkChange(Schema):
    """What is left out stays as it is; ``expires_at: null`` is for ever."""

    role: RoleKey | None = None
    expires_at: Expiry | None = None
    enabled: bool | None = None


@router.get("/{uuid:document_id}/links", response=LinkList)
def list_links(request: HttpRequest, document_id: UUID) -> LinkList:
    document, _ = open_document(request, document_id, at_least=Role.EDITOR)
    return LinkList(items=[LinkOut.of(link, request) for link in document.links.order_by("id")])


@router.post("/{uuid:document_id}/links", response={201: LinkOut}, openapi_extra=described(409))
def create_link(request: HttpRequest, document_id: UUID, body: NewLink) -> Status[LinkOut]:
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
    document, _ = open_document(request, document_id, at_least=Role.OWNER)
    sharing.delete_link(_link(document, link_id))
    return Status(204, None)


def _link(document: Document, link_id: int) -> ShareLink:
    link = document.links.filter(pk=link_id).first()
    if link is None:
        raise NotFound("no such link")
    return link
