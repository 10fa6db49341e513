"""An HTTP request as Daphne takes it in, within bounds: Daphne has none in either direction.

In: a body beyond ``max_body_bytes`` is answered with 413 as soon as that is known, by its
announced length or by what has come, and not kept. Out: ``flow`` tells an application when the
client has read what it was sent.
"""

import json
from typing import Any, ClassVar

from daphne.http_protocol import WebRequest

from collab.errors import TooLarge
from collab.flow import Flow

_READ_ON_S = 5.0  # so that a client which is still sending finds our answer, not a reset


class Request(WebRequest):  # type: ignore[misc]
    """One request. Twisted calls the camelCase methods, in this order."""

    max_body_bytes: ClassVar[int] = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._received = 0
        self._is_refused = False
        # Twisted would read forms by itself: whole, on the event loop, for nobody. 20 MB: a second.
        super().__init__(*arguments, parsePOSTFormSubmission=False, **options)

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > self.max_body_bytes:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > self.max_body_bytes:
            self._refuse()
        if not self._is_refused:
            super().handleContentChunk(data)

    def process(self) -> Any:
        return None if self._is_refused else super().process()

    def begin_flow(self) -> Flow:
        """Hear from the connection how far the client has read."""
        flow = Flow(self.channel.transport)
        self.registerProducer(flow, True)
        return flow

    def finish(self) -> None:
        if self.producer is not None:
            self.unregisterProducer()
        super().finish()

    def _refuse(self) -> None:
        if self._is_refused:
            return
        self._is_refused = True
        self.content.seek(0)
        self.content.truncate()
        self.requestHeaders.removeHeader(b"expect")  # or it would be asked to send it all
        transport = self.channel.transport
        transport.write(_too_large(self.max_body_bytes))
        self.channel.callLater(_READ_ON_S, transport.abortConnection)


def _too_large(limit: int) -> bytes:
    problem = {
        "type": "about:blank",
        "title": "Request Entity Too Large",
        "status": TooLarge.status,
        "detail": f"a request may have {limit:,} bytes",
        "code": TooLarge.code,
    }
    body = json.dumps(problem).encode()
    return (
        b"HTTP/1.1 413 Request Entity Too Large\r\n"
        b"Content-Type: application/problem+json\r\n"
        b"Content-Length: %d\r\n"
        b"Connection: close\r\n\r\n%b" % (len(body), body)
    )
