"""Where a request comes from, with reverse proxies in between. Pure."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

_CUSTOMER_BITS = 64  # of an IPv6 address: what one customer is given, at least


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


def address_in(meta: Mapping[str, str], proxies: int) -> str:
    """Likewise of a request, by Django's ``request.META``."""
    return client_address(meta["REMOTE_ADDR"], meta.get("HTTP_X_FORWARDED_FOR", ""), proxies)


def network_of(address: str) -> str:
    """Whom to count an address for: of IPv6 a whole /64, all of which one customer has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), _CUSTOMER_BITS), strict=False))
