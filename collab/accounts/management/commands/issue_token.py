"""`manage.py issue_token NAME`: a new API token, printed once; only its hash is stored."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from collab.accounts.models import ApiToken


class Command(BaseCommand):
    help = "Print a new API token for a user, and nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="whose programs will use it")
        parser.add_argument("--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.WRITE)
        parser.add_argument("--days", type=int, help="days until it expires; default: never")
        parser.add_argument("--label", default="", help="what it is for")

    def handle(self, *args: Any, **options: Any) -> None:
        days: int | None = options["days"]
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--days must be between 1 and 36500")
        if len(options["label"]) > 100:
            raise CommandError("--label may have 100 characters")
        user = User.objects.filter(username=options["name"]).first()
        if user is None or not user.is_active:
            raise CommandError(f"there is no active user {options['name']!r}")
        _, text = ApiToken.issue(user.pk, scope=options["scope"], days=days, label=options["label"])
        self.stdout.write(text)
