"""Who asks for which document, and whether they may: 401, 403 or 404 for every router."""

import hashlib
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

from collab.accounts.principal import asking, guest_id_of
from collab.addresses import address_in
from collab.errors import NoAccess, NotAuthenticated, NotFound
from documents.access import role_of
from documents.idempotency import Key
from documents.models import Document, Role
from presence.identity import identity_of


def open_document(
    request: HttpRequest,
    document_id: UUID,
    *,
    at_least: Role = Role.VIEWER,
    in_trash: bool = False,
) -> tuple[Document, Role]:
    """The document and the asker's role in it.

    NotFound without a role, so that nobody learns which documents there are, and for one in
    the trash unless ``in_trash``; NoAccess for a role below ``at_least``.
    """
    document = Document.objects.select_related("owner__profile").filter(id=document_id).first()
    role = role_of(asking(request), document) if document is not None else None
    if document is None or role is None or (document.is_deleted and not in_trash):
        raise NotFound("no such document, or it is not shared with you")
    if role < at_least:
        raise NoAccess(f"this needs the role {at_least.key}; yours is {role.key}")
    return document, role


def signed_in(request: HttpRequest) -> User:
    """The user who asks. Raises NotAuthenticated for guests."""
    user_id = asking(request).user_id
    if user_id is None:
        raise NotAuthenticated("log in, or send an API token")
    return User.objects.get(pk=user_id)


def key_of(request: HttpRequest) -> Key | None:
    """The asker's Idempotency-Key for exactly this request. Raises ProtocolError for a bad one."""
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    what = f"{request.method} {request.get_full_path()} {request.content_type}"
    condition = request.headers.get("If-Match", "")
    return Key.of(_whose_key(request), text, what.encode(), condition.encode(), request.body)


def _whose_key(request: HttpRequest) -> str:
    """The same whenever the same asker comes again.

    A guest's identity is not, without the cookie that browsers keep it in: then a guest is
    whoever has that link, or calls from that address.
    """
    principal = asking(request)
    if not principal.is_guest:
        return identity_of(principal).id
    known = [*principal.link_tokens, guest_id_of(request.COOKIES) or ""]
    if not any(known):
        known = [address_in(request.META, settings.COLLAB.proxies)]
    return f"guest:{hashlib.sha256(' '.join(known).encode()).hexdigest()}"
