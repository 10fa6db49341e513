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
from typing import Any

import django
from django.core.management import call_command, get_commands, load_command_class
from django.db import connections

logger = logging.getLogger(__name__)

_NICENESS = 10  # a tenth of the processor where somebody else wants it: people who type come first


class Workers:
    """``commands`` are management commands of ours that know ``--child``."""

    def __init__(self, commands: Iterable[str]) -> None:
        self._running: dict[str, BaseProcess | None] = dict.fromkeys(commands)
        self._life: tuple[int, int] = (-1, -1)  # a pipe that is closed when we end

    def fork(self) -> None:
        """Start them all. Only in a process without threads, event loop and open connections.

        Raises RuntimeError in any other: two processes that write into one connection to the
        database read each other's answers.
        """
        if not self._running:
            return
        _hang_up()
        if threading.active_count() > 1:
            raise RuntimeError(f"not to be forked: {threading.enumerate()}")
        owners = get_commands()
        for command in self._running:
            load_command_class(owners[command], command)  # what it imports is shared, too
        gc.collect()
        gc.freeze()  # or each process would look at all of it, and so copy it
        self._life = os.pipe()
        for command in self._running:
            self._start(multiprocessing.get_context("fork"), command, self._life)

    def keep_running(self) -> None:
        """Start again what has ended. To be called every now and then."""
        for command, worker in self._running.items():
            if worker is None or not worker.is_alive():
                self._start(multiprocessing.get_context("spawn"), command)

    def _start(self, context: ForkContext | SpawnContext, *about: Any) -> None:
        command = about[0]
        # Daemons, or a server that cannot start would wait for them for ever as it exits.
        worker = context.Process(target=_work, args=about, daemon=True)
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


def _work(command: str, life: tuple[int, int] | None = None) -> None:
    """Run a command until the process that started this one ends.

    ``life``: a pipe of that process, which was forked with this one. Not the one that
    multiprocessing has for it: whoever is forked later holds that open.
    """
    # No Ctrl-C for it; but the server's session, or Linux would weigh it as much as all of that
    # together (autogroups), however nice it is.
    os.setpgid(0, 0)
    os.nice(_NICENESS)
    if life is not None:
        here, there = life
        os.close(there)
    else:
        server = multiprocessing.parent_process()
        assert server is not None
        here = server.sentinel
    sys.stdin = os.fdopen(here)
    django.setup()
    call_command(command, child=True)
