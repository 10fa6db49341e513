"""Requests to addresses that people gave us: to public ones, by a connection to what was checked.

A name is resolved here, each of its addresses is judged, and the connection goes to one that
passed: an answer of DNS that changes in between changes nothing. Follows no redirects, uses no
proxy, reads nothing but the status. Knows nothing of webhooks.

Looking a name up has threads for nothing else, and nobody has more than a few of them: one
whose name server does not answer keeps its thread long after whoever asked has given up.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import httpcore

from collab.errors import CollabError, TooManyRequests, Unavailable
from collab.shares import SharedThreads

Address = IPv4Address | IPv6Address

# What is routed on the internet. The rest of IPv6 is local, reserved, or IPv4 in disguise.
_GLOBAL_UNICAST = ip_network("2000::/3")
_LONGEST_URL = 2000
# As many as there may be deliveries at once, so that only who is slow waits for a thread.
_LOOK_UPS = 50
_LOOK_UPS_OF_ONE = 5
_RESOLVERS = SharedThreads(
    "resolver", threads=_LOOK_UPS, share=lambda _: _LOOK_UPS_OF_ONE, most_of_one=32, most=256
)


class UrlNotAllowed(CollabError):
    """An address that this service does not send to: give a public one, over https."""

    status, code = 422, "url-not-allowed"


class NotReached(Exception):
    """Nothing answered in time; the text says what happened, in a few words."""


def is_public(address: Address) -> bool:
    """Whether this is an address on the internet, and hides none that is not."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    if address.sixtofour is not None and not is_public(address.sixtofour):
        return False
    return address in _GLOBAL_UNICAST and address.is_global


def check_url(url: str, *, allowed: Sequence[str], insecure: bool) -> str:
    """The host of a URL that may be sent to, as far as the URL itself tells. Raises UrlNotAllowed.

    ``allowed``: networks that are not public and may be reached. A name is not resolved: whose
    name server does not answer would keep us, and by the time of sending it may lead elsewhere.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # which is looked at when it is asked for
    except ValueError as error:
        raise UrlNotAllowed(f"this is no URL: {error}") from None
    if parts.scheme not in ({"https", "http"} if insecure else {"https"}):
        raise UrlNotAllowed("the URL must begin with https://")
    if not host or not url.isascii() or len(url) > _LONGEST_URL:
        raise UrlNotAllowed(f"the URL must name a host, in at most {_LONGEST_URL:,} characters")
    if parts.username is not None or parts.fragment:
        raise UrlNotAllowed("the URL must not hold a password or a fragment")
    try:
        # All the ways to write an address that the resolver knows, "0x7f.1" too.
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        if ":" not in host:
            return host
        found = []  # in brackets, so no name either
    _permitted(host, found, allowed)
    return host


async def post(
    url: str,
    headers: Mapping[str, str],
    content: bytes,
    *,
    sender: str,
    allowed: Sequence[str],
    within_s: float,
) -> int:
    """Send; the answer's status. Raises UrlNotAllowed, or NotReached.

    ``sender``: in whose name, of whom only a few names are looked up at once.
    """
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    try:
        async with (
            asyncio.timeout(within_s),
            httpcore.AsyncConnectionPool(
                ssl_context=_tls(), network_backend=_CheckedNetwork(sender, allowed)
            ) as pool,
            pool.stream("POST", url, headers=named, content=content) as response,
        ):
            return int(response.status)
    except TimeoutError:
        raise NotReached(f"no answer within {within_s:g} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError) as error:
        raise NotReached(f"{type(error).__name__}: {error}") from None


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to addresses that have passed. TLS, one layer up, still checks the name."""

    def __init__(self, sender: str, allowed: Sequence[str]) -> None:
        self._sender = sender
        self._allowed = allowed
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await self._look_up(host, port)
        *others, last = _permitted(host, found, self._allowed)
        for address in others:
            try:
                return await self._network.connect_tcp(str(address), port, timeout)
            except httpcore.ConnectError:
                continue
        return await self._network.connect_tcp(str(last), port, timeout)

    async def _look_up(self, host: str, port: int) -> Sequence[Any]:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            return await asyncio.wrap_future(_RESOLVERS.submit(self._sender, ask))
        except (TooManyRequests, Unavailable):
            raise NotReached("too many names are being looked up already") from None
        except (OSError, UnicodeError):
            return []


def _permitted(host: str, found: Iterable[Any], allowed: Sequence[str]) -> list[Address]:
    addresses = [_plain(entry[4][0]) for entry in found]
    networks = [ip_network(each) for each in allowed]
    permitted = [
        each
        for each in addresses
        if is_public(each) or any(each in network for network in networks)
    ]
    if not permitted:
        # The same for a name that does not resolve: which there are inside is nobody's business.
        raise UrlNotAllowed(f"{host} leads to no public address")
    return permitted


def _plain(text: str) -> Address:
    """IPv4 as such, however it is written."""
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
