"""`manage.py createuser NAME`: a user without questions."""

import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction


class Command(BaseCommand):
    help = "Create a user. Without --password, one is made up and printed this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user name to log in with")
        parser.add_argument(
            "--email", default="", help="e-mail address; may be logged in with, too"
        )
        parser.add_argument("--password", help="the password to log in with")
        parser.add_argument(
            "--staff",
            action="store_true",
            help="an operator: may do everything in /admin/ and /ops/",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name, password = options["name"], options["password"] or secrets.token_urlsafe(12)
        user = User(
            username=User.normalize_username(name),
            email=User.objects.normalize_email(options["email"]),
            is_staff=options["staff"],
            is_superuser=options["staff"],
        )
        user.set_password(password)
        try:
            # Only the form: whether the name is free, the database says without a race.
            user.clean_fields(exclude=["password"])
            with transaction.atomic():
                user.save()
        except ValidationError as error:
            raise CommandError(f"{name!r}: {' '.join(error.messages)}") from None
        except IntegrityError:
            raise CommandError(f"user {name!r} exists already") from None
        shown = "" if options["password"] else f", password {password}"
        self.stdout.write(f"created user {name}{shown}")
