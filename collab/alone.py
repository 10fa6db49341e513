"""Without Redis one process must be alone on its database: others would not hear what it says.

A process without Redis holds an exclusive lock on the database for as long as it lives, one
with Redis a shared lock: so each notices the other, and a kill releases what it held.
"""

import fcntl
import logging
from pathlib import Path
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

logger = logging.getLogger(__name__)

_LOCK_NUMBER = 0x636F6C6C6162  # "collab", among PostgreSQL's advisory locks of this database
_REFUSAL = (
    "REDIS_URL: another process serves this database. Give all of them the same REDIS_URL, "
    "or start only one."
)


class Lock:
    """Held until the process ends or ``release`` is called."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def release(self) -> None:
        self._held.close()


def lock_database(*, is_alone: bool) -> Lock:
    """Take the lock. Raises ImproperlyConfigured when another process is in the way."""
    lock = _lock_file if connection.vendor == "sqlite" else _lock_server
    held = lock(is_alone=is_alone)
    if held is None:
        raise ImproperlyConfigured(_REFUSAL)
    return Lock(held)


def _lock_file(*, is_alone: bool) -> Any:
    path = Path(f"{connection.settings_dict['NAME']}.lock")
    file = path.open("a")
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _lock_server(*, is_alone: bool) -> Any:
    parameters = connection.get_connection_params()
    for name in ("pool", "cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    link = psycopg.connect(**parameters, autocommit=True)
    take = "pg_try_advisory_lock" if is_alone else "pg_try_advisory_lock_shared"
    row = link.execute(f"SELECT {take}(%s)", [_LOCK_NUMBER]).fetchone()
    if row is None or not row[0]:
        link.close()
        return None
    return link
