"""documents: list, create, look at, rename, put into the trash and take out of it."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import ConfigDict
from pydantic.config import JsonDict

from collab.accounts.principal import Principal, asking
from collab.errors import NoAccess
from collab.openapi import IDEMPOTENT, described
from collab.paging import Cursor, Limit, page_of
from documents import idempotency, lifecycle
from documents.access import roles_in, visible_to
from documents.api.authorize import key_of, open_document, signed_in
from documents.api.block_shapes import Content
from documents.api.shapes import ANNA, PLAN_ID, Line, Moment, Person, RoleKey
from documents.content import Format, parsed
from documents.conversion import convert
from documents.creation import create_document
from documents.formats.tree import new_document_update
from documents.models import Document, Membership, Role, Star
from documents.search import matching
from documents.sharing import set_general_role

router = Router()

_PLAN: JsonDict = {
    "id": PLAN_ID,
    "title": "Plan",
    "role": "owner",
    "general_role": None,
    "head": 42,
    "size": 1893,
    "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-21T10:00:00.120Z",
    "deleted_at": None,
    "starred": True,
    "owner": ANNA,
    "people": [ANNA],
}


class DocumentOut(Schema):
    """``head`` counts committed edits; ``people`` are the owner and the members.

    ``starred``: by whoever asks.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_PLAN]})
    id: UUID
    title: str
    role: RoleKey
    general_role: RoleKey | None
    head: int
    size: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    starred: bool
    owner: Person
    people: list[Person]

    @classmethod
    def of(cls, document: Document, role: Role, principal: Principal, *, is_starred: bool) -> Self:
        owner = Person.of(document.owner)
        members = [Person.of(membership.user) for membership in document.memberships.all()]
        return cls(
            id=document.id,
            title=document.title,
            role=RoleKey.of(role),
            general_role=(
                RoleKey.of(document.general_role) if document.general_role is not None else None
            ),
            head=document.head,
            size=document.size,
            created_at=document.created_at,
            updated_at=document.updated_at,
            deleted_at=document.deleted_at,
            starred=is_starred,
            owner=owner,
            # Whoever found a link somewhere need not know who else has access.
            people=[] if principal.is_guest else [owner, *members],
        )


class DocumentList(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_PLAN], "next": None}]})
    items: list[DocumentOut]
    next: str | None


class NewDocument(Schema):
    # Unknown fields are refused: content that is silently dropped would be lost.
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"title": "Plan", "content": "# Plan\n\n- [ ] milk"}]},
    )
    title: Line = ""
    content: Content = None
    format: Literal["markdown", "html", "text", "blocks"] = "markdown"


class DocumentChange(Schema):
    """What is left out stays as it is. Sharing with everybody is the owner's decision."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"title": "Plan for May"}]}
    )
    title: Line | None = None
    general_role: RoleKey | None = None


@router.get("", response=DocumentList)
def list_documents(
    request: HttpRequest,
    filter: Literal["mine", "shared", "trash", "starred"] | None = None,  # noqa: A002 - the API's word
    q: Line = "",
    *,
    updated_since: Moment | None = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> DocumentList:
    """Your own documents and those shared with you by name, last changed first.

    ``q``: words, each of which stands in the title or the text (as it was a little ago).
    ``updated_since``: for whoever keeps a copy of them all.
    """
    user, principal = signed_in(request), asking(request)
    found = _listed(principal, user.pk, filter)
    found = matching(found, q)
    if updated_since is not None:
        found = found.filter(updated_at__gte=updated_since)
    found = found.select_related("owner__profile").prefetch_related("memberships__user__profile")
    items, next_url = page_of(request, found, "-updated_at", "-id", cursor=cursor, limit=limit)
    return DocumentList(items=_described(items, principal), next=next_url)


@router.post("", response={201: DocumentOut}, openapi_extra=described(parameters=IDEMPOTENT))
def create(request: HttpRequest, response: HttpResponse, body: NewDocument) -> Status[DocumentOut]:
    """A new document with this content, or with an empty paragraph; you are its owner."""
    user, key = signed_in(request), key_of(request)
    content = None
    if body.content is not None:
        content = convert(asking(request), _first_update, body.content, Format(body.format))
    document_id = uuid4() if key is None else idempotency.new_document_id(key)
    # Whoever has asked before, or asks at this very moment, has made it.
    with suppress(IntegrityError):
        create_document(user, body.title, content, document_id=document_id)
    document, role = open_document(request, document_id, in_trash=True)
    response["Location"] = f"{request.path}/{document_id}"
    response["ETag"] = f'"{document.head}"'
    return Status(201, _shown(document, role, asking(request)))


def _first_update(content: Any, given: Format) -> bytes:
    return new_document_update(parsed(content, given))


@router.get("/{uuid:document_id}", response=DocumentOut)
def get(request: HttpRequest, document_id: UUID) -> DocumentOut:
    """A document's metadata. Its owner sees it in the trash, too."""
    document, role = open_document(request, document_id, in_trash=True)
    return _shown(document, role, asking(request))


@router.patch("/{uuid:document_id}", response=DocumentOut, openapi_extra=described(409))
def change(request: HttpRequest, document_id: UUID, body: DocumentChange) -> DocumentOut:
    """Rename a document (editors), or set what everybody may do (the owner)."""
    document, role = open_document(request, document_id, at_least=Role.EDITOR)
    wishes = body.model_fields_set
    if "general_role" in wishes:
        if role < Role.OWNER:
            raise NoAccess("only the owner decides what everybody may do")
        set_general_role(document, body.general_role.role if body.general_role else None)
    if body.title is not None:
        lifecycle.rename(document, body.title)
    return _shown(document, role, asking(request))


@router.delete("/{uuid:document_id}", response={204: None})
def trash(request: HttpRequest, document_id: UUID) -> Status[None]:
    """Put a document into the trash; everybody but you loses access."""
    document, _ = open_document(request, document_id, at_least=Role.OWNER, in_trash=True)
    lifecycle.trash(document)
    return Status(204, None)


@router.post("/{uuid:document_id}/restore", response=DocumentOut)
def restore(request: HttpRequest, document_id: UUID) -> DocumentOut:
    """Take a document out of the trash, with everybody's access as it was."""
    document, role = open_document(request, document_id, at_least=Role.OWNER, in_trash=True)
    lifecycle.restore(document)
    return _shown(document, role, asking(request))


def _listed(principal: Principal, user_id: int, which: str | None) -> QuerySet[Document]:
    """Documents open to everybody are visible too, but only a star puts them into a list."""
    visible = visible_to(principal)
    mine = Q(owner_id=user_id)
    if which == "trash":
        return visible.filter(mine, deleted_at__isnull=False)
    visible = visible.filter(deleted_at=None)
    if which == "mine":
        return visible.filter(mine)
    if which == "starred":
        return visible.filter(stars__user_id=user_id)
    memberships = Membership.objects.filter(user_id=user_id)
    shared = Q(id__in=memberships.values("document_id"))
    return visible.filter(shared & ~mine if which == "shared" else shared | mine)


def _shown(document: Document, role: Role, principal: Principal) -> DocumentOut:
    is_starred = document.id in _starred([document], principal)
    return DocumentOut.of(document, role, principal, is_starred=is_starred)


def _described(documents: Sequence[Document], principal: Principal) -> list[DocumentOut]:
    roles, starred = roles_in(principal, documents), _starred(documents, principal)
    return [
        DocumentOut.of(document, role, principal, is_starred=document.id in starred)
        for document in documents
        if (role := roles[document.id]) is not None
    ]


def _starred(documents: Sequence[Document], principal: Principal) -> set[UUID]:
    if principal.user_id is None:
        return set()
    stars = Star.objects.filter(user_id=principal.user_id, document__in=documents)
    return set(stars.values_list("document_id", flat=True))
