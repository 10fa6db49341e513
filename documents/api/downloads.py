"""downloads: the bytes of attachments, for whoever may read the document at this moment.

Async, because a slow reader must not hold more than a block of a file in memory. Nothing that a
browser would run is shown by it: pictures alone are, in a sandbox, everything else is saved.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header, parse_etags
from ninja import Router

from collab.database import in_request_thread
from collab.errors import CollabError, NotFound
from collab.flow import Flow
from documents.api.attachments import find
from documents.attachments import storage, storage_errors
from documents.media import SHOWN, TEXT
from documents.models import Attachment

logger = logging.getLogger(__name__)
router = Router()

_PATH = "/{uuid:document_id}/attachments/{uuid:attachment_id}/{str:name}"
_BLOCK_BYTES = 64 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
# Their own: a storage that hangs must not take the threads of all other work with it.
_THREADS = ThreadPoolExecutor(16, thread_name_prefix="downloads")


class RangeNotSatisfiable(CollabError):
    """A part that the file does not have."""

    status, code = 416, "range-not-satisfiable"


@router.get(_PATH)
@router.api_operation(["HEAD"], _PATH, include_in_schema=False)
async def download(
    request: HttpRequest, document_id: UUID, attachment_id: UUID, name: str
) -> HttpResponseBase:
    """The file itself. Range and If-None-Match are honoured; ``name`` is for people."""
    attachment = await in_request_thread(find)(request, document_id, attachment_id)
    etag = f'"{attachment.id}"'  # the bytes of an attachment never change
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        return _described(HttpResponse(status=304), attachment, etag)
    part = byte_range(request.headers.get("Range", ""), attachment.size)
    if part is not None and request.headers.get("If-Range", etag) != etag:
        part = None
    wanted = part if part is not None else range(attachment.size)
    response = await _response(request, attachment, wanted)
    response["Content-Length"] = str(len(wanted))
    response["Accept-Ranges"] = "bytes"
    if part is not None:
        response.status_code = 206
        last = f"{wanted.start}-{wanted.stop - 1}"
        response["Content-Range"] = f"bytes {last}/{attachment.size}"
    return _described(response, attachment, etag)


async def _response(
    request: HttpRequest, attachment: Attachment, wanted: range
) -> HttpResponseBase:
    if request.method == "HEAD":
        return HttpResponse()
    file = await _in_thread(_opened, attachment)
    flow: Flow | None = getattr(request, "scope", {}).get("collab.flow")
    return StreamingHttpResponse(_blocks(file, wanted, flow))


def byte_range(header: str, size: int) -> range | None:
    """The part that a Range header asks for; None: all of it, as for several parts at once.

    Raises RangeNotSatisfiable. Source: RFC 9110, 14.1.2.
    """
    asked = _RANGE.fullmatch(header.strip())
    if asked is None or asked[0] == "bytes=-":
        return None
    first, last = asked.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None  # malformed: as if it had not been sent
    if start >= stop:
        raise RangeNotSatisfiable(f"the file has {size:,} bytes")
    return range(start, stop)


def _described(response: HttpResponseBase, attachment: Attachment, etag: str) -> HttpResponseBase:
    kind = attachment.type
    response["Content-Type"] = f"{kind}; charset=utf-8" if kind == TEXT else kind
    response["Content-Disposition"] = (
        content_disposition_header(kind not in SHOWN, attachment.name) or "attachment"
    )
    response["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["ETag"] = etag
    # Kept, and asked for again each time: access may have ended.
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Authorization", "Cookie"])
    return response


def _opened(attachment: Attachment) -> IO[bytes]:
    with storage_errors("files cannot be read at the moment; try again"):
        try:
            return storage().open(attachment.key)
        except FileNotFoundError:
            pass
    extra = {"attachment": attachment.id, "document": attachment.document_id}
    logger.error("file of an attachment is missing", extra=extra)
    raise NotFound("the file is gone")


async def _blocks(file: IO[bytes], wanted: range, flow: Flow | None) -> AsyncIterator[bytes]:
    """The wanted part, block by block, each when the client has read the ones before."""
    left = len(wanted)
    try:
        await _in_thread(file.seek, wanted.start)
        while left:
            block = await _in_thread(file.read, min(left, _BLOCK_BYTES))
            if not block:
                raise OSError("the file is shorter than its row says")
            left -= len(block)
            yield block
            if flow is not None:
                async with asyncio.timeout(settings.COLLAB.backlog_timeout_s):
                    await flow.writable()
    except Exception as error:  # each storage has errors of its own
        # The headers are on their way: all that is left to say is that this is not the end.
        logger.warning("download broken off", extra={"error": f"{error!r:.200}"})
        if flow is not None:
            flow.abort()
    finally:
        file.close()


async def _in_thread(work: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work, *arguments)
