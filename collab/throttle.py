"""How often somebody may call the API: per token, per user, and per address of strangers.

Counted in Redis where there is one, so that all processes count together. While Redis is
away each process counts for itself: a limit that fails must shut nobody out.
"""

import logging
import time
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from collab.accounts.principal import Principal
from collab.addresses import network_of
from collab.errors import TooManyRequests
from collab.layer import SENTINEL, redis_urls

logger = logging.getLogger(__name__)

_TIMEOUTS = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}
_PAUSE_S = 5.0  # before a Redis that was away is asked again


def count(principal: Principal, address: str) -> None:
    """Count a request that was recognised. Raises TooManyRequests with the seconds to wait."""
    conf = settings.COLLAB
    if principal.api_token_id is not None:
        _take(conf.api_per_token, "token", str(principal.api_token_id))
    if principal.user_id is not None:
        _take(conf.api_per_user, "user", str(principal.user_id))
    else:
        count_stranger(address)


def count_stranger(address: str) -> None:
    """Count a request of a guest, or of whoever presents what is no credential of ours."""
    _take(settings.COLLAB.api_per_address, "address", network_of(address))


def _take(per_minute: int, kind: str, who: str) -> None:
    if not per_minute:
        return
    rate = RateLimitItemPerMinute(per_minute, namespace="collab")
    wait_s = _counters().take(rate, kind, who)
    if wait_s is not None:
        raise TooManyRequests(
            f"{per_minute:,} requests a minute for one {kind}; slow down", retry_after_s=wait_s
        )


class _Counters:
    """``shared`` is asked first; ``own`` counts while that is away."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._own = SlidingWindowCounterRateLimiter(storage_from_string("memory://"))
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._away_until = 0.0

    def take(self, rate: RateLimitItemPerMinute, *whose: str) -> int | None:
        """Count one; None if it was allowed, else the seconds until it will be."""
        if self._redis_url and time.monotonic() >= self._away_until:
            try:
                return self._take_from(self._from_redis(), rate, *whose)
            except (StorageError, ConfigurationError) as error:
                self._away_until = time.monotonic() + _PAUSE_S
                logger.warning("requests counted per process", extra={"error": f"{error!r:.200}"})
        return self._take_from(self._own, rate, *whose)

    def _take_from(
        self, limiter: SlidingWindowCounterRateLimiter, rate: RateLimitItemPerMinute, *whose: str
    ) -> int | None:
        if limiter.hit(rate, *whose):
            return None
        return max(1, round(limiter.get_window_stats(rate, *whose).reset_time - time.time()))

    def _from_redis(self) -> SlidingWindowCounterRateLimiter:
        if self._shared is None:
            uri, options = _storage(self._redis_url)
            storage = storage_from_string(uri, wrap_exceptions=True, **_TIMEOUTS, **options)
            self._shared = SlidingWindowCounterRateLimiter(storage)
        return self._shared


@cache
def _counters() -> _Counters:
    return _Counters(settings.REDIS_URL)


def _storage(redis_url: str) -> tuple[str, dict[str, Any]]:
    """The first Redis of ``REDIS_URL``, as ``limits`` names it."""
    url = redis_urls(redis_url)[0]
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"redis+{url}", {}
    if parts.scheme != SENTINEL:
        return url, {}
    master, _, database = parts.path.strip("/").partition("/")
    return parts._replace(path=f"/{master}").geturl(), {"db": int(database or 0)}
