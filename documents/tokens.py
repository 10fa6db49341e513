"""Signed, short-lived socket tokens: issued; redeemed into a principal capped at a role.

They carry who somebody is and which links they followed, so that access withdrawn after the
token was issued is withdrawn from it as well: a token caps access and never grants it.
"""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.utils import timezone
from django.utils.crypto import salted_hmac

from collab.accounts.credentials import credentials_of
from collab.accounts.principal import Principal, is_link_token, principal_of_user
from collab.errors import NotAuthenticated
from documents.models import Document, Role, ShareLink

_signer = signing.Signer(salt="documents.socket-token")


def issue(
    principal: Principal, document: Document, role: Role, now: datetime
) -> tuple[str, datetime]:
    """A token that opens this document as this principal, at most with this role; its end."""
    expires_at = now + timedelta(seconds=settings.COLLAB.socket_token_s)
    nonce = secrets.token_hex(16)
    links = document.links.filter(token__in=principal.link_tokens)
    payload = {
        "document": document.id.hex,
        "role": int(role),
        "user": principal.user_id,
        "guest": principal.guest_id,
        "name": principal.name if principal.is_guest else "",
        "api_token": principal.api_token_id,
        "stamp": principal.password_stamp,
        "session": _sealed(principal.session_key, nonce),
        "nonce": nonce,
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
    redeemed = Principal(
        user_id=who.user_id,
        name=who.name,
        colour=who.colour,
        avatar=who.avatar,
        guest_id=who.guest_id,
        link_tokens=frozenset(payload["links"]),
        document_id=UUID(payload["document"]),
        role_limit=payload["role"],
        is_authenticated=True,
        api_token_id=payload["api_token"],
        password_stamp=payload["stamp"],
        session_key=_unsealed(payload["session"], payload["nonce"]),
    )
    (credential,) = credentials_of([redeemed], now or timezone.now())
    if not credential.is_valid:
        raise NotAuthenticated("the log-in that this token was issued to has ended")
    return redeemed


def _sealed(session_key: str, nonce: str) -> str:
    """A session's key, so that the socket ends with the session; not to be read by the holder.

    Signing hides nothing, and a token stands in addresses. A keyed hash of a nonce that is
    used once is a one-time pad; the signature around it keeps it whole.
    """
    pad = salted_hmac("documents.socket-token.session", nonce, algorithm="sha512").digest()
    key = session_key.encode()
    if len(key) > len(pad):
        raise ValueError(f"a session key of {len(key)} bytes; {len(pad)} can be sealed")
    return bytes(a ^ b for a, b in zip(key, pad, strict=False)).hex()


def _unsealed(sealed: str, nonce: str) -> str:
    pad = salted_hmac("documents.socket-token.session", nonce, algorithm="sha512").digest()
    return bytes(a ^ b for a, b in zip(bytes.fromhex(sealed), pad, strict=False)).decode()


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
