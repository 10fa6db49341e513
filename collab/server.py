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
import time
from typing import Any

# First: daphne.server installs Twisted's asyncio reactor when it is imported.
from channels.layers import InMemoryChannelLayer, get_channel_layer
from daphne import http_protocol
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InvalidStorageError, Storage, storages
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from twisted.internet import reactor

from collab import metrics
from collab.alone import lock_database
from collab.conf import ROOT, Conf
from collab.errors import TooLarge
from collab.flow import Flow
from collab.garbage import Garbage
from collab.rates import Allowance
from collab.request import Request
from documents.activity import current_feed
from documents.announce import quarantine_suspect
from documents.sync.hub import current_hub, start_hub
from documents.sync.underway import Underway

logger = logging.getLogger(__name__)

_FLUSH_TIMEOUT_S = 20
_LIFE_SIGN_S = 1.0
_PINGS_PER_S, _PINGS_AT_ONCE = 10.0, 100.0  # of one client; browsers send none at all
_MAX_FRAMES = 20_000  # of one message
_OVERHEAD_BYTES = 64 * 1024  # so that our own check, which answers in words, comes first


class _SocketProtocol(WebSocketProtocol):  # type: ignore[misc]
    """Daphne's, with flow control, and with an answer (4413) for a message beyond the limit."""

    flow: Flow

    # Seconds until TCP is dropped after our close: who is still sending 50 MB reads it only then.
    closeHandshakeTimeout = 15

    def onOpen(self) -> None:
        self.flow.begin()
        self._control = Allowance(_PINGS_PER_S, _PINGS_AT_ONCE, time.monotonic())
        super().onOpen()

    def onPing(self, payload: bytes) -> None:
        """autobahn answers without end, into a buffer without end, whatever the client reads."""
        if not self._control.take(1, time.monotonic()):
            self.dropConnection(abort=True)
        elif self.flow.is_writable:
            super().onPing(payload)

    def onPong(self, payload: bytes) -> None:
        if not self._control.take(1, time.monotonic()):
            self.dropConnection(abort=True)

    def onMessageBegin(self, isBinary: bool) -> None:
        self._frames = 0
        super().onMessageBegin(isBinary)

    def onMessageFrameBegin(self, length: int) -> None:
        self._frames += 1
        if self._frames > _MAX_FRAMES:  # empty ones have no bytes to be counted by
            self.dropConnection(abort=True)
            return
        super().onMessageFrameBegin(length)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if not self.muted:
            self.flow.received(len(payload))
        super().onMessage(payload, isBinary)

    def _max_message_size_exceeded(self, size: int, limit: int, reason: str) -> None:
        # autobahn calls this before it has buffered anything; failedByMe has it drop the rest.
        self.failedByMe = True
        self.muted = True
        self.application_queue.put_nowait({"type": "websocket.disconnect", "code": 1009})
        self.sendClose(code=TooLarge.close_code)


class CollabServer(Server):  # type: ignore[misc]
    """One process of the service. ``run`` blocks until it was told to stop."""

    connections: dict[Any, dict[str, Any]]

    def __init__(
        self, application: Any, *, host: str, port: int, conf: Conf, underway: Underway
    ) -> None:
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
        self._underway = underway
        self._garbage = Garbage()
        self._conf = conf
        self._stopping: asyncio.Task[None] | None = None
        self._workers: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> None:
        WebSocketFactory.protocol = _SocketProtocol
        http_protocol.WebRequest = Request  # the name by which Daphne's factory finds it
        Request.max_body_bytes = max(
            settings.DATA_UPLOAD_MAX_MEMORY_SIZE, self._conf.max_attachment_bytes + _OVERHEAD_BYTES
        )
        Request.max_incoming_bytes = self._conf.max_incoming_bytes
        super().run()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if isinstance(protocol, _SocketProtocol):
            protocol.flow = scope["collab.flow"] = Flow(protocol.transport)
        elif isinstance(protocol, Request):
            scope["collab.flow"] = protocol.begin_flow()
        return super().create_application(protocol, scope)

    def protocol_disconnected(self, protocol: Any) -> None:
        super().protocol_disconnected(protocol)
        if isinstance(protocol, _SocketProtocol):
            self._garbage.note_closed()

    def _ready(self) -> None:
        loop = asyncio.get_event_loop()
        loop.call_soon(self._begin)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)

    def _begin(self) -> None:
        start_hub(self._underway)
        self._underway.watch()
        self._garbage.begin()
        self._lag_since = asyncio.get_running_loop().time()
        self._live()

    def _live(self) -> None:
        """A sign of life, every second. Without it the process ends and is started again."""
        loop = asyncio.get_running_loop()
        loop.call_later(_LIFE_SIGN_S, self._live)  # first: whatever fails below, we are alive
        metrics.LOOP_LAG_S.set(max(0.0, loop.time() - self._lag_since))
        self._lag_since = loop.time() + _LIFE_SIGN_S
        if self._conf.stall_seconds:
            self._underway.expect_life_sign(self._conf.stall_seconds)
        if self._conf.compact_worker:
            self._keep_running("compact")
        if self._conf.webhook_worker:
            self._keep_running("deliver_webhooks")
        self._garbage.tidy(len(self.connections))

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        logger.info("listening", extra={"url": f"http://{self._host}:{port.getHost().port}"})

    def _keep_running(self, command: str) -> None:
        """A worker in a process of its own: pycrdt holds the interpreter, receivers are slow.

        It ends when its standard input does, so that it never outlives us.
        """
        worker = self._workers.get(command)
        if worker is not None and worker.poll() is None:
            return
        try:
            self._workers[command] = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, str(ROOT / "manage.py"), command, "--child"],
                stdin=subprocess.PIPE,
                start_new_session=True,
                env=dict(os.environ),
            )
        except OSError as error:  # out of memory or files: tried again with the next life sign
            logger.error("no worker", extra={"command": command, "error": str(error)})

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
            await current_feed().drain()
            await asyncio.wait_for(hub.drain(), self._conf.drain_s + _FLUSH_TIMEOUT_S)
        except TimeoutError:
            logger.error(
                "the log did not take everything in time; nothing of that was acknowledged"
            )
        except Exception:  # nothing may keep a process that refuses everybody
            logger.exception("drain failed")
        try:
            await hub.stop()
            for worker in self._workers.values():
                if worker.stdin is not None:
                    worker.stdin.close()
        finally:
            self.stop()

    def kill_all_applications(self) -> Any:
        # Daphne expects an application on every connection and stumbles over a fresh one.
        self.connections = {
            protocol: details
            for protocol, details in self.connections.items()
            if "application_instance" in details
        }
        return super().kill_all_applications()


def _require_migrated() -> None:
    """Raises ImproperlyConfigured: one line, rather than errors for ever."""
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        said = str(error).strip().partition("\n")[0]
        raise ImproperlyConfigured(f"DATABASE_URL: {said}") from error
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise ImproperlyConfigured("the database is not up to date: run `manage.py migrate` first")
    connection.close()


def _require_storage() -> None:
    """Raises ImproperlyConfigured for a storage that is not there, or does not take its options."""
    try:
        storage = storages["attachments"]
    except (InvalidStorageError, TypeError) as error:
        raise ImproperlyConfigured(f"ATTACHMENTS_STORAGE: {error}") from error
    if not isinstance(storage, Storage):
        raise ImproperlyConfigured("ATTACHMENTS_STORAGE: it is not a storage of Django's")


def serve(host: str, port: int) -> None:
    """Serve until a signal. The application is imported here, after the reactor is in place.

    Raises ImproperlyConfigured for a database or a storage that cannot be used.
    """
    from collab.asgi import application  # noqa: PLC0415 - loads all apps, needs the reactor

    _require_storage()
    _require_migrated()
    conf = settings.COLLAB
    is_alone = isinstance(get_channel_layer(), InMemoryChannelLayer)
    lock = lock_database(is_alone=is_alone)
    if is_alone:
        logger.info("without REDIS_URL: this is the only process of this service")
    underway = Underway(conf.state_dir, str(port), max_bytes=conf.max_message_bytes)
    for suspect in underway.suspects:
        quarantine_suspect(suspect)
    if not reactor.running:
        CollabServer(application, host=host, port=port, conf=conf, underway=underway).run()
    lock.release()
