"""Where a request comes from, with reverse proxies in between. Pure."""

from typing import Any


def client_address(peer: str, forwarded_for: str, proxies: int) -> str:
    """The client's address: of so many entries at the end of X-Forwarded-For, the first.

    Each proxy appends whom it was called by; what stands before those entries anybody can have
    written. ``peer`` is whom we were called by. Without proxies a header that is there all the
    same was sent by the client itself, or by a proxy that nobody told us of: it says nothing.
    """
    entries = [entry.strip() for entry in forwarded_for.split(",") if entry.strip()]
    if not proxies or not entries:
        return peer
    return entries[-min(proxies, len(entries))]


def address_of(scope: dict[str, Any], proxies: int) -> str:
    """The address of the client of an ASGI scope."""
    # A header that came several times is one list (RFC 9110, 5.3).
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    peer = (scope.get("client") or [""])[0]
    return client_address(peer, b",".join(values).decode("latin-1"), proxies)
