"""``manage.py serve``: the production server process. ``make run``, docker and systemd use it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from collab.server import serve


class Command(BaseCommand):
    help = "Serve HTTP and WebSocket until SIGTERM or SIGINT."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        serve(options["host"], options["port"])
