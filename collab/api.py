"""The HTTP API under /api/v1/: mounts the apps' routers, authenticates, reports errors.

Errors leave as ``application/problem+json`` (RFC 9457) with the stable code of their class.
"""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation, PathView
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from collab import throttle
from collab.accounts.api import router as accounts
from collab.accounts.principal import Principal, principal_of_request
from collab.addresses import address_in
from collab.database import in_request_thread
from collab.errors import (
    CollabError,
    NoAccess,
    NotAuthenticated,
    ScopeTooSmall,
    TooLarge,
    TooManyRequests,
    Unavailable,
)
from collab.openapi import PROBLEM, DescribedAPI
from documents.activity import HistoryGone
from documents.api import ASYNC_ROUTERS, MY_ROUTERS
from documents.api import ROUTERS as DOCUMENT_ROUTERS
from documents.formats.operations import TargetMissing

logger = logging.getLogger(__name__)

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CsrfFailed(NoAccess):
    """A cookie alone may be another site's doing."""

    code = "csrf"


class ApiTokenAuth(HttpBearer):
    """``Authorization: Bearer`` with a token of ``manage.py issue_token``."""

    def authenticate(self, request: HttpRequest, token: str) -> Principal:
        principal = _recognised(request)
        if principal.may_only_read and request.method not in _SAFE_METHODS:
            raise ScopeTooSmall('this token has scope "read": it may only read')
        return principal


class SessionAuth(APIKeyCookie):
    """The log-in cookie with Django's CSRF token, or a guest with ``?link=``."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Principal:
        # Guests have nothing that a browser would send by itself, so nothing to forge.
        if not isinstance(request.user, AnonymousUser) and check_csrf(request):
            raise CsrfFailed("send the csrftoken cookie's value as X-CSRFToken")
        return _recognised(request)

    def authenticate(self, request: HttpRequest, key: str | None) -> Principal:
        return _recognised(request)


def _recognised(request: HttpRequest) -> Principal:
    """Who asks, counted. Raises NotAuthenticated or TooManyRequests."""
    address = address_in(request.META, settings.COLLAB.proxies)
    try:
        principal = principal_of_request(request)
    except NotAuthenticated:
        throttle.count_stranger(address)
        raise
    throttle.count(principal, address)
    return principal


class AsyncApiTokenAuth(ApiTokenAuth):
    """The same for operations that await: it asks the database, in a thread."""

    async def __call__(self, request: HttpRequest) -> Principal | None:
        return await in_request_thread(super().__call__)(request)


class AsyncSessionAuth(SessionAuth):
    """Likewise."""

    async def __call__(self, request: HttpRequest) -> Principal:  # type: ignore[override]
        return await in_request_thread(super().__call__)(request)


api = DescribedAPI(
    title="Collab",
    version="1",
    description="Documents that people and programs write together.",
    urls_namespace="api",
    docs_url="/docs",
    openapi_url="/openapi.json",
    auth=[ApiTokenAuth(), SessionAuth()],
)
api.add_router("", accounts)
for tag, router in DOCUMENT_ROUTERS:
    api.add_router("/documents", router, tags=[tag])
for tag, router in MY_ROUTERS:
    api.add_router("/me", router, tags=[tag])
for tag, router in ASYNC_ROUTERS:
    auth = [AsyncApiTokenAuth(), AsyncSessionAuth()]
    api.add_router("/documents", router, tags=[tag], auth=auth)


def _find_operation(path: PathView, request: HttpRequest) -> Operation | None:
    """HEAD is GET; that its body is left out is ``collab.request``'s."""
    operations = {method: each for each in path.operations for method in each.methods}
    found = operations.get(request.method or "")
    return operations.get("GET") if found is None and request.method == "HEAD" else found


def _not_allowed(path: PathView) -> HttpResponse:
    methods = {method for each in path.operations for method in each.methods}
    allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    response = _problem(405, "method-not-allowed", f"this path knows {allowed}")
    response["Allow"] = allowed
    return response


# Ninja asks nobody what to answer here: it says it in HTML.
PathView._find_operation = _find_operation  # type: ignore[assignment, method-assign]
PathView._not_allowed = _not_allowed  # type: ignore[assignment, method-assign]


@csrf_exempt
def no_such_path(request: HttpRequest, path: str) -> HttpResponse:
    """Whatever under /api/v1/ no router knows."""
    return _problem(404, "not-found", "no such path in this API; see /api/v1/docs")


@api.exception_handler(CollabError)
def _on_error(request: HttpRequest, error: CollabError) -> HttpResponse:
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("request failed", exc_info=error, extra={"code": error.code})
    response = _problem(error.status, error.code, str(error))
    if error.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyRequests | Unavailable):
        response["Retry-After"] = str(error.retry_after_s)
    return response


@api.exception_handler(TargetMissing)
def _on_missing_target(request: HttpRequest, error: TargetMissing) -> HttpResponse:
    return _problem(error.status, error.code, str(error), there=error.there)


@api.exception_handler(HistoryGone)
def _on_gone_history(request: HttpRequest, error: HistoryGone) -> HttpResponse:
    return _problem(error.status, error.code, str(error), head=error.head)


@api.exception_handler(RequestDataTooBig)
def _on_too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return _problem(TooLarge.status, TooLarge.code, f"a request may have {limit:,} bytes")


@api.exception_handler(SuspiciousOperation)
@api.exception_handler(MultiPartParserError)
def _on_bad_form(request: HttpRequest, error: Exception) -> HttpResponse:
    """A form that Django does not take: fields without end, parts without a boundary."""
    return _problem(400, "malformed", str(error) or "this form cannot be read")


@api.exception_handler(ValidationError)
def _on_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = [{"at": _place(fault["loc"]), "message": fault["msg"]} for fault in error.errors]
    detail = "; ".join(f"{fault['at']}: {fault['message']}" for fault in faults)
    return _problem(422, "invalid", detail, errors=faults)


def _place(steps: Sequence[str | int]) -> str:
    """As the sender knows it: without Ninja's word for what kind of parameter it is in."""
    kind, *inner = map(str, steps)
    return ".".join(inner[1:] if kind == "body" else inner) or kind


@api.exception_handler(HttpError)
def _on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return _problem(error.status_code, "malformed", str(error))


@api.exception_handler(Http404)
def _on_missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return _problem(404, "not-found", "not found")


@api.exception_handler(DatabaseError)
def _on_database_away(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    logger.warning("database away", extra={"path": request.path, "error": f"{error!r:.200}"})
    return _on_error(request, Unavailable("the database does not answer; try again"))


@api.exception_handler(Exception)
def _on_failure(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("request failed", exc_info=error, extra={"path": request.path})
    return _problem(500, "internal", "something went wrong here; it has been noted")


def _problem(status: int, code: str, detail: str, **more: Any) -> HttpResponse:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return JsonResponse(body | more, status=status, content_type=PROBLEM)
