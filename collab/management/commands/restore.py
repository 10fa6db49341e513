"""``manage.py restore FILE``: fill an empty database from what ``backup`` wrote."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from collab.archive import ArchiveError, read_archive, summary_of


class Command(BaseCommand):
    help = "Fill an empty, migrated database from a backup. All or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            manifest = read_archive(options["file"])
        except ArchiveError as error:
            raise CommandError(f"nothing was restored: {error}") from None
        count = summary_of(manifest)
        self.stdout.write(
            f"{count['documents']} documents and {count['people']} people of {manifest.made_at}"
        )
