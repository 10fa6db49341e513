"""socket-token: opens the document's WebSocket within a minute, for programs and other hosts."""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import ConfigDict

from collab.accounts.principal import asking
from documents import tokens
from documents.api.authorize import open_document
from documents.api.shapes import PLAN_ID

router = Router()


class SocketToken(Schema):
    """Connect to ``url`` with ``?token=``; y-websocket's server URL is ``url`` without the id."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "token": "eyJ1c2VyIjo3fQ:1vMOd2:Wm0o8yqQ1v6sZk4cXw",
                    "expires_at": "2026-11-21T10:01:00Z",
                    "url": f"wss://collab.example/ws/documents/{PLAN_ID}",
                }
            ]
        }
    )
    token: str
    expires_at: datetime
    url: str


@router.post("/{uuid:document_id}/socket-token", response=SocketToken)
def socket_token(request: HttpRequest, document_id: UUID) -> SocketToken:
    """Issue a token that opens the document's WebSocket, within 60 seconds."""
    document, role = open_document(request, document_id)
    token, expires_at = tokens.issue(asking(request), document, role, timezone.now())
    scheme = "wss" if request.is_secure() else "ws"
    url = f"{scheme}://{request.get_host()}/ws/documents/{document.id}"
    return SocketToken(token=token, expires_at=expires_at, url=url)
