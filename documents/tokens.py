"""Signed, short-lived socket tokens: issued; redeemed into a principal capped at a role.

They carry who somebody is and which links they followed, so that access withdrawn after the
token was issued is withdrawn from it as well: a token caps access and never grants it.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.utils import timezone

from collab.accounts.principal import Principal, is_link_token, principal_of_user
from collab.errors import NotAuthenticated
from documents.models import Document, Role, ShareLink

_signer = signing.Signer(salt="documents.socket-token")


def issue(
    principal: Principal, document: Document, role: Role, now: datetime
) -> tuple[str, datetime]:
    """A token that opens this document as this principal, at most with this role; its end."""
    expires_at = now + timedelta(seconds=settings.COLLAB.socket_token_s)
    links = document.links.filter(token__in=principal.link_tokens)
    payload = {
        "document": document.id.hex,
        "role": int(role),
        "user": principal.user_id,
        "guest": principal.guest_id,
        "name": principal.name if principal.is_guest else "",
        "links": list(links.values_list("token", flat=True)),
        "until": expires_at.timestamp(),
    }
    return _signer.sign_object(payload), expires_at


def redeem(token: str, now: datetime | None = None) -> Principal:
    """Who a socket token was issued to. Raises NotAuthenticated if it is not ours or too old."""
    try:
        payload = _signer.unsign_object(token)
    except signing.BadSignature:
        raise NotAuthenticated("this token is not one of ours") from None
    if (now or timezone.now()).timestamp() >= payload["until"]:
        raise NotAuthenticated("this token has expired; ask for a new one")
    who = Principal(guest_id=payload["guest"], name=payload["name"], is_authenticated=True)
    if payload["user"] is not None:
        user = (
            User.objects.select_related("profile")
            .filter(pk=payload["user"], is_active=True)
            .first()
        )
        if user is None:
            raise NotAuthenticated("this token's user is no longer active")
        who = principal_of_user(user)
    return Principal(
        user_id=who.user_id,
        name=who.name,
        colour=who.colour,
        avatar=who.avatar,
        guest_id=who.guest_id,
        link_tokens=frozenset(payload["links"]),
        document_id=UUID(payload["document"]),
        role_limit=payload["role"],
        is_authenticated=True,
    )


def principal_of_token(token: str, guest_id: str = "") -> Principal:
    """Who presents ``?token=``: a socket token's holder, or a guest with a share link.

    Raises NotAuthenticated when it is neither, or opens nothing any more.
    """
    if ":" in token:  # signed; share-link tokens are base64url
        return redeem(token)
    link = ShareLink.objects.filter(token=token).first() if is_link_token(token) else None
    if link is None or not link.opens:
        raise NotAuthenticated("this link does not open anything, or no longer")
    return Principal(guest_id=guest_id, link_tokens=frozenset([token]), is_authenticated=True)
