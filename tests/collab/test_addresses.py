"""Whose address a request counts as, with none, one and several proxies in between."""

from typing import Any

import pytest

from collab.addresses import address_of, client_address, network_of

PEER = "192.0.2.1"


@pytest.mark.parametrize(
    ("forwarded_for", "proxies", "address"),
    [
        ("", 0, PEER),
        ("203.0.113.9", 0, PEER),  # nobody told us of a proxy: anybody can have written it
        ("", 1, PEER),  # past the proxy
        (" , ", 1, PEER),
        ("203.0.113.9", 1, "203.0.113.9"),
        ("127.0.0.1, 203.0.113.9", 1, "203.0.113.9"),  # the first was the client's own word
        ("127.0.0.1, 203.0.113.9, 10.0.0.1", 2, "203.0.113.9"),
        ("203.0.113.9", 2, "203.0.113.9"),  # past the outer proxy
        ("127.0.0.1,2001:db8::9", 1, "2001:db8::9"),
    ],
)
def test_as_many_entries_are_believed_as_there_are_proxies(
    forwarded_for: str, proxies: int, address: str
) -> None:
    assert client_address(PEER, forwarded_for, proxies) == address


def scope(*forwarded_for: bytes, client: Any = (PEER, 4711)) -> dict[str, Any]:
    return {"headers": [(b"x-forwarded-for", each) for each in forwarded_for], "client": client}


def test_a_header_that_came_twice_is_one_list() -> None:
    assert address_of(scope(b"127.0.0.1", b"203.0.113.9"), 1) == "203.0.113.9"
    assert address_of(scope(b"127.0.0.1", b"203.0.113.9"), 0) == PEER


def test_a_caller_without_an_address_has_none() -> None:
    assert address_of(scope(client=None), 0) == ""


def test_bytes_that_are_no_text_are_no_failure() -> None:
    assert address_of(scope(b"\xff\xfe, 203.0.113.9"), 1) == "203.0.113.9"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_one_customer_of_ipv6_is_one_network(address: str, network: str) -> None:
    assert network_of(address) == network
