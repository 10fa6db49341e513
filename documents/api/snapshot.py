"""snapshot: a document's committed content, in any format, with a strong ETag."""

import base64
import binascii
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from ninja import Router

from collab.accounts.principal import asking
from collab.errors import CollabError, ProtocolError
from collab.openapi import ETAG, described
from documents import content, versions
from documents.api.authorize import open_document
from documents.api.block_shapes import BLOCKS
from documents.content import Format
from documents.conversion import convert
from documents.models import Role, Version
from documents.sync import log

router = Router()


class NotAcceptable(CollabError):
    """A format that this server does not produce."""

    status, code = 406, "not-acceptable"


_SERVED = {
    each.media_type.partition(";")[0]: {
        "schema": BLOCKS if each is Format.BLOCKS else {"type": "string"}
    }
    for each in Format
}


@router.get(
    "/{uuid:document_id}/snapshot",
    openapi_extra=described(
        406,
        500,
        answers={
            200: {"content": _SERVED, "headers": ETAG},
            304: {"description": "Not changed since If-None-Match"},
        },
    ),
)
def snapshot(
    request: HttpRequest,
    document_id: UUID,
    format: str = "",  # noqa: A002 - the API's word
    state_vector: str = "",
    version: int | None = None,
) -> HttpResponse:
    """The content, by ``format`` or by Accept: blocks (JSON), markdown, html, text, yjs.

    ``state_vector`` (base64url): of yjs, only what that lacks. ``version``: as it was then, for
    editors. The ETag changes with the committed content and only then; If-None-Match is
    answered with 304.
    """
    at_least = Role.VIEWER if version is None else Role.EDITOR
    document, _ = open_document(request, document_id, at_least=at_least)
    wanted = _wanted(request, format)
    vector = _decode_base64url(state_vector) if state_vector else None
    if vector is not None and wanted is not Format.YJS:
        raise ProtocolError("a state_vector asks for format=yjs")
    if version is not None:
        return _of_version(request, versions.find(document.id, version), wanted, vector)
    if _is_known(request, document.head):
        return tagged(HttpResponse(status=304), document.head)
    if vector is None:
        read = content.read(document, wanted, asking(request))
        return tagged(HttpResponse(read.content, content_type=wanted.media_type), read.head)
    stored = log.read(document.id)
    difference = convert(asking(request), content.difference, stored.parts, vector)
    return tagged(HttpResponse(difference, content_type=wanted.media_type), stored.head)


def _of_version(
    request: HttpRequest, version: Version, wanted: Format, vector: bytes | None
) -> HttpResponse:
    tag = f"v{version.number}"
    if _is_known(request, tag):
        return tagged(HttpResponse(status=304), tag)
    parts = [versions.state_of(version)]
    if vector is None:
        body = convert(asking(request), content.render, parts, wanted)
    else:
        body = convert(asking(request), content.difference, parts, vector)
    return tagged(HttpResponse(body, content_type=wanted.media_type), tag)


def _is_known(request: HttpRequest, tag: int | str) -> bool:
    """Weakly compared (RFC 9110, section 13.1.2)."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return not {"*", f'"{tag}"', f'W/"{tag}"'}.isdisjoint(known)


def _wanted(request: HttpRequest, name: str) -> Format:
    if name:
        try:
            return Format(name)
        except ValueError:
            known = ", ".join(Format)
            raise NotAcceptable(f"no format {name!r}; there are {known}") from None
    kinds = {each.media_type.partition(";")[0]: each for each in Format}
    preferred = request.get_preferred_type(list(kinds))
    if preferred is None:
        raise NotAcceptable(f"served are {', '.join(kinds)}")
    return kinds[preferred]


def tagged(response: HttpResponse, tag: int | str) -> HttpResponse:
    """With an ETag: the row of the log up to which it holds everything, or ``v`` and a version."""
    response["ETag"] = f'"{tag}"'
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Accept", "Authorization", "Cookie"])
    return response


def _decode_base64url(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise ProtocolError("state_vector must be base64url") from None
