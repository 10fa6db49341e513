"""The server process from its first moment on; how it drains is in ``tests/test_drain.py``."""

import asyncio
import subprocess
from functools import partial
from typing import Any

from tests.backends import free_port
from tests.servers import PYTHON, ROOT

STOPPED_AS_IT_LISTENS = """
import os, signal, sys
from daphne.server import Server
from django.core.management import execute_from_command_line

def and_be_stopped(self, port, listen_success=Server.listen_success):
    listen_success(self, port)
    os.kill(os.getpid(), signal.SIGTERM)

Server.listen_success = and_be_stopped
os.environ["DJANGO_SETTINGS_MODULE"] = "collab.settings"
execute_from_command_line(["manage.py", "serve", "--port", sys.argv[1]])
"""


async def test_who_stops_it_as_it_begins_to_listen_is_heard(new_server: Any) -> None:
    server = new_server()
    server.stop()
    command = [PYTHON, "-c", STOPPED_AS_IT_LISTENS, str(free_port())]
    run = partial(subprocess.run, cwd=ROOT, env=server.environment, timeout=30)
    ended = await asyncio.to_thread(run, command, capture_output=True)
    assert ended.returncode == 0, ended.stderr
    assert b"drained" in ended.stderr
