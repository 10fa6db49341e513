"""content, updates: programs write into the live document; answered when it is committed.

Async, because a write waits for its commit on the event loop, where the rooms are.
"""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import parse_etags
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from collab.accounts.principal import asking
from collab.database import in_request_thread
from collab.errors import CollabError, ProtocolError, TooLarge
from collab.openapi import CONDITIONAL, ETAG, IDEMPOTENT, described
from documents import content, idempotency
from documents.api.authorize import key_of, open_document
from documents.api.snapshot import tagged
from documents.content import Change, Format, Written
from documents.formats.blocks import Block
from documents.formats.operations import Operation
from documents.models import Role

router = Router()

_FORMATS = {
    "text/markdown": Format.MARKDOWN,
    "text/html": Format.HTML,
    "text/plain": Format.TEXT,
}


class UnsupportedMediaType(CollabError):
    """A body in a form that this resource does not read."""

    status, code = 415, "unsupported-media-type"


class PreconditionRequired(CollabError):
    """What would destroy others' edits needs If-Match."""

    status, code = 428, "precondition-required"


class OperationIn(Schema):
    """One change; ``content`` in ``format``, ``block`` is a block's id."""

    model_config = ConfigDict(extra="forbid")
    op: Literal[
        "append",
        "prepend",
        "insert_before",
        "insert_after",
        "replace_block",
        "delete_block",
        "replace_text",
    ]
    content: Any = None
    format: Literal["markdown", "html", "text", "blocks"] = "markdown"
    block: str = ""
    find: str = ""
    replace: str = ""
    all: bool = False


class WrittenOut(Schema):
    """``head`` is the ETag's number; ``changed`` is false if there was nothing to do."""

    head: int
    changed: bool


class ContentChange(Schema):
    """Operations: all are carried out, or none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"operations": [{"op": "append", "content": "- 14:02 deployed **v1.4**"}]},
                {"operations": [{"op": "replace_text", "find": "TODO", "replace": "done"}]},
            ]
        },
    )
    operations: Annotated[list[OperationIn], Field(min_length=1, max_length=1000)]


_TAGGED = {200: {"headers": ETAG}}
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_JSON: dict[str, Any] = {
    "schema": {
        "type": "object",
        "properties": {
            "content": {"type": ["string", "array"]},
            "format": {"enum": ["markdown", "html", "text", "blocks"]},
        },
        "required": ["content"],
    }
}
_WHOLE_BODY = {
    "required": True,
    "content": {**dict.fromkeys(_FORMATS, _TEXT), "application/json": _JSON},
}
_UPDATE_BODY = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}


@router.put(
    "/{uuid:document_id}/content",
    response=WrittenOut,
    openapi_extra=described(
        409, 412, 415, 428, parameters=CONDITIONAL, requestBody=_WHOLE_BODY, answers=_TAGGED
    ),
)
async def replace(
    request: HttpRequest,
    document_id: UUID,
    mode: Literal["merge", "overwrite"] = "merge",
    base: Annotated[int | None, Query(ge=0)] = None,
) -> HttpResponse:
    """Make the document say this; what stays the same is not touched.

    The body: Markdown, HTML or plain text by its Content-Type, or JSON ``{content, format}``.
    ``base``: the head (ETag) of the snapshot that was changed; what others have written since
    then stays. Without it the document says this and nothing else.
    """
    body, given = _body(request)
    only_if = _heads(request)
    if mode == "overwrite":
        if only_if is None:
            raise PreconditionRequired("mode=overwrite needs If-Match: others may have written")
        return await _write(request, document_id, content.overwriting(body, given), only_if)
    change = content.replacement(body, given)
    return await _write(request, document_id, change, only_if, base=base)


@router.patch(
    "/{uuid:document_id}/content",
    response=WrittenOut,
    openapi_extra=described(409, 412, parameters=CONDITIONAL, answers=_TAGGED),
)
async def change(request: HttpRequest, document_id: UUID, body: ContentChange) -> HttpResponse:
    """Surgical changes, by block or by text. 409 says what is there if a target is missing."""
    limit = settings.COLLAB.max_content_bytes
    if sum(len(each.content) for each in body.operations if isinstance(each.content, str)) > limit:
        raise TooLarge(f"all contents together may have {limit:,} characters")

    def carry_out(old: list[Block]) -> list[Block]:
        # Converting takes long: in the write's thread, and for nobody who may not write.
        given = [_operation(each, number) for number, each in enumerate(body.operations)]
        return content.operations(given)(old)

    return await _write(request, document_id, carry_out, _heads(request))


@router.post(
    "/{uuid:document_id}/updates",
    response=WrittenOut,
    openapi_extra=described(
        409, 415, parameters=IDEMPOTENT, requestBody=_UPDATE_BODY, answers=_TAGGED
    ),
)
async def merge(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """Merge a raw Yjs update (v1), as any editor would send it."""
    if request.content_type not in {"application/octet-stream", ""}:
        raise UnsupportedMediaType("an update is application/octet-stream")
    _, role = await _open(request, document_id)
    merge_update = partial(content.merge_update, document_id, asking(request), role)
    return await _once(request, partial(merge_update, request.body), again=merge_update)


async def _open(request: HttpRequest, document_id: UUID) -> Any:
    return await in_request_thread(open_document)(request, document_id, at_least=Role.EDITOR)


async def _write(
    request: HttpRequest,
    document_id: UUID,
    change: Change,
    only_if: frozenset[str] | None,
    *,
    base: int | None = None,
) -> HttpResponse:
    _, role = await _open(request, document_id)
    whose = document_id, asking(request), role
    return await _once(
        request,
        partial(content.write, *whose, change, only_if=only_if, base=base),
        again=partial(content.merge_update, *whose),
    )


async def _once(
    request: HttpRequest,
    write: Callable[..., Awaitable[Written]],
    *,
    again: Callable[[bytes], Awaitable[Written]],
) -> HttpResponse:
    """Do it, or tell again how it ended if its Idempotency-Key is known."""
    key = key_of(request)
    if key is None:
        return _answer(_body_of(await write()))

    async def note(update: bytes) -> bytes:
        return bytes((await in_request_thread(idempotency.note)(key, update)).update)

    noted = await in_request_thread(idempotency.find)(key)
    if noted is not None and noted.answer is not None:
        return _answer(noted.answer)
    written = await (write(note=note) if noted is None else again(bytes(noted.update)))
    answer = _body_of(written)
    await in_request_thread(idempotency.answered)(key, answer)
    return _answer(answer)


def _body_of(written: Written) -> dict[str, Any]:
    return {"head": written.head, "changed": written.is_changed}


def _answer(body: dict[str, Any]) -> HttpResponse:
    return tagged(JsonResponse(body), body["head"])


def _heads(request: HttpRequest) -> frozenset[str] | None:
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    return frozenset(tag.strip('"') for tag in parse_etags(given) if not tag.startswith("W/"))


def _body(request: HttpRequest) -> tuple[Any, Format]:
    kind = request.content_type or ""
    if (given := _FORMATS.get(kind)) is not None:
        return _decoded(request.body), given
    if kind != "application/json":
        raise UnsupportedMediaType(f"send {', '.join(_FORMATS)} or application/json")
    try:
        body = json.loads(request.body)
        return body["content"], Format(body.get("format", "markdown"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ProtocolError("JSON must be {content, format}") from None


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ProtocolError("a text must be UTF-8") from None


def _operation(given: OperationIn, number: int) -> Operation:
    at = f"operations[{number}]"
    needs_block = given.op in {"insert_before", "insert_after", "replace_block", "delete_block"}
    if needs_block and not given.block:
        raise ProtocolError(f"{at}: {given.op} needs a block")
    if given.op == "replace_text":
        if not given.find:
            raise ProtocolError(f"{at}: replace_text needs a text to find")
        return Operation(given.op, find=given.find, replace=given.replace, all=given.all)
    if given.op == "delete_block":
        return Operation(given.op, block=given.block)
    if given.content is None:
        raise ProtocolError(f"{at}: {given.op} needs content")
    return Operation(
        given.op, content=content.parsed(given.content, Format(given.format)), block=given.block
    )
