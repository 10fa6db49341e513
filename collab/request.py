"""An HTTP request as Daphne takes it in, within bounds: Daphne has none in either direction.

In: a body beyond ``max_body_bytes`` is answered with 413 as soon as that is known, by its
announced length or by what has come, and not kept; all bodies of this process together may
have ``max_incoming_bytes`` until they are answered, then 503. Out: ``flow`` tells an
application when the client has read what it was sent.
"""

import json
from http import HTTPStatus
from typing import Any, ClassVar

from daphne.http_protocol import WebRequest

from collab.errors import CollabError, TooLarge, Unavailable
from collab.flow import Flow

_READ_ON_S = 5.0  # so that a client which is still sending finds our answer, not a reset
_ALWAYS_TAKEN = 64 * 1024  # small requests go on while large ones are too many


class Request(WebRequest):  # type: ignore[misc]
    """One request. Twisted calls the camelCase methods, in this order."""

    max_body_bytes: ClassVar[int] = 0
    max_incoming_bytes: ClassVar[int] = 0
    is_draining: ClassVar[bool] = False  # every answer is its connection's last
    _incoming: ClassVar[int] = 0  # bytes of all bodies of this process

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._received = 0
        self._is_refused = False
        # Twisted would read forms by itself: whole, on the event loop, for nobody. 20 MB: a second.
        super().__init__(*arguments, parsePOSTFormSubmission=False, **options)

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > self.max_body_bytes:
            self._refuse(self._too_large())

    def handleContentChunk(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._received += len(data)
        Request._incoming += len(data)
        if self._received > self.max_body_bytes:
            self._refuse(self._too_large())
        elif self._received > _ALWAYS_TAKEN and Request._incoming > self.max_incoming_bytes:
            self._refuse(Unavailable("too much is being sent to this service; try again"))
        else:
            super().handleContentChunk(data)

    def process(self) -> Any:
        return None if self._is_refused else super().process()

    def begin_flow(self) -> Flow:
        """Hear from the connection how far the client has read."""
        flow = Flow(self.channel.transport)
        self.registerProducer(flow, True)
        return flow

    def handle_reply(self, message: dict[str, Any]) -> None:
        if self.is_draining and message["type"] == "http.response.start" and self.channel:
            self.setHeader(b"Connection", b"close")
            self.channel.persistent = False
        if self.method == b"HEAD" and message["type"] == "http.response.body":
            message = {**message, "body": b""}  # Twisted itself leaves out the first part alone
        super().handle_reply(message)

    def finish(self) -> None:
        self._forget_body()
        if self.producer is not None:
            self.unregisterProducer()
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        self._forget_body()
        super().connectionLost(reason)

    def _forget_body(self) -> None:
        Request._incoming -= self._received
        self._received = 0

    def _too_large(self) -> TooLarge:
        return TooLarge(f"a request may have {self.max_body_bytes:,} bytes")

    def _refuse(self, error: CollabError) -> None:
        self._is_refused = True
        self._forget_body()
        self.content.seek(0)
        self.content.truncate()
        self.requestHeaders.removeHeader(b"expect")  # or it would be asked to send it all
        transport = self.channel.transport
        transport.write(_answer(error))
        self.channel.callLater(_READ_ON_S, transport.abortConnection)


def _answer(error: CollabError) -> bytes:
    """What ``collab.api`` would say, without a request that it could answer."""
    title = HTTPStatus(error.status).phrase
    problem = {
        "type": "about:blank",
        "title": title,
        "status": error.status,
        "detail": str(error),
        "code": error.code,
    }
    body = json.dumps(problem)
    head = [
        f"HTTP/1.1 {error.status} {title}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Retry-After: 5",
        "Connection: close",
    ]
    return "\r\n".join([*head, "", body]).encode()
