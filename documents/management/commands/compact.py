"""``manage.py compact [--follow]``: keep versions, fold logs, index texts, collect files.

Not in the server. What is folded was reviewed before: afterwards nobody could tell where a
version had to end.
``--follow`` goes on until SIGTERM; ``--child`` until standard input is closed, so that the
worker that ``serve`` starts does not outlive it, however it ends.
"""

import logging
import select
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.utils import timezone

from documents import orphans
from documents.models import Document
from documents.review import due_for_review, review
from documents.search import Lookout, index
from documents.sync import log
from documents.sync.compaction import compact
from documents.sync.panics import panics_as_errors
from documents.versions import due_for_thinning, thin

logger = logging.getLogger(__name__)

_PAUSE_S = 5.0
_STRAYS_EVERY_S = 3600.0


class Command(BaseCommand):
    help = (
        "Keep versions of documents that are due and compact them, or the named ones, or --all; "
        "--follow: again and again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("documents", nargs="*", type=UUID, metavar="DOCUMENT")
        parser.add_argument("--all", action="store_true", help="whether due or not")
        parser.add_argument("--follow", action="store_true", help="again and again, until SIGTERM")
        parser.add_argument("--child", action="store_true", help="… until standard input is closed")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["documents"] or options["all"]:
            ids = options["documents"] or Document.objects.values_list("id", flat=True)
            self._each(ids, self._compact)
            self._each(ids, self._thin)
            self._each(ids, self._index)
            return
        self._lookout = Lookout()
        self._looked_for_strays_at = -_STRAYS_EVERY_S
        if not (options["follow"] or options["child"]):
            self._do_what_is_due()
            return
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        while True:
            close_old_connections()
            try:
                self._do_what_is_due()
            except Exception:  # the database is away: the next round will do
                logger.exception("compaction round failed")
            if not options["child"]:
                time.sleep(_PAUSE_S)
            elif _is_closed(sys.stdin, within_s=_PAUSE_S):
                return

    def _do_what_is_due(self) -> None:
        conf, now = settings.COLLAB, timezone.now()
        self._each(due_for_review(now), self._review)
        idle = timedelta(seconds=conf.compact_idle_s)
        self._each(
            log.due_for_compaction(rows=conf.compact_rows, idle=idle, now=now), self._compact
        )
        self._each(due_for_thinning(now), self._thin)
        self._each(self._lookout.due(now), self._look)
        orphans.collect(now=now, grace=timedelta(days=conf.attachment_grace_days))
        if time.monotonic() - self._looked_for_strays_at >= _STRAYS_EVERY_S:
            self._looked_for_strays_at = time.monotonic()
            orphans.delete_strays(now=now)

    def _each(self, document_ids: Iterable[UUID], do: Callable[[UUID], object]) -> None:
        for document_id in document_ids:
            try:
                with panics_as_errors():
                    do(document_id)
            except Exception:  # one damaged document must not keep the others long
                logger.exception("not compacted", extra={"document": document_id})

    def _review(self, document_id: UUID) -> None:
        review(document_id, now=timezone.now())

    def _compact(self, document_id: UUID) -> None:
        now = timezone.now()
        reviewed = review(document_id, now=now)
        if reviewed is not None:
            compact(
                document_id,
                now=now,
                retention=timedelta(days=settings.COLLAB.log_retention_days),
                up_to=reviewed.up_to,
                keep_rows_after=reviewed.session_after,
            )

    def _index(self, document_id: UUID) -> None:
        index(document_id, now=timezone.now())

    def _look(self, document_id: UUID) -> None:
        self._lookout.look(document_id, now=timezone.now())

    def _thin(self, document_id: UUID) -> None:
        thin(document_id, timezone.now())


def _is_closed(stream: Any, *, within_s: float) -> bool:
    """Wait so long; True as soon as the other end of the pipe is closed."""
    readable, _, _ = select.select([stream], [], [], within_s)
    return bool(readable) and not stream.read(1)
