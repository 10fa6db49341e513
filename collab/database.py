"""Database work from the event loop, each call in a thread of a pool.

Not Channels' default: that lines all calls of all sockets up in one shared thread. And not
the loop's own pool: a database that hangs would take the threads of all other work with it.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache, partial, wraps
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Model

P = ParamSpec("P")
T = TypeVar("T")

# Every driver takes these. Django's look at each value was a fifth of the work of people who type
# alone; of dates and ids it is taken once a statement.
_AS_THEY_ARE = frozenset({int, str, bytes, type(None)})
_THREADS = ThreadPoolExecutor(16, thread_name_prefix="database")
# Admissions of a storm must not keep edits from the log.
_WRITER = ThreadPoolExecutor(1, thread_name_prefix="journal")


def in_database_thread(work: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """An awaitable form of synchronous database work.

    After each call the connection goes back into the pool. SQLite has none: there each thread
    keeps its own, for to open one takes longer than most calls.
    """

    def work_and_give_back(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        except DatabaseError:  # perhaps it is the connection: the next call has another
            connection.close()
            raise
        finally:
            if connection.vendor != "sqlite":
                connection.close_if_unusable_or_obsolete()

    @wraps(work)
    def work_in_thread(*args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        # Else what Django sets there would be the caller's, who may keep it as long as it lives.
        in_thread = sync_to_async(
            work_and_give_back, thread_sensitive=False, executor=_THREADS, context=copy_context()
        )
        return in_thread(*args, **kwargs)

    return work_in_thread


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
    """Likewise, in the thread that nothing but the journal uses, which keeps its connection.

    To open one for each commit takes longer than most commits (and SQLite tidies its log whenever
    the last one is closed).
    """

    @wraps(work)
    def work_or_hang_up(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        except Exception:  # perhaps it is the connection: the next attempt has another
            connection.close()
            raise

    return sync_to_async(work_or_hang_up, thread_sensitive=False, executor=_WRITER)


def insert_rows(model: type[Model], fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """``bulk_create`` without objects, for the journal: a quarter of the time.

    Integers, strings, bytes and None have to be what the column stores; nothing converts them.
    """
    columns = [model._meta.get_field(name) for name in fields]
    names = ", ".join(_quoted(field) for field in columns)
    values = ", ".join(["%s"] * len(columns))
    table = connection.ops.quote_name(model._meta.db_table)
    _write(f"INSERT INTO {table} ({names}) VALUES ({values})", columns, rows)  # noqa: S608 - names


def update_rows(model: type[Model], fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """``bulk_update`` without objects, likewise; the primary key comes last in each row.

    Django's makes one statement of conditions for all rows: a commit of a hundred documents took
    142 ms of Python with it and takes 16 without (measured).
    """
    columns = [*(model._meta.get_field(name) for name in fields), model._meta.pk]
    *assigned, key = (f"{_quoted(field)} = %s" for field in columns)
    table = connection.ops.quote_name(model._meta.db_table)
    _write(f"UPDATE {table} SET {', '.join(assigned)} WHERE {key}", columns, rows)  # noqa: S608


def _write(statement: str, columns: Sequence[Any], rows: Iterable[Sequence[Any]]) -> None:
    prepare = [cache(partial(field.get_db_prep_save, connection=connection)) for field in columns]
    with connection.cursor() as cursor:
        cursor.executemany(
            statement,
            [
                [
                    value if type(value) in _AS_THEY_ARE else prepared(value)
                    for prepared, value in zip(prepare, row, strict=True)
                ]
                for row in rows
            ],
        )


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)
