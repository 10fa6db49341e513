"""What one client may ask of a process."""

import pytest

from collab.addresses import client_address
from collab.errors import TooManyRequests
from collab.rates import Allowance, Places


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    allowance = Allowance(rate=10, burst=100, now=0)
    assert all(allowance.take(1, now=0) for _ in range(100))
    assert not allowance.take(1, now=0)
    assert [allowance.take(1, now=0.5) for _ in range(6)] == [True] * 5 + [False]


def test_what_is_not_used_is_saved_up_to_the_burst() -> None:
    allowance = Allowance(rate=10, burst=100, now=0)
    assert not allowance.take(101, now=1000)
    assert allowance.take(100, now=1000)


def test_a_rate_of_zero_allows_anything() -> None:
    assert Allowance(rate=0, burst=0, now=0).take(1e9, now=0)


def test_places_are_limited_for_each_and_given_back() -> None:
    places = Places("of yours")
    with places.one("bob", 2), places.one("bob", 2), places.one("carol", 2):
        with pytest.raises(TooManyRequests, match="2 connections of yours"), places.one("bob", 2):
            pass
        with places.one("bob", 0):
            pass
    with places.one("bob", 1):
        pass


@pytest.mark.parametrize(
    ("forwarded_for", "proxies", "address"),
    [
        ("", 0, "peer"),
        ("1.2.3.4", 0, "peer"),  # anybody can write that
        ("", 1, "peer"),
        ("1.2.3.4", 1, "1.2.3.4"),
        ("forged, 1.2.3.4", 1, "1.2.3.4"),
        ("forged, 1.2.3.4, 10.0.0.1", 2, "1.2.3.4"),
        ("10.0.0.1", 2, "10.0.0.1"),
    ],
)
def test_the_address_is_what_the_outermost_proxy_saw(
    forwarded_for: str, proxies: int, address: str
) -> None:
    assert client_address("peer", forwarded_for, proxies) == address
