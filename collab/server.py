"""The server process: Daphne with our limits, our signals and our drain.

SIGTERM or SIGINT: no new connections, members are sent away (4503), the journal is flushed,
exit. A second signal exits at once; what was acknowledged is safe in either case.
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from typing import Any

# First: daphne.server installs Twisted's asyncio reactor when it is imported.
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings
from twisted.internet import reactor

from collab.conf import ROOT, Conf
from collab.errors import TooLarge
from documents.sync.hub import current_hub

logger = logging.getLogger(__name__)

_FLUSH_TIMEOUT_S = 20
_OVERHEAD_BYTES = 64 * 1024  # so that our own check, which answers in words, comes first


class _SocketProtocol(WebSocketProtocol):  # type: ignore[misc]
    """Daphne's, but a message beyond the limit is answered with 4413 instead of a dropped TCP."""

    # Seconds until TCP is dropped after our close: who is still sending 50 MB reads it only then.
    closeHandshakeTimeout = 15

    def _max_message_size_exceeded(self, size: int, limit: int, reason: str) -> None:
        # autobahn calls this before it has buffered anything; failedByMe has it drop the rest.
        self.failedByMe = True
        self.muted = True
        self.application_queue.put_nowait({"type": "websocket.disconnect", "code": 1009})
        self.sendClose(code=TooLarge.close_code)


class CollabServer(Server):  # type: ignore[misc]
    """One process of the service. ``run`` blocks until it was told to stop."""

    connections: dict[Any, dict[str, Any]]

    def __init__(self, application: Any, *, host: str, port: int, conf: Conf) -> None:
        largest = conf.max_message_bytes + _OVERHEAD_BYTES
        super().__init__(
            application,
            endpoints=[f"tcp:port={port}:interface={host.replace(':', chr(92) + ':')}"],
            signal_handlers=False,
            websocket_timeout=-1,
            websocket_max_message_size=largest,
            websocket_max_frame_size=largest,
            ready_callable=self._ready,
            server_name="collab",
        )
        self._host = host
        self._conf = conf
        self._stopping: asyncio.Task[None] | None = None
        self._worker: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        WebSocketFactory.protocol = _SocketProtocol
        super().run()

    def _ready(self) -> None:
        loop = asyncio.get_event_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        if self._conf.compact_worker:
            self._start_worker()

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        logger.info("listening", extra={"url": f"http://{self._host}:{port.getHost().port}"})

    def _start_worker(self) -> None:
        """Compaction in a process of its own: pycrdt holds the interpreter while it works.

        The worker ends when its standard input does, so that it never outlives us.
        """
        self._worker = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, str(ROOT / "manage.py"), "compact", "--follow"],
            stdin=subprocess.PIPE,
            start_new_session=True,
            env=dict(os.environ),
        )

    def _on_signal(self) -> None:
        if self._stopping is not None:
            logger.warning("second signal: exit without drain")
            os._exit(1)
        self._stopping = asyncio.get_running_loop().create_task(self._drain_and_stop())

    async def _drain_and_stop(self) -> None:
        logger.info("stopping")
        for listener in self.listeners:
            listener.addCallback(lambda port: port.stopListening())
        hub = current_hub()
        try:
            await asyncio.wait_for(hub.drain(), self._conf.drain_s + _FLUSH_TIMEOUT_S)
        except TimeoutError:
            logger.error(
                "the log did not take everything in time; nothing of that was acknowledged"
            )
        await hub.stop()
        if self._worker is not None and self._worker.stdin is not None:
            self._worker.stdin.close()
        self.stop()

    def kill_all_applications(self) -> Any:
        # Daphne expects an application on every connection and stumbles over a fresh one.
        self.connections = {
            protocol: details
            for protocol, details in self.connections.items()
            if "application_instance" in details
        }
        return super().kill_all_applications()


def serve(host: str, port: int) -> None:
    """Serve until a signal. The application is imported here, after the reactor is in place."""
    from collab.asgi import application  # noqa: PLC0415 - loads all apps, needs the reactor

    if not reactor.running:
        CollabServer(application, host=host, port=port, conf=settings.COLLAB).run()
