"""Which channel layer ``REDIS_URL`` means: none, one Redis, several, or one behind Sentinel.

Read by the settings. Imports nothing of ours.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

SENTINEL = "redis+sentinel"
_SCHEMES = {"redis", "rediss", "unix"}
_BETWEEN_URLS = re.compile(r",\s*(?=[a-z+]+://)")  # a Sentinel URL has commas of its own
_DEFAULTSENTINEL_PORT = 26379
# A Redis that hangs must not hang us: what it should have carried heals from the log.
_TIMEOUTS = {"socket_connect_timeout": 2, "socket_timeout": 5}


def channel_layer(redis_url: str) -> dict[str, Any]:
    """The entry of ``CHANNEL_LAYERS``. Raises ImproperlyConfigured for what is no Redis URL."""
    if not redis_url:
        return {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    return {
        "BACKEND": "collab.pubsub.PubSubLayer",
        "CONFIG": {"hosts": [_host(url) for url in redis_urls(redis_url)]},
    }


def redis_urls(redis_url: str) -> list[str]:
    """Each Redis that ``REDIS_URL`` names."""
    return [url.strip() for url in _BETWEEN_URLS.split(redis_url)]


def _host(url: str) -> dict[str, Any]:
    scheme = urlsplit(url).scheme
    if scheme == SENTINEL:
        return _sentinel(url)
    if scheme not in _SCHEMES:
        raise ImproperlyConfigured(
            f"REDIS_URL: must begin with redis://, rediss://, unix:// or {SENTINEL}://"
        )
    return {"address": url, **_TIMEOUTS}


def _sentinel(url: str) -> dict[str, Any]:
    """``redis+sentinel://[user:password@]host[:port][,host[:port]…]/master[/database]``."""
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    master, _, database = parts.path.strip("/").partition("/")
    if not hosts or not master:
        raise ImproperlyConfigured(
            f"REDIS_URL: must look like {SENTINEL}://host:26379,host:26379/name-of-the-master"
        )
    user, _, password = login.partition(":")
    try:
        sentinels = [_address(host) for host in hosts.split(",")]
        number = int(database or 0)
    except ValueError:
        raise ImproperlyConfigured("REDIS_URL: ports and the database are numbers") from None
    credentials = {"username": user or None, "password": password or None}
    return {"sentinels": sentinels, "master_name": master, "db": number, **credentials, **_TIMEOUTS}


def _address(host: str) -> tuple[str, int]:
    name, _, port = host.partition(":")
    return name, int(port or _DEFAULTSENTINEL_PORT)
