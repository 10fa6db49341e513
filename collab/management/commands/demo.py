"""`manage.py demo`: something to try out, made once and shown at every start.

The demo user's password is random and kept in a file that only the operator can read: it can
be printed again, and a demo that ends up on a public address has no password that everybody
knows. The welcome document is made together with the user, so deleting it is respected.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from collab.accounts.models import Profile
from collab.conf import ROOT
from documents.creation import create_document
from documents.formats.tree import new_document_update
from documents.models import Document, Role, ShareLink
from documents.sharing import create_link

USER_NAME = "demo"
WELCOME_ID = UUID("c0111ab0-0000-4000-8000-000000000001")  # the marker: there is one or none
WELCOME = ROOT / "collab" / "demo" / "welcome.json"


class Command(BaseCommand):
    help = "Create the demo user and the welcome document once, and print the way in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="host in the printed link")
        parser.add_argument("--port", type=int, default=8000, help="port in the printed link")
        parser.add_argument(
            "--password-file",
            type=Path,
            default=ROOT / "var" / "demo-password",
            help="where the demo user's password is kept",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        password = _kept_password(options["password_file"])
        _seed(password)
        # A server that listens everywhere is reached, from here, on this machine.
        host = "127.0.0.1" if options["host"] in {"0.0.0.0", "::"} else options["host"]  # noqa: S104
        site = f"http://{host}:{options['port']}"
        if (link := _welcome_link()) is not None:
            self.stdout.write(f"Welcome document (edit without logging in): {site}{link}")
        user = User.objects.get(username=USER_NAME)
        shown = password if user.check_password(password) else "the one you gave it"
        self.stdout.write(f"Log in at {site}/ as {USER_NAME}, password: {shown}")


def _kept_password(path: Path) -> str:
    """The password in this file; a new one if there is none."""
    if path.exists() and (kept := path.read_text().strip()):
        return kept
    path.parent.mkdir(parents=True, exist_ok=True)
    password = secrets.token_urlsafe(9)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(password + "\n")
    return password


def _seed(password: str) -> None:
    with transaction.atomic():
        user, is_new = User.objects.get_or_create(username=USER_NAME)
        if not is_new:
            return
        user.set_password(password)
        user.save()
        Profile.objects.create(user=user, name="Demo")
        welcome = json.loads(WELCOME.read_text(encoding="utf-8"))
        content = new_document_update(welcome["blocks"])
        document = create_document(user, welcome["title"], content, document_id=WELCOME_ID)
        create_link(document, Role.EDITOR, created_by=user.pk)


def _welcome_link() -> str | None:
    """The path that opens the welcome document for editing, unless its owner closed it."""
    links = ShareLink.objects.filter(
        document__in=Document.objects.filter(id=WELCOME_ID, deleted_at=None), role=Role.EDITOR
    )
    link = next((link for link in links.order_by("id") if link.opens), None)
    return f"/d/{WELCOME_ID}?link={link.token}" if link is not None else None
