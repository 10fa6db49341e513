"""``manage.py deliver_webhooks``: tell receivers what has happened, until SIGTERM.

``--child`` until standard input is closed, so that the worker that ``serve`` starts does not
outlive it, however it ends.
"""

import asyncio
import signal
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from documents.delivery import Worker


class Command(BaseCommand):
    help = "Deliver webhooks until SIGTERM. As many of these may run as like to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--child", action="store_true", help="until standard input is closed")

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(_work(is_child=options["child"]))


async def _work(*, is_child: bool) -> None:
    loop, worker = asyncio.get_running_loop(), Worker()

    def orphaned() -> None:
        loop.remove_reader(sys.stdin)
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    if is_child:  # nobody writes there: it becomes readable when it is closed
        loop.add_reader(sys.stdin, orphaned)
    await worker.run()
