"""``REDIS_URL``: none, one, several, Sentinel; and what is refused."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from collab.layer import channel_layer


def hosts_of(url: str) -> list[dict[str, object]]:
    hosts: list[dict[str, object]] = channel_layer(url)["CONFIG"]["hosts"]
    return hosts


def test_without_a_url_messages_stay_in_memory() -> None:
    assert channel_layer("")["BACKEND"] == "channels.layers.InMemoryChannelLayer"


def test_several_urls_are_shards() -> None:
    hosts = hosts_of("redis://one:6379/0, rediss://two")
    assert [host["address"] for host in hosts] == ["redis://one:6379/0", "rediss://two"]


def test_sentinels_name_the_master_and_its_login() -> None:
    (host,) = hosts_of("redis+sentinel://user:secret@one:1,two/mymaster/3")
    assert host["sentinels"] == [("one", 1), ("two", 26379)]
    assert host["master_name"] == "mymaster"
    assert (host["db"], host["username"], host["password"]) == (3, "user", "secret")


@pytest.mark.parametrize(
    "url",
    [
        "http://somewhere",
        "redis+sentinel://one:1",
        "redis+sentinel://one:x/mymaster",
        "redis+sentinel://one:1/mymaster/x",
    ],
)
def test_what_is_no_redis_is_refused_by_name(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL"):
        channel_layer(url)
