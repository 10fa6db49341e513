"""``manage.py serve``: the production server process. ``make run``, docker and systemd use it."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InvalidStorageError, Storage, storages
from django.core.management.base import BaseCommand
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from collab.heap import use_one_heap
from collab.workers import Workers


class Command(BaseCommand):
    help = "Serve HTTP and WebSocket until SIGTERM or SIGINT."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        use_one_heap()
        _require_storage()
        _require_migrated()
        workers = Workers(_wanted_workers())
        workers.fork()
        # Not before: it brings Twisted and its event loop, which must not be forked.
        from collab.server import serve  # noqa: PLC0415

        serve(options["host"], options["port"], workers)


def _wanted_workers() -> Iterator[str]:
    if settings.COLLAB.compact_worker:
        yield "compact"
    if settings.COLLAB.webhook_worker:
        yield "deliver_webhooks"


def _require_migrated() -> None:
    """Raises ImproperlyConfigured: one line, rather than errors for ever."""
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        said = str(error).strip().partition("\n")[0]
        raise ImproperlyConfigured(f"DATABASE_URL: {said}") from error
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise ImproperlyConfigured("the database is not up to date: run `manage.py migrate` first")
    connection.close()


def _require_storage() -> None:
    """Raises ImproperlyConfigured for a storage that is not there, or does not take its options."""
    try:
        storage = storages["attachments"]
    except (InvalidStorageError, TypeError) as error:
        raise ImproperlyConfigured(f"ATTACHMENTS_STORAGE: {error}") from error
    if not isinstance(storage, Storage):
        raise ImproperlyConfigured("ATTACHMENTS_STORAGE: it is not a storage of Django's")
