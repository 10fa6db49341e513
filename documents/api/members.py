"""members: who has a role of their own in a document."""

from typing import Annotated
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest
from ninja import Path, Router, Schema
from ninja.responses import Status
from pydantic import ConfigDict
from pydantic.config import JsonDict

from collab.accounts.principal import asking
from collab.errors import NoAccess, NotFound
from collab.openapi import described
from collab.paging import MOST, Cursor, Limit, page_of
from documents.api.authorize import open_document
from documents.api.shapes import ANNA, Line, Person, RoleKey
from documents.models import Membership, Role
from documents.sharing import grant, revoke

router = Router()

# As people appear everywhere ("user:7"), or the bare number.
UserId = Annotated[str, Path(pattern=r"^(user:)?[0-9]{1,9}$")]


class NoSuchPerson(NotFound):
    """Nobody of that name: check the spelling, or send a link instead."""

    code = "no-such-person"


_MEMBER: JsonDict = {"user": ANNA, "role": "editor"}


class Member(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [_MEMBER]})
    user: Person
    role: RoleKey


class MemberList(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_MEMBER], "next": None}]})
    items: list[Member]
    next: str | None


class NewMember(Schema):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user": "anna@example.org", "role": "editor"}]}
    )
    user: Line  # user name or e-mail address
    role: RoleKey


class MemberChange(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "viewer"}]})
    role: RoleKey


@router.get("/{uuid:document_id}/members", response=MemberList)
def list_members(
    request: HttpRequest, document_id: UUID, cursor: Cursor = "", limit: Limit = MOST
) -> MemberList:
    """Who has a role, the owner first. Editors may look, but not by a link alone."""
    document, _ = open_document(request, document_id, at_least=Role.EDITOR)
    if asking(request).is_guest:
        raise NoAccess("a link does not say who else has access")
    owner = Member(user=Person.of(document.owner), role=RoleKey.OWNER)
    found = document.memberships.select_related("user__profile")
    memberships, next_url = page_of(request, found, "id", cursor=cursor, limit=limit)
    first = [] if cursor else [owner]
    return MemberList(items=[*first, *map(_described, memberships)], next=next_url)


@router.post("/{uuid:document_id}/members", response={201: Member}, openapi_extra=described(409))
def add_member(request: HttpRequest, document_id: UUID, body: NewMember) -> Status[Member]:
    """Give somebody a role, or another one if they had one."""
    document, _ = open_document(request, document_id, at_least=Role.OWNER)
    user = _find(body.user)
    return Status(201, _described(grant(document, user, body.role.role)))


@router.patch(
    "/{uuid:document_id}/members/{user_id}", response=Member, openapi_extra=described(409)
)
def change_member(
    request: HttpRequest, document_id: UUID, user_id: UserId, body: MemberChange
) -> Member:
    """Give a member another role."""
    document, _ = open_document(request, document_id, at_least=Role.OWNER)
    user = User.objects.filter(pk=_number(user_id)).first()
    is_known = user is not None and (
        user.pk == document.owner_id or document.memberships.filter(user=user).exists()
    )
    if user is None or not is_known:
        raise NoSuchPerson("this person has no role of their own here")
    return _described(grant(document, user, body.role.role))


@router.delete(
    "/{uuid:document_id}/members/{user_id}", response={204: None}, openapi_extra=described(409)
)
def remove_member(request: HttpRequest, document_id: UUID, user_id: UserId) -> Status[None]:
    """Take somebody's role away. Everybody may leave by themselves."""
    number = _number(user_id)
    is_leaving = asking(request).user_id == number
    document, _ = open_document(
        request, document_id, at_least=Role.VIEWER if is_leaving else Role.OWNER
    )
    if not revoke(document, number):
        raise NoSuchPerson("this person has no role of their own here")
    return Status(204, None)


def _described(membership: Membership) -> Member:
    return Member(user=Person.of(membership.user), role=RoleKey.of(membership.role))


def _number(user_id: str) -> int:
    return int(user_id.removeprefix("user:"))


def _find(name: str) -> User:
    active = User.objects.filter(is_active=True)
    # Two people with one address would be a guess: then only the user name will do.
    found = list(active.filter(Q(username=name) | Q(email__iexact=name))[:2]) if name else []
    exact = [user for user in found if user.get_username() == name]
    if len(exact or found) != 1:
        raise NoSuchPerson(f"there is nobody called {name!r} here")
    return (exact or found)[0]
