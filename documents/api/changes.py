"""changes: who wrote when, as pages of JSON or as a stream of server-sent events.

Async, because a stream waits on the event loop. Server-sent events: WHATWG HTML, 9.2.
"""

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, aclosing
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from collab import metrics
from collab.accounts.principal import Principal, asking
from collab.addresses import address_of, network_of
from collab.database import in_request_thread
from collab.errors import CollabError, ProtocolError, Unavailable
from collab.flow import Flow
from collab.openapi import described
from collab.paging import next_url
from collab.rates import Places
from documents.activity import PAGE, changes_after, current_feed
from documents.api.authorize import open_document
from documents.api.shapes import AUTHOR
from documents.models import Document
from documents.sync.log import Change
from presence.identity import identity_of

logger = logging.getLogger(__name__)

router = Router()

_STREAM = "text/event-stream"
_LARGEST, _DIGITS = 2**63 - 1, 18  # of what the database counts with
_MOST_SILENCE_S = 15.0  # proxies give up after a minute, some after half of one
_RETRY_MS = (1000, 5000)  # not all at once when a process stops
_of_user = Places("of yours")
_from_address = Places("from your network")


_CHANGE: JsonDict = {
    "head": 42,
    "author": AUTHOR,
    "at": "2026-11-21T10:00:00.120Z",
    "size": 64,
}


class Author(Schema):
    """``id`` is null for guests, and for users who are no more."""

    model_config = ConfigDict(json_schema_extra={"examples": [AUTHOR]})
    id: str | None
    name: str


class ChangeOut(Schema):
    """One row of the log. ``head`` is its number, ``size`` its bytes."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHANGE]})
    head: int
    author: Author | None
    at: datetime
    size: int

    @classmethod
    def of(cls, change: Change, reader: Principal) -> Self:
        author = None
        # Whoever found a link somewhere need not know who else writes.
        if change.author_name and not reader.is_guest:
            key = f"user:{change.author_id}" if change.author_id is not None else None
            author = Author(id=key, name=change.author_name)
        return cls(head=change.head, author=author, at=change.at, size=change.size)


_STREAMED = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}


class ChangeList(Schema):
    """``head``: where the document stands. Go on from the last item's."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_CHANGE], "head": 42, "next": None}]}
    )
    items: list[ChangeOut]
    head: int
    next: str | None


@router.get(
    "/{uuid:document_id}/changes",
    response=ChangeList,
    openapi_extra=described(410, answers={200: _STREAMED}),
)
async def list_changes(
    request: HttpRequest,
    document_id: UUID,
    since: Annotated[int | None, Query(), Field(ge=0, le=_LARGEST)] = None,
    limit: Annotated[int, Query(), Field(ge=1, le=1000)] = PAGE,
) -> ChangeList | HttpResponseBase:
    """What was committed after the head ``since``, oldest first.

    With ``Accept: text/event-stream`` it goes on for ever; ``Last-Event-ID`` counts before
    ``since``; without either, from now on. 410 when the log does not reach back so far: fetch
    the document and go on from the problem's ``head``.
    """
    document, _ = await in_request_thread(open_document)(request, document_id)
    is_stream = request.get_preferred_type(["application/json", _STREAM]) == _STREAM
    if is_stream and request.method != "HEAD":  # a stream without a body would never end
        return await _streamed(request, document, _position(request, since, document.head))
    reader, start = asking(request), since or 0
    found = await in_request_thread(changes_after)(
        document.id, since=start, head=document.head, limit=limit
    )
    reached = found[-1].head if found else start
    return ChangeList(
        items=[ChangeOut.of(change, reader) for change in found],
        head=max(document.head, reached),
        next=next_url(request, since=str(reached)) if reached < document.head else None,
    )


def _position(request: HttpRequest, since: int | None, head: int) -> int:
    if last := request.headers.get("Last-Event-ID", ""):
        if not (last.isascii() and last.isdigit() and len(last) <= _DIGITS):
            raise ProtocolError("Last-Event-ID must be the head of a change")
        return int(last)
    return head if since is None else since


# -- Streams --------------------------------------------------------------------------------
async def _streamed(request: HttpRequest, document: Document, since: int) -> StreamingHttpResponse:
    stream = _events(request, document, since)
    # As far as the first event: what is refused is refused with a status of its own.
    opening = await anext(stream)
    response = StreamingHttpResponse(_from_opening(opening, stream), content_type=_STREAM)
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx would gather a page of them
    patch_vary_headers(response, ["Accept", "Authorization", "Cookie"])
    return response


async def _from_opening(
    opening: bytes, stream: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(stream):
        yield opening
        async for part in stream:
            yield part


async def _events(
    request: HttpRequest, document: Document, since: int
) -> AsyncGenerator[bytes, None]:
    conf, reader, scope = settings.COLLAB, asking(request), getattr(request, "scope", {})
    flow: Flow | None = scope.get("collab.flow")
    with ExitStack() as held:
        person = identity_of(reader).id
        held.enter_context(_of_user.one(person, conf.max_streams_per_user))
        if scope:
            network = network_of(address_of(scope, conf.proxies))
            held.enter_context(_from_address.one(network, conf.max_streams_per_address))
        held.enter_context(metrics.STREAMS.track_inprogress())
        pages = current_feed().follow(
            document.id,
            reader,
            since=since,
            head=document.head,
            heartbeat_s=min(conf.heartbeat_s, _MOST_SILENCE_S),
        )
        async with aclosing(pages):
            await anext(pages)
            # With its number, so that a client which is cut off before the first change knows it.
            yield _event("open", {"head": document.head}, number=since, retry=True)
            try:
                async for page in pages:
                    yield _encoded(page, reader)
                    if flow is not None and not await _has_read(flow, conf.backlog_timeout_s):
                        return
            except CollabError as error:
                yield _ending(error)
            except DatabaseError as error:
                logger.warning("database away", extra={"error": f"{error!r:.200}"})
                yield _ending(Unavailable("the database does not answer; connect again"))


async def _has_read(flow: Flow, within_s: float) -> bool:
    """Wait until the client has read what it was sent; False, and cut off, if it does not."""
    try:
        async with asyncio.timeout(within_s):
            await flow.writable()
    except TimeoutError:
        flow.abort()
        return False
    return True


def _encoded(page: Sequence[Change], reader: Principal) -> bytes:
    if not page:
        return b":\n\n"  # a comment: I am still here
    return b"".join(
        _event("change", ChangeOut.of(change, reader).model_dump(mode="json"), number=change.head)
        for change in page
    )


def _ending(error: CollabError) -> bytes:
    return _event("end", {"code": error.code, "detail": str(error)}, retry=True)


def _event(
    kind: str, data: dict[str, Any], *, number: int | None = None, retry: bool = False
) -> bytes:
    lines = [f"event: {kind}", f"data: {json.dumps(data, ensure_ascii=False)}"]
    if number is not None:
        lines.insert(0, f"id: {number}")
    if retry:
        lines.insert(0, f"retry: {random.randint(*_RETRY_MS)}")  # noqa: S311 - no secret
    return "\n".join([*lines, "", ""]).encode()
