"""The error hierarchy: one class for each thing a caller can do about it.

Each class carries the WebSocket close code (docs/protocol.md), the HTTP status and the
stable problem code. Raised where noticed, translated once at the edge (``collab.socket``
for sockets, ``collab.api`` for HTTP). Imports nothing of ours.
"""

from typing import ClassVar


class CollabError(Exception):
    """Base of all errors that a client may see; ``str(error)`` is safe to send to it."""

    # "Try again": 1011 would say the same, but Daphne lets no application send it.
    close_code: ClassVar[int] = 4503
    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"


class ProtocolError(CollabError):
    """The bytes are not what the protocol allows; the sender must be mended."""

    close_code, status, code = 4400, 400, "malformed"


class InvalidUpdate(ProtocolError):
    """A Yjs update that is malformed, or that could harm whoever applies it."""

    code = "invalid-update"


class NotAuthenticated(CollabError):
    """Nobody known, or a token that has expired or is not ours."""

    close_code, status, code = 4401, 401, "not-authenticated"


class NoAccess(CollabError):
    """A known person without the role that this needs."""

    close_code, status, code = 4403, 403, "no-access"


class ReadOnly(NoAccess):
    """May read, may not write. Sockets answer with a denial and stay open."""

    code = "read-only"


class ScopeTooSmall(NoAccess):
    """An API token with scope "read" was used to change something, or for what would let it."""

    code = "read-scope"


class NotFound(CollabError):
    """No such document, or it is in the trash."""

    close_code, status, code = 4404, 404, "not-found"


# To whom one of these is told, nothing else may be.
NO_MORE_ACCESS = (NotAuthenticated, NoAccess, NotFound)


class TooLarge(CollabError):
    """A message or a document beyond its limit."""

    close_code, status, code = 4413, 413, "too-large"


class SchemaTooOld(CollabError):
    """The page knows fewer block types than the document may hold: reload it."""

    close_code, status, code = 4426, 426, "schema-too-old"


class Unresponsive(CollabError):
    """A client that says nothing, or does not read what it is sent."""

    close_code, status, code = 4508, 408, "unresponsive"


class Unavailable(CollabError):
    """Draining or overloaded; the same request will do later."""

    close_code, status, code = 4503, 503, "unavailable"
    retry_after_s: ClassVar[int] = 5


class TooManyRequests(CollabError):
    """Too many messages or requests; slow down, then go on."""

    close_code, status, code = 4529, 429, "too-many-requests"

    def __init__(self, *said: object, retry_after_s: int = 5) -> None:
        super().__init__(*said)
        self.retry_after_s = retry_after_s
