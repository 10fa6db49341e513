"""Database work from the event loop, each call in a thread of a pool.

Not Channels' default: that lines all calls of all sockets up in one shared thread. And not
the loop's own pool: a database that hangs would take the threads of all other work with it.
"""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.db import connection

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = ThreadPoolExecutor(16, thread_name_prefix="database")
# Admissions of a storm must not keep edits from the log.
_WRITER = ThreadPoolExecutor(1, thread_name_prefix="journal")


def in_database_thread(work: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """An awaitable form of synchronous database work. Connections are returned after each call."""
    return _awaitable(work, _THREADS)


def in_request_thread(work: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Likewise, of an async request: in its own thread, which would keep its connection.

    A few requests that wait for their commit, or for a slow reader, would take the whole pool.
    """

    @wraps(work)
    def work_and_give_back(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        finally:
            # A whole test may be one transaction; a request never is.
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()

    return sync_to_async(work_and_give_back)


def in_writer_thread(work: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Likewise, in the thread that nothing but the journal uses."""
    return _awaitable(work, _WRITER)


def _awaitable(work: Callable[P, T], threads: ThreadPoolExecutor) -> Callable[P, Awaitable[T]]:
    return cast(
        Callable[P, Awaitable[T]],
        database_sync_to_async(work, thread_sensitive=False, executor=threads),
    )
