"""Refuses WebSockets that another site opened with our visitor's log-in cookie.

Browsers send cookies with cross-site WebSockets and no CSRF token protects them: the Origin
header has to. Tokens are not sent by themselves, so whoever shows one may come from anywhere.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

Headers = Iterable[tuple[bytes, bytes]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


class OriginCheck:
    """ASGI middleware; a refusal before accept becomes HTTP 403."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[None]:
        """No coroutine, which each connection would keep for as long as it lives."""
        if needs_origin(scope["headers"], scope.get("query_string", b"")) and not origin_is_allowed(
            scope["headers"],
            allowed_hosts=settings.ALLOWED_HOSTS,
            trusted_origins=settings.CSRF_TRUSTED_ORIGINS,
        ):
            return _refuse(receive, send)
        return self.application(scope, receive, send)


async def _refuse(receive: Any, send: Any) -> None:
    await receive()  # websocket.connect
    await send({"type": "websocket.close"})


def needs_origin(headers: Headers, query_string: bytes) -> bool:
    """Whether the log-in cookie is what would identify this connection."""
    named = _named(headers)
    if "token" in parse_qs(query_string.decode("latin-1")):
        return False
    if named.get("authorization", "").lower().startswith("bearer "):
        return False
    return settings.SESSION_COOKIE_NAME in parse_cookie(named.get("cookie", ""))


def origin_is_allowed(
    headers: Headers, *, allowed_hosts: Sequence[str], trusted_origins: Sequence[str]
) -> bool:
    """Whether the Origin is this host or a trusted one. Programs send none, and may pass.

    Trusted origins are written as in Django's CSRF_TRUSTED_ORIGINS: ``https://host`` or
    ``https://*.host``.
    """
    named = _named(headers)
    if (origin := named.get("origin")) is None:
        return True
    try:
        parsed = urlsplit(origin)
    except ValueError:
        return False
    if not parsed.netloc:  # "null": a sandboxed frame or a file
        return False
    host = named.get("host", "")
    # The scheme is left out: behind a proxy we do not see the one that the browser used.
    if parsed.netloc.lower() == host.lower():
        return validate_host(split_domain_port(host)[0], allowed_hosts)
    return any(_matches(origin, parsed.scheme, parsed.netloc, trust) for trust in trusted_origins)


def _matches(origin: str, scheme: str, netloc: str, trusted: str) -> bool:
    if "*" not in trusted:
        return origin == trusted
    pattern = urlsplit(trusted)
    return scheme == pattern.scheme and is_same_domain(netloc, pattern.netloc.lstrip("*"))


def _named(headers: Headers) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
