"""The pages: the list of documents, and a document. Everything else they load by API and socket.

Each gives its page one dict, ``page``, which the template hands to the browser as JSON.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie

from collab.accounts.principal import (
    GUEST_COOKIE,
    GUEST_COOKIE_AGE_S,
    Principal,
    guest_cookie,
    guest_id_of,
    principal_of_request,
    principal_of_user,
)
from collab.errors import NotAuthenticated
from documents.access import role_of
from documents.formats.schema import SCHEMA_VERSION
from documents.models import Document, Role
from presence.identity import Identity, identity_of


@never_cache
@ensure_csrf_cookie
@login_required
def document_list(request: HttpRequest) -> HttpResponse:
    """/: the documents of whoever is logged in."""
    assert request.user.is_authenticated
    identity = identity_of(principal_of_request(request))
    me = _person(identity) | {"username": request.user.get_username()}
    return render(request, "documents/list.html", {"page": {"me": me}})


@never_cache
@ensure_csrf_cookie
def document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """/d/<id>: for anybody with access. Everybody else sees the same page as for no document."""
    try:
        principal = principal_of_request(request)
    except NotAuthenticated:
        return redirect_to_login(request.get_full_path())
    found = Document.objects.select_related("owner__profile").filter(id=document_id).first()
    role = role_of(principal, found) if found is not None else None
    if found is None or role is None or found.is_deleted:
        return _missing(request, principal)
    page = {
        "document": _described(found, role),
        "me": _person(identity := identity_of(principal)) | {"isGuest": identity.is_guest},
        "link": next(iter(principal.link_tokens), None),
        "schema": SCHEMA_VERSION,
        "maxFileBytes": settings.COLLAB.max_attachment_bytes,
    }
    response = render(request, "documents/document.html", {"page": page})
    if principal.is_guest and guest_id_of(request.COOKIES) is None:
        _remember_guest(response, principal, is_secure=request.is_secure())
    return response


def _missing(request: HttpRequest, principal: Principal) -> HttpResponse:
    login = f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}"
    context = {"login_url": login if principal.is_guest else None}
    return render(request, "documents/missing.html", context, status=404)


def _remember_guest(response: HttpResponse, guest: Principal, *, is_secure: bool) -> None:
    """Keep a guest's name and colour the same from visit to visit."""
    response.set_cookie(
        GUEST_COOKIE,
        guest_cookie(guest.guest_id),
        max_age=GUEST_COOKIE_AGE_S,
        httponly=True,
        samesite="Lax",
        secure=is_secure or settings.SESSION_COOKIE_SECURE,
    )


def _described(document: Document, role: Role) -> dict[str, Any]:
    return {
        "id": str(document.id),
        "title": document.title,
        "role": role.key,
        "owner": _person(identity_of(principal_of_user(document.owner))),
    }


def _person(identity: Identity) -> dict[str, Any]:
    return {"id": identity.id, "name": identity.name, "color": identity.colour}
