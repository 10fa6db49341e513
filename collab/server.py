"""The server process: Daphne with our limits, our signals and our drain.

SIGTERM or SIGINT: no new connections, members are sent away (4503), the journal is flushed,
open requests are answered, exit. Another signal, a second later, exits at once; what was
acknowledged is safe in either case.
"""

import asyncio
import logging
import os
import signal
import sys
from functools import partial
from typing import Any

# First: daphne.server installs Twisted's asyncio reactor when it is imported.
from channels.layers import InMemoryChannelLayer, get_channel_layer
from daphne import http_protocol
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory
from django.conf import settings
from twisted.internet import reactor
from twisted.logger import globalLogPublisher

from collab import metrics
from collab.alone import lock_database
from collab.asgi import application
from collab.conf import Conf
from collab.flow import Flow
from collab.garbage import Garbage
from collab.inbox import Inbox
from collab.request import Request
from collab.websocket import SocketProtocol
from collab.workers import Workers
from documents.activity import current_feed
from documents.announce import quarantine_suspect
from documents.sync.hub import current_hub, start_hub
from documents.sync.underway import Underway

logger = logging.getLogger(__name__)

_FLUSH_TIMEOUT_S = 20
_ANSWERS_WITHIN_S = 5.0
_LIFE_SIGN_S = 1.0
# Who stops a process group stops it twice: `make` hands on what it is told.
_SAME_SIGNAL_S = 1.0
_OVERHEAD_BYTES = 64 * 1024  # so that our own check, which answers in words, comes first


# How long a thread may keep the interpreter to itself. The event loop gives it away with every
# frame that it sends; with Python's 5 ms, whoever reads waits that long for a commit to be made.
_SWITCH_S = 0.0005


_ASGI = {"version": "3.0"}  # one for all scopes; nobody writes into it

# Twisted's 50 are too few for a crowd that comes back: whoever finds no place tries again after a
# second, then after two more. The kernel caps it (net.core.somaxconn).
_BACKLOG = 4096


def _endpoint(host: str, port: int) -> str:
    """In Twisted's words, in which a colon is escaped."""
    return f"tcp:port={port}:backlog={_BACKLOG}:interface={host.replace(':', chr(92) + ':')}"


class CollabServer(Server):  # type: ignore[misc]
    """One process of the service. ``run`` blocks until it was told to stop."""

    connections: dict[Any, dict[str, Any]]

    def __init__(
        self,
        application: Any,
        *,
        host: str,
        port: int,
        conf: Conf,
        underway: Underway,
        workers: Workers,
    ) -> None:
        largest = conf.max_message_bytes + _OVERHEAD_BYTES
        super().__init__(
            application,
            endpoints=[_endpoint(host, port)],
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
        self._ports: list[Any] = []  # Twisted's, where we listen
        self.exit_status = 0
        self._stopping: asyncio.Task[None] | None = None
        self._stopping_since = 0.0
        self._workers = workers

    def run(self) -> None:
        WebSocketFactory.protocol = SocketProtocol
        http_protocol.WebRequest = Request  # the name by which Daphne's factory finds it
        Request.max_body_bytes = max(
            settings.DATA_UPLOAD_MAX_MEMORY_SIZE, self._conf.max_attachment_bytes + _OVERHEAD_BYTES
        )
        Request.max_incoming_bytes = self._conf.max_incoming_bytes
        for number in (signal.SIGINT, signal.SIGTERM):  # before anybody can be let in
            reactor._asyncioEventloop.add_signal_handler(number, self._on_signal)
        super().run()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Inbox:
        """Daphne's, with flow control, and with an inbox instead of a queue."""
        details = self.connections[protocol]
        assert "application_instance" not in details
        if isinstance(protocol, SocketProtocol):
            protocol.flow = scope["collab.flow"] = Flow(protocol.transport)
        elif isinstance(protocol, Request):
            scope["collab.flow"] = protocol.begin_flow()
        scope["asgi"] = _ASGI
        inbox = Inbox()
        # The router is a coroutine, which each connection would keep.
        application = self.application.application_mapping[scope["type"]]
        work = application(scope, inbox.get, partial(self.handle_reply, protocol))
        loop = asyncio.get_running_loop()
        details["application_instance"] = loop.create_task(work, name=scope["type"])
        return inbox

    def protocol_disconnected(self, protocol: Any) -> None:
        super().protocol_disconnected(protocol)
        if isinstance(protocol, SocketProtocol):
            self._garbage.note_closed()

    def _ready(self) -> None:
        asyncio.get_event_loop().call_soon(self._begin)

    def _begin(self) -> None:
        SocketProtocol.share_options(self.ws_factory)
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
        self._workers.keep_running()
        self._garbage.tidy(len(self.connections))

    def listen_error(self, failure: Any) -> None:
        super().listen_error(failure)
        self.exit_status = 1

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self._ports.append(port)
        logger.info("listening", extra={"url": f"http://{self._host}:{port.getHost().port}"})

    def _on_signal(self) -> None:
        loop = asyncio.get_running_loop()
        if self._stopping is None:
            self._stopping_since = loop.time()
            self._stopping = loop.create_task(self._drain_and_stop())
        elif loop.time() - self._stopping_since > _SAME_SIGNAL_S:
            logger.warning("second signal: exit without drain")
            os._exit(1)

    async def _drain_and_stop(self) -> None:
        logger.info("stopping")
        for port in self._ports:
            port.stopListening()
        Request.is_draining = True
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
            await self._answer_the_last()
            await hub.stop()
        finally:
            self.stop()

    async def _answer_the_last(self) -> None:
        """Wait until all requests are answered and the answers on their way; not for ever."""
        waited = 0.0
        while waited < _ANSWERS_WITHIN_S and (self._open_requests() or self._is_writing()):
            await asyncio.sleep(0.05)
            waited += 0.05
        if cut_off := self._open_requests():
            logger.warning("requests cut off", extra={"requests": cut_off})

    def _is_writing(self) -> bool:
        return bool(reactor.getWriters())  # type: ignore[misc]

    def _open_requests(self) -> int:
        return sum(
            isinstance(protocol, Request) and "disconnected" not in details
            for protocol, details in self.connections.items()
        )

    def kill_all_applications(self) -> None:
        # They had their time. Daphne would cancel them and wait for their threads, some of which
        # wait for this very loop, or convert something: that cannot be stopped.
        pass


def note_failure(event: dict[str, Any]) -> None:
    """Of what Twisted and autobahn say, what fails here. The rest is what clients do, in their
    words, as often as they like."""
    failure = event.get("log_failure")
    if failure is not None:
        error = failure.type, failure.value, failure.getTracebackObject()
        logger.error("failed in Twisted", exc_info=error)


def serve(host: str, port: int, workers: Workers) -> None:
    """Serve until a signal. Raises ImproperlyConfigured if another process is in the way."""
    conf = settings.COLLAB
    is_alone = isinstance(get_channel_layer(), InMemoryChannelLayer)
    lock = lock_database(is_alone=is_alone)
    if is_alone:
        logger.info("without REDIS_URL: this is the only process of this service")
    underway = Underway(conf.state_dir, str(port), max_bytes=conf.max_message_bytes)
    for suspect in underway.suspects:
        quarantine_suspect(suspect)
    sys.setswitchinterval(_SWITCH_S)
    globalLogPublisher.addObserver(note_failure)  # type: ignore[arg-type]
    server = CollabServer(
        application, host=host, port=port, conf=conf, underway=underway, workers=workers
    )
    server.run()
    lock.release()
    logging.shutdown()
    # Python would wait for all threads first, until the watchdog takes that for a stall.
    os._exit(server.exit_status)
