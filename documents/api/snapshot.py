"""snapshot: a document's committed content. So far as Yjs; other formats answer 406."""

import base64
import binascii
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from ninja import Router

from collab.errors import CollabError, ProtocolError
from documents.api.authorize import open_document
from documents.sync import log
from documents.sync.replica import Replica, merge

router = Router()

_YJS = "application/octet-stream"


class NotAcceptable(CollabError):
    """A format that this server does not produce."""

    status, code = 406, "not-acceptable"


@router.get("/{uuid:document_id}/snapshot")
def snapshot(
    request: HttpRequest,
    document_id: UUID,
    format: str = "",  # noqa: A002 - the API's word
    state_vector: str = "",
) -> HttpResponse:
    """The content as a Yjs update (v1), or only what a state vector (base64url) lacks."""
    document, _ = open_document(request, document_id)
    wanted = format or ("yjs" if request.get_preferred_type([_YJS]) else "")
    if wanted != "yjs":
        raise NotAcceptable(
            f"only format=yjs ({_YJS}) is served, not {wanted or 'what you accept'}"
        )
    vector = _decode_base64url(state_vector) if state_vector else None
    if f'"{document.head}"' in parse_etags(request.headers.get("If-None-Match", "")):
        return _tagged(HttpResponse(status=304), document.head)
    stored = log.read(document.id)
    if vector is None:
        content = merge(stored.parts)
    else:
        content = Replica.load(stored.parts).difference(vector)
    return _tagged(HttpResponse(content, content_type=_YJS), stored.head)


def _tagged(response: HttpResponse, head: int) -> HttpResponse:
    response["ETag"] = f'"{head}"'
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Accept", "Authorization", "Cookie"])
    return response


def _decode_base64url(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise ProtocolError("state_vector must be base64url") from None
