"""``manage.py backup FILE``: everything in one file, checked by reading it back."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from collab.archive import ArchiveError, summary_of, write_archive


class Command(BaseCommand):
    help = "Write the whole service into one file. Editing may go on meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--force", action="store_true", help="overwrite FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if path.exists() and not options["force"]:
            raise CommandError(f"{path} exists; --force overwrites it")
        try:
            manifest = write_archive(path, overwrite=options["force"])
        except (ArchiveError, OSError) as error:
            raise CommandError(f"no backup was made: {error}") from None
        for document_id, updates in manifest.left_out.items():
            self.stderr.write(
                f"document {document_id}: {updates} updates that nobody can read are kept apart"
            )
        for attachment_id in manifest.missing_files:
            self.stderr.write(f"attachment {attachment_id}: the storage has lost its file")
        count = summary_of(manifest)
        self.stdout.write(
            f"{path}: {count['documents']} documents, {count['people']} people, "
            f"{count['files']} files, "
            f"{path.stat().st_size:,} bytes, read back and compared"
        )
