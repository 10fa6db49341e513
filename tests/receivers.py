"""A receiver of webhooks: a small HTTP server in a thread, which keeps what it is sent."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier


@dataclass(frozen=True, slots=True)
class Message:
    path: str
    headers: dict[str, str]  # names in small letters
    body: bytes

    def verified(self, secret: str) -> Any:
        """The payload, if it is signed with this secret, by the receivers' own library."""
        return Verifier(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Answers with ``status``, after ``delay_s``."""

    status: int = 204
    delay_s: float = 0.0
    location: str = ""
    messages: list[Message] = field(default_factory=list)
    most_at_once: int = 0
    port: int = 0
    _at_once: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        time.sleep(self.delay_s)
        self._at_once -= 1
        self.messages.append(Message(handler.path, headers, body))
        handler.send_response(self.status)
        if self.location:
            handler.send_header("Location", self.location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@pytest.fixture
def new_receiver() -> Iterator[Callable[..., Receiver]]:
    """Makes receivers on ports of their own."""
    servers: list[ThreadingHTTPServer] = []

    def make(**options: Any) -> Receiver:
        receiver = Receiver(**options)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        receiver.port = server.server_port
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return receiver

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def receiver(new_receiver: Callable[..., Receiver]) -> Receiver:
    return new_receiver()
