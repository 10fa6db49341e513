"""``manage.py compact [--follow]``: fold long logs into snapshots, outside the server.

``--follow`` goes on until SIGTERM; ``--child`` until standard input is closed, so that the
worker that ``serve`` starts does not outlive it, however it ends.
"""

import logging
import select
import signal
import sys
import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.utils import timezone

from documents.models import Document
from documents.sync import log
from documents.sync.compaction import compact

logger = logging.getLogger(__name__)

_PAUSE_S = 5.0


class Command(BaseCommand):
    help = "Compact documents that are due, or the named ones, or --all; --follow: again and again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("documents", nargs="*", type=UUID, metavar="DOCUMENT")
        parser.add_argument("--all", action="store_true", help="whether due or not")
        parser.add_argument("--follow", action="store_true", help="again and again, until SIGTERM")
        parser.add_argument("--child", action="store_true", help="… until standard input is closed")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["documents"] or options["all"]:
            self._compact(options["documents"] or Document.objects.values_list("id", flat=True))
            return
        if not (options["follow"] or options["child"]):
            self._compact(self._due())
            return
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        while True:
            close_old_connections()
            try:
                self._compact(self._due())
            except Exception:  # the database is away: the next round will do
                logger.exception("compaction round failed")
            if not options["child"]:
                time.sleep(_PAUSE_S)
            elif _is_closed(sys.stdin, within_s=_PAUSE_S):
                return

    def _due(self) -> list[UUID]:
        conf = settings.COLLAB
        return log.due_for_compaction(
            rows=conf.compact_rows,
            idle=timedelta(seconds=conf.compact_idle_s),
            now=timezone.now(),
        )

    def _compact(self, document_ids: Any) -> None:
        retention = timedelta(days=settings.COLLAB.log_retention_days)
        for document_id in document_ids:
            try:
                compact(document_id, now=timezone.now(), retention=retention)
            except Exception:  # one damaged document must not keep the others long
                logger.exception("not compacted", extra={"document": document_id})


def _is_closed(stream: Any, *, within_s: float) -> bool:
    """Wait so long; True as soon as the other end of the pipe is closed."""
    readable, _, _ = select.select([stream], [], [], within_s)
    return bool(readable) and not stream.read(1)
