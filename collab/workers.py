"""The workers beside a server, in processes of their own: pycrdt holds the interpreter, receivers
of webhooks are slow.

They are forked before the server loads what only it needs, so that all share the memory of what
they have in common. One that ended is started again from nothing: a process with threads and an
event loop must not be forked. They end when the server does, however it ends.
"""

import gc
import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterable
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess

import django
from django.core.management import call_command, get_commands, load_command_class
from django.db import connections

logger = logging.getLogger(__name__)

_NICENESS = 10  # a tenth of the processor where somebody else wants it: people who type come first


class Workers:
    """``commands`` are management commands of ours that know ``--child``."""

    def __init__(self, commands: Iterable[str]) -> None:
        self._running: dict[str, BaseProcess | None] = dict.fromkeys(commands)

    def fork(self) -> None:
        """Start them all. Only in a process without threads, event loop and open connections.

        Raises RuntimeError in any other: two processes that write into one connection to the
        database read each other's answers.
        """
        _hang_up()
        if threading.active_count() > 1:
            raise RuntimeError(f"not to be forked: {threading.enumerate()}")
        owners = get_commands()
        for command in self._running:
            load_command_class(owners[command], command)  # what it imports is shared, too
        gc.collect()
        gc.freeze()  # or each process would look at all of it, and so copy it
        for command in self._running:
            self._start(multiprocessing.get_context("fork"), command)

    def keep_running(self) -> None:
        """Start again what has ended. To be called every now and then."""
        for command, worker in self._running.items():
            if worker is None or not worker.is_alive():
                self._start(multiprocessing.get_context("spawn"), command)

    def _start(self, context: ForkContext | SpawnContext, command: str) -> None:
        worker = context.Process(target=_work, args=(command,))
        try:
            worker.start()
        except OSError as error:  # out of memory or files: tried again
            logger.error("no worker", extra={"command": command, "error": str(error)})
        else:
            self._running[command] = worker


def _hang_up() -> None:
    for connection in connections.all(initialized_only=True):
        connection.close()
        if connection.vendor == "postgresql":
            connection.close_pool()  # type: ignore[attr-defined]  # and the threads that tend it


def _work(command: str) -> None:
    """Run a command until the process that started this one ends."""
    # No Ctrl-C for it; but the server's session, or Linux would weigh it as much as all of that
    # together (autogroups), however nice it is.
    os.setpgid(0, 0)
    os.nice(_NICENESS)
    server = multiprocessing.parent_process()
    assert server is not None
    sys.stdin = os.fdopen(server.sentinel)
    django.setup()
    call_command(command, child=True)
