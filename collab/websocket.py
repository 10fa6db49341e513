"""One WebSocket connection of Daphne's, with our limits, flow control, and less ceremony."""

import asyncio
import time
from functools import cached_property
from typing import Any, cast

from autobahn.twisted import websocket as autobahn_twisted
from autobahn.websocket import protocol as autobahn
from autobahn.websocket.types import ConnectionRequest
from autobahn.websocket.utf8validator import Utf8Validator
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.defer import Deferred

from collab.errors import TooLarge
from collab.flow import Flow
from collab.frames import may_begin_usual_frame, take_usual_frames
from collab.rates import Allowance
from collab.rounds import Rounds

_PINGS_PER_S, _PINGS_AT_ONCE = 10.0, 100.0  # of one client; browsers send none at all
_MAX_FRAMES = 20_000  # of one message
# Bytes in one go: a hundred edits, and it is the others' turn; but not of one large message.
_READ_USUALLY, _READ_AMID = 4 * 1024, 64 * 1024
# Who is read from so often sends faster than anybody types, even with a key held down.
_BUSY_READS, _BUSY_WITHIN_S = 32, 0.3

_rounds = Rounds()


def _as_it_is(value: object) -> object:
    return value


# autobahn words and colours what it would log of each connection, whether anybody logs it or not:
# a third of the time that a handshake takes (measured). Left as it is, it can still be logged.
for _module in (autobahn, autobahn_twisted):
    for _name in ("hltype", "hlval", "pformat"):
        setattr(_module, _name, _as_it_is)


# 4 KB of each connection that nobody reads once it is open.
_OF_THE_HANDSHAKE = (
    "_raw_query_string",
    "_results",
    "_transport_details",
    "_valid_events",
    "_wskey",
    "application_deferred",
    "clean_headers",
    "http_headers",
    "http_request_data",
    "http_request_host",
    "http_request_params",
    "http_request_path",
    "http_request_uri",
    "http_response_data",
    "http_status_line",
    "is_open",
    "root_path",
    "server_addr",
    "websocket_extensions",
    "websocket_extensions_in_use",
    "websocket_origin",
    "websocket_protocols",
)
# What the class has for all, what it makes again for who needs it, and what autobahn makes anew
# with each frame: its state amid a message, so it may be dropped between two only.
_SELDOM_USED = ("current_frame_masker", "is_closed", "trafficStats", "utf8validator")
_PLAIN = (type(None), bool, int, str, bytes)


class _ShortQueue(list[Any]):
    """In place of an empty deque, which has 0.7 KB. autobahn fills it only to send in pieces."""

    __slots__ = ()

    def popleft(self) -> Any:
        return self.pop(0)


class SocketProtocol(WebSocketProtocol):  # type: ignore[misc]
    """Daphne's, with flow control, and with an answer (4413) for a message beyond the limit."""

    flow: Flow
    _begun = b""  # a usual frame, of which the rest has to come
    reads = 0
    _is_full = False  # whether there may be more than was read
    _busy_since = 0.0

    # autobahn makes these for each connection. Nobody reads the first: all count into one.
    trafficStats = autobahn.TrafficStats()  # type: ignore[no-untyped-call]
    is_closed = cached_property[Any](lambda _: Deferred())
    utf8validator = cached_property[Any](lambda _: Utf8Validator())  # type: ignore[no-untyped-call]

    # Seconds until TCP is dropped after our close: who is still sending 50 MB reads it only then.
    closeHandshakeTimeout = 15

    @classmethod
    def share_options(cls, factory: Any) -> None:
        """Keep the options of the one factory of this process, as they are now: autobahn copies
        to each connection what its class lacks."""
        for name in _SHARED:
            value = getattr(factory, name)
            setattr(cls, name, staticmethod(value) if callable(value) else value)

    def dataReceived(self, data: bytes) -> None:
        """What the transport has read. autobahn gets what is not one of the usual messages.

        Its own method colours what it would log each time, whether it logs or not.
        """
        if self.state == self.STATE_OPEN:
            self.flow.begin_reading()
            self._note_read(len(data))
        if self._begun:
            data, self._begun = self._begun + data, b""
        if self.state == self.STATE_OPEN and self._is_between_messages:
            data = self._take_usual(data)
        if data:
            self._dataReceived(data)
            self._become_small()
        if self.state == self.STATE_OPEN:
            is_amid = len(self._begun) >= _READ_USUALLY or not self._is_between_messages
            self.transport.bufferSize = _READ_AMID if is_amid else _READ_USUALLY

    def _note_read(self, size: int) -> None:
        """Be read from in rounds from now on, if that has happened too often."""
        self.reads += 1
        self._is_full = size >= self.transport.bufferSize
        if self.reads % _BUSY_READS:
            return
        now = time.monotonic()
        is_busy, self._busy_since = now - self._busy_since < _BUSY_WITHIN_S, now
        if is_busy and not self._is_full and self._is_readable and self not in _rounds:
            self._loop.remove_reader(self.transport.fileno())
            _rounds.add(self)

    @property
    def _is_readable(self) -> bool:
        return self.transport.connected and self.transport in self.transport.reactor._readers

    def read(self) -> bool:
        if self._is_readable:
            self.transport.reactor._readOrWrite(self.transport, True)
        return self._is_readable and not self._is_full

    def wait_for_more(self) -> None:
        if self._is_readable:
            self._read_plainly()

    def _take_usual(self, data: bytes) -> bytes:
        """Take the usual messages at the start; return what comes after them, or keep it."""
        limit = self.maxMessagePayloadSize
        messages, rest = take_usual_frames(data, limit)
        if messages:
            self._receive(messages)
        if rest == len(data):
            return b""
        data = data[rest:]
        if may_begin_usual_frame(data, limit):
            self._begun = data
            return b""
        return data

    @property
    def _is_between_messages(self) -> bool:
        return not self.data and self.current_frame is None and not self.inside_message

    def onOpen(self) -> None:
        self.flow.begin()
        self._control = Allowance(_PINGS_PER_S, _PINGS_AT_ONCE, time.monotonic())
        self._read_plainly()
        super().onOpen()

    def succeedHandshake(self, res: object) -> None:
        super().succeedHandshake(res)
        self._forget_handshake()
        self._become_small()

    def _forget_handshake(self) -> None:
        for name in {*_OF_THE_HANDSHAKE} & {*vars(self)}:
            delattr(self, name)
        for name in {*ConnectionRequest.__slots__} - {"path"}:
            setattr(self.request, name, None)
        self.send_queue: list[Any] = _ShortQueue(self.send_queue)
        transport = self.transport
        # A name of its own each, for what Twisted logs: what fails is told apart by ours.
        transport.logstr = transport.repstr = "WebSocket"
        transport.__dict__ = dict(vars(transport).items())  # as small as what is left

    def _become_small(self) -> None:
        """Between two messages, leave to the class what is not special about this one.

        autobahn sets some hundred attributes of each connection, half of them to None or False,
        and with each ping a dozen again; a dictionary of so many has 1 to 3 KB.
        """
        if self.state != self.STATE_OPEN or not self._is_between_messages:
            return
        own: dict[str, Any] = {}
        for name, value in vars(self).items():
            if name in _SELDOM_USED:
                continue
            if type(value) in _PLAIN and not value:
                if not hasattr(SocketProtocol, name):
                    setattr(SocketProtocol, name, value)
                if getattr(SocketProtocol, name) is value:
                    continue
            own[name] = value
        self.__dict__ = own

    def _read_plainly(self) -> None:
        """Have the loop call what reads, without the log context that Twisted puts around it."""
        read = self.transport.reactor._readOrWrite
        self._loop.add_reader(self.transport.fileno(), read, self.transport, True)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return cast(asyncio.AbstractEventLoop, self.transport.reactor._asyncioEventloop)

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
        if isBinary:
            self._receive([payload])
        elif not self.muted:
            self._let_wait({"text": payload.decode()}, len(payload))

    def _receive(self, messages: list[bytes]) -> None:
        """Binary messages, as they were read together."""
        if self.muted:
            return
        if self.autoPingTimeoutCall:  # whoever sends is alive
            self._cancelAutoPingTimeoutCall()
        self.last_ping = time.time()
        for message in messages[self.flow.offer(messages) :]:
            self._let_wait({"bytes": message}, len(message))

    def _let_wait(self, said: dict[str, bytes | str], size: int) -> None:
        self.flow.received(size)
        self.application_queue.put_nowait({"type": "websocket.receive", **said})

    def sendCloseFrame(self, *args: Any, **kwargs: Any) -> None:
        self.flow.end()
        super().sendCloseFrame(*args, **kwargs)

    def _max_message_size_exceeded(self, size: int, limit: int, reason: str) -> None:
        # autobahn calls this before it has buffered anything; failedByMe has it drop the rest.
        self.failedByMe = True
        self.muted = True
        self.application_queue.put_nowait({"type": "websocket.disconnect", "code": 1009})
        self.sendClose(code=TooLarge.close_code)


_SHARED = [name for name in SocketProtocol.CONFIG_ATTRS if name not in vars(SocketProtocol)]
