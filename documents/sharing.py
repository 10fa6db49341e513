"""Grant, change and withdraw access. Whatever changes access here tells rooms and webhooks.

Who may share is asked of ``documents.access`` by the callers (owners only). The owner's own
role is not given and cannot be taken.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from collab.accounts.principal import principal_of_user
from collab.errors import CollabError
from documents.announce import access_changed
from documents.models import AccessRequest, Document, Event, Membership, Role, ShareLink
from documents.webhooks import tell


class CannotShare(CollabError):
    """Nobody can be given or lose ownership by sharing."""

    close_code, status, code = 4403, 409, "owner-stays"


def grant(document: Document, user: User, role: Role) -> Membership:
    """Give somebody a role of their own, or change it."""
    _check(role)
    if user.pk == document.owner_id:
        raise CannotShare("the owner has every right already and keeps it")
    with transaction.atomic():
        membership, _ = Membership.objects.update_or_create(
            document=document, user=user, defaults={"role": role}
        )
        AccessRequest.objects.filter(document=document, user=user).delete()
        access_changed(document_id=document.id)
        tell(document, Event.SHARED, change=_with_person(user, role))
    return membership


def request_access(document: Document, user: User, role: Role, message: str) -> None:
    """Ask the owner for a role; asking again changes what was asked for."""
    _check(role)
    AccessRequest.objects.update_or_create(
        document=document, user=user, defaults={"role": role, "message": message}
    )


def revoke(document: Document, user_id: int) -> bool:
    """Take somebody's own role away; False if they had none."""
    if user_id == document.owner_id:
        raise CannotShare("the owner cannot be removed")
    with transaction.atomic():
        membership = document.memberships.select_related("user").filter(user_id=user_id).first()
        if membership is not None:
            membership.delete()
            tell(document, Event.SHARED, change=_with_person(membership.user, None))
        access_changed(document_id=document.id)
    return membership is not None


def create_link(
    document: Document, role: Role, *, created_by: int | None, expires_at: datetime | None = None
) -> ShareLink:
    """Make a link that opens the document for whoever has it."""
    _check(role)
    with transaction.atomic():
        link = ShareLink.objects.create(
            document=document, role=role, created_by_id=created_by, expires_at=expires_at
        )
        tell(document, Event.SHARED, change=_with_link(link))
    return link


def change_link(
    link: ShareLink, *, role: Role, expires_at: datetime | None, is_enabled: bool
) -> None:
    """Change what a link gives, until when, and whether it opens at all."""
    _check(role)
    link.role, link.expires_at, link.is_enabled = role, expires_at, is_enabled
    with transaction.atomic():
        link.save(update_fields=["role", "expires_at", "is_enabled"])
        access_changed(document_id=link.document_id)
        tell(link.document, Event.SHARED, change=_with_link(link))


def delete_link(link: ShareLink) -> None:
    """Withdraw a link for ever."""
    link.is_enabled = False
    with transaction.atomic():
        tell(link.document, Event.SHARED, change=_with_link(link))
        link.delete()
        access_changed(document_id=link.document_id)


def set_general_role(document: Document, role: Role | None) -> None:
    """What everybody may do; None: nothing."""
    if role is not None:
        _check(role)
    document.general_role = role
    with transaction.atomic():
        document.save(update_fields=["general_role"])
        access_changed(document_id=document.id)
        change = {"with": "everybody", "role": role.key if role is not None else None}
        tell(document, Event.SHARED, change=change)


def _with_person(user: User, role: Role | None) -> dict[str, Any]:
    """For webhooks; no role: withdrawn."""
    person = {"id": f"user:{user.pk}", "name": principal_of_user(user).name}
    return {"with": "person", "person": person, "role": role.key if role is not None else None}


def _with_link(link: ShareLink) -> dict[str, Any]:
    """Never its token: whoever reads it gets in."""
    return {"with": "link", "role": Role(link.role).key if link.is_enabled else None}


def _check(role: Role) -> None:
    if role >= Role.OWNER:
        raise CannotShare("ownership cannot be shared; give viewer, commenter or editor")
