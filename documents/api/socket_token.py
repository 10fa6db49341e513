"""socket-token: opens the document's WebSocket within a minute, for programs and other hosts."""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema

from collab.accounts.principal import asking
from documents import tokens
from documents.api.authorize import open_document

router = Router()


class SocketToken(Schema):
    """Connect to ``url`` with ``?token=``; y-websocket's server URL is ``url`` without the id."""

    token: str
    expires_at: datetime
    url: str


@router.post("/{uuid:document_id}/socket-token", response=SocketToken)
def socket_token(request: HttpRequest, document_id: UUID) -> SocketToken:
    document, role = open_document(request, document_id)
    token, expires_at = tokens.issue(asking(request), document, role, timezone.now())
    scheme = "wss" if request.is_secure() else "ws"
    url = f"{scheme}://{request.get_host()}/ws/documents/{document.id}"
    return SocketToken(token=token, expires_at=expires_at, url=url)
