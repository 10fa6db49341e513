"""Whether somebody may open a document's socket, decided before anything is joined.

Authentication, first match: ``?token=``, Bearer API token, session cookie, guest.
Relies on ``documents.access`` for the role; joins nothing and changes nothing.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.http import parse_cookie
from django.utils import timezone

from collab.accounts.principal import Principal, guest_id_of, principal_of_socket
from collab.errors import NoAccess, NotAuthenticated, NotFound, ProtocolError, SchemaTooOld
from documents.access import standings_of
from documents.formats.schema import SCHEMA_VERSION
from documents.models import Role, ShareLink
from documents.tokens import principal_of_token

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Admission:
    """Who was let into a document, as what."""

    principal: Principal
    role: Role
    expires_at: datetime | None  # then something that this relies on ends by itself


def admit(headers: Headers, query: Mapping[str, str], document_id: UUID) -> Admission:
    """Authenticate, authorize, check the page's schema. Synchronous: reads the database.

    Raises NotAuthenticated, NoAccess, NotFound, ProtocolError or SchemaTooOld.
    """
    principal = identify(list(headers), query)
    standings = standings_of(document_id, [principal], timezone.now())
    if standings is not None and (role := standings[0].role) is not None:
        _check_schema(query)
        return Admission(principal, role, standings[0].expires_at)
    # A stranger learns that a log-in is missing, never which documents there are.
    if not (principal.is_authenticated or _was_invited(principal, document_id)):
        raise NotAuthenticated("log in, or use a link that opens this document")
    if standings is None:
        raise NotFound("no such document, or it was deleted")
    raise NoAccess("you have no access to this document")


def identify(headers: list[tuple[bytes, bytes]], query: Mapping[str, str]) -> Principal:
    """Who opens a socket. Raises NotAuthenticated for a credential that is not valid."""
    if (token := query.get("token")) is None:
        principal = principal_of_socket(headers, query)
        # Whoever is in a room may write by the role alone: there is no method to judge by.
        return replace(principal, role_limit=Role.VIEWER) if principal.may_only_read else principal
    cookie = next((value for name, value in headers if name.lower() == b"cookie"), b"")
    guest_id = guest_id_of(parse_cookie(cookie.decode("latin-1")))
    return principal_of_token(token, guest_id or secrets.token_urlsafe(12))


def _was_invited(principal: Principal, document_id: UUID) -> bool:
    """Whether a link that was presented belongs to this document, even if it opens no more."""
    return ShareLink.objects.filter(
        document_id=document_id, token__in=principal.link_tokens
    ).exists()


def _check_schema(query: Mapping[str, str]) -> None:
    """A page that knows fewer block types would delete the others: it gets no content."""
    if (text := query.get("schema")) is None:
        return
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ProtocolError("schema must be a whole number")
    if int(text) < SCHEMA_VERSION:
        raise SchemaTooOld(f"this page's schema is {text}, ours is {SCHEMA_VERSION}: reload it")
