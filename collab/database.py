"""Database work from the event loop, each call in a thread of a pool.

Not Channels' default: that lines all calls of all sockets up in one shared thread.
"""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar, cast

from channels.db import database_sync_to_async

P = ParamSpec("P")
T = TypeVar("T")


def in_database_thread(work: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """An awaitable form of synchronous database work. Connections are returned after each call."""
    return cast(Callable[P, Awaitable[T]], database_sync_to_async(work, thread_sensitive=False))
