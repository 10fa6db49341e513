"""``manage.py verify [DOCUMENT …]``: does every snapshot and log hold together?"""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from documents.models import Document
from documents.sync.compaction import verify


class Command(BaseCommand):
    help = "Replay each document's log over its snapshot; report what does not hold. Exit 1 if any."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("documents", nargs="*", type=UUID, metavar="DOCUMENT")

    def handle(self, *args: Any, **options: Any) -> None:
        ids = options["documents"] or list(Document.objects.values_list("id", flat=True))
        known = set(Document.objects.filter(id__in=ids).values_list("id", flat=True))
        damaged = 0
        for document_id in ids:
            faults = verify(document_id) if document_id in known else ["no such document"]
            damaged += bool(faults)
            for fault in faults:
                self.stdout.write(f"{document_id}: {fault}")
        if damaged:
            raise CommandError(f"{damaged} of {len(ids)} documents do not hold together")
        self.stdout.write(f"{len(ids)} documents hold together")
