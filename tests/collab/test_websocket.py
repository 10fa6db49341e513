"""An open connection of Daphne's keeps what is its own, and does all that it did before.

On a transport that goes nowhere: what needs a real socket is tried in ``tests/documents``.
"""

# First: it installs Twisted's asyncio reactor when it is imported.
import daphne.server  # noqa: F401, I001

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from daphne.ws_protocol import WebSocketFactory
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.logger import Logger, globalLogPublisher
from twisted.python.failure import Failure

from collab.flow import Flow
from collab.inbox import Inbox
from collab.server import note_failure
from collab.websocket import _OF_THE_HANDSHAKE, SocketProtocol

LIMIT = 1000
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Transport(StringTransport):
    """Twisted's for tests, with what else we use of a real one."""

    bufferSize = 65536
    dataBuffer = b""
    _tempDataBuffer: list[bytes] = []
    connected = True
    reactor = SimpleNamespace(
        _readOrWrite=None,
        _asyncioEventloop=SimpleNamespace(add_reader=lambda *_: None),
        _readers={},
    )

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def unregisterProducer(self) -> None:  # of the HTTP channel, which is not there
        self.producer = None

    def fileno(self) -> int:
        return 0


class Daphne:
    """What a protocol knows of its server."""

    root_path = ""
    proxy_forwarded_address_header = None
    websocket_timeout = -1
    ping_interval = 20

    def protocol_connected(self, protocol: Any) -> None:
        pass

    def protocol_disconnected(self, protocol: Any) -> None:
        pass

    def log_action(self, *_: Any) -> None:
        pass

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Inbox:
        protocol.flow = Flow(protocol.transport)
        return Inbox()


def factory(limit: int = LIMIT) -> Any:
    made = WebSocketFactory(Daphne(), server="test")
    made.protocol = SocketProtocol
    made.setProtocolOptions(
        autoPingTimeout=30, maxMessagePayloadSize=limit, maxFramePayloadSize=limit
    )
    SocketProtocol.share_options(made)
    return made


def request(key: bytes = b"dGhlIHNhbXBsZSBub25jZQ==") -> bytes:
    return (
        b"GET /ws/documents/x?token=t HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\n"
        b"Connection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: y\r\n"
        b"Origin: http://example.org\r\nCookie: sessionid=s\r\nSec-WebSocket-Key: "
        + key
        + b"\r\n\r\n"
    )


def frame(kind: int, payload: bytes, *, is_last: bool = True) -> bytes:
    """As clients send it: masked, here by zeros."""
    return bytes([is_last << 7 | kind, 0x80 | len(payload)]) + bytes(4) + payload


def handshaking(made: Any, key: bytes = b"dGhlIHNhbXBsZSBub25jZQ==") -> Any:
    protocol = made.buildProtocol(None)
    protocol._raw_query_string = b"token=t"
    protocol.makeConnection(Transport())
    protocol.dataReceived(request(key))
    return protocol


@pytest.fixture
def protocol() -> Any:
    opened = handshaking(factory())
    opened.serverAccept()
    opened.transport.clear()
    return opened


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What of Twisted's log we hear."""
    globalLogPublisher.addObserver(note_failure)
    yield caplog
    globalLogPublisher.removeObserver(note_failure)


def heard(protocol: Any) -> list[Any]:
    """What the application gets, after ``websocket.connect``."""
    _, *messages = protocol.application_queue._messages
    return [each.get("bytes") or each.get("text") or each.get("code") for each in messages]


def test_autobahn_still_has_what_we_take_from_it() -> None:
    before = vars(handshaking(factory()))
    later = {"_wskey", "http_response_data", "websocket_extensions_in_use"}
    assert set(_OF_THE_HANDSHAKE) - later <= set(before)
    assert set(SocketProtocol.CONFIG_ATTRS).isdisjoint(before), "the class has them"


def test_an_open_connection_keeps_nothing_of_its_handshake(protocol: Any) -> None:
    assert set(_OF_THE_HANDSHAKE).isdisjoint(vars(protocol))
    assert "sessionid" not in repr(vars(protocol))
    assert len(vars(protocol)) < 20
    assert None not in vars(protocol).values()


def test_each_kind_of_message_comes_through(protocol: Any) -> None:
    protocol.dataReceived(frame(BINARY, b"usual"))
    protocol.dataReceived(frame(TEXT, b"text"))
    protocol.dataReceived(frame(BINARY, b"in ", is_last=False) + frame(0, b"pieces"))
    assert heard(protocol) == [b"usual", "text", b"in pieces"]


@pytest.mark.parametrize("cut", [1, 3, 7, 40])
@pytest.mark.parametrize("kind", [BINARY, TEXT])
def test_a_message_that_began_with_the_handshake_comes_through(kind: int, cut: int) -> None:
    protocol = handshaking(factory())
    sent = frame(kind, "é".encode() * 30)
    protocol.dataReceived(sent[:cut])
    protocol.serverAccept()
    protocol.dataReceived(sent[cut:])
    assert heard(protocol) == ["é" * 30 if kind == TEXT else "é".encode() * 30]


def test_pings_are_answered_in_both_directions(protocol: Any) -> None:
    protocol.dataReceived(frame(PING, b"there?"))
    assert protocol.transport.value() == b"\x8a\x06there?"
    protocol.last_ping = 0
    protocol.check_timeouts()
    assert protocol.autoPingPending
    protocol.dataReceived(frame(PONG, protocol.autoPingPending))
    assert protocol.autoPingPending is None
    assert len(vars(protocol)) < 20, "it is as small as before"


def test_what_one_connection_becomes_no_other_is(protocol: Any) -> None:
    other = handshaking(protocol.factory)
    other.serverAccept()
    protocol.dataReceived(frame(CLOSE, (1000).to_bytes(2, "big")))
    protocol.connectionLost(Failure(ConnectionDone()))
    assert heard(protocol) == [1000]
    assert (other.wasClean, other.remoteCloseCode, other.state) == (False, None, other.STATE_OPEN)


def test_a_message_beyond_the_limit_is_refused_with_4413(protocol: Any) -> None:
    protocol.dataReceived(b"\x82\xfe" + (LIMIT + 1).to_bytes(2, "big") + bytes(4 + LIMIT + 1))
    assert heard(protocol) == [1009]
    assert protocol.localCloseCode == 4413


def test_options_are_those_of_the_factory_that_was_made_last() -> None:
    factory(limit=10)
    assert handshaking(factory(limit=20)).maxMessagePayloadSize == 20


def test_what_is_to_be_sent_in_pieces_is(protocol: Any) -> None:
    protocol.sendData(b"one", sync=True)
    protocol.sendData(b"two")
    protocol._send()
    assert protocol.transport.value() == b"onetwo"


def test_a_client_cannot_write_into_our_log(said: pytest.LogCaptureFixture) -> None:
    refused = handshaking(factory(), key=b"\x1b[2Jnot a key" * 100)
    assert refused.state == refused.STATE_CLOSED
    assert said.records == []


def test_what_fails_while_a_socket_is_read_is_logged(said: pytest.LogCaptureFixture) -> None:
    try:
        raise AttributeError("no such attribute")
    except AttributeError:
        Logger().failure(None)  # as asyncioreactor does
    [record] = said.records
    assert record.exc_info
    assert "no such attribute" in str(record.exc_info[1])
