"""content, updates: programs write into the live document; answered when it is committed.

Async, because a write waits for its commit on the event loop, where the rooms are. A body is
read only when its sender may write.
"""

from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from collab.accounts.principal import asking
from collab.database import in_request_thread
from collab.errors import CollabError, TooLarge
from collab.openapi import CONDITIONAL, ETAG, described
from documents import content
from documents.api.authorize import key_of, open_document
from documents.api.content_bodies import (
    CHANGE_BODY,
    UPDATE_BODY,
    WHOLE_BODY,
    UnsupportedMediaType,
    format_of,
    most_bytes,
    operations_in,
    whole_content,
)
from documents.api.writes import Knows, WrittenOut, condition_of, once
from documents.content import Change
from documents.formats.blocks import Block
from documents.idempotency import Key
from documents.models import Role

router = Router()

Mode = Annotated[
    Literal["merge", "overwrite"],
    Query(
        description="merge: what stays the same is not touched. overwrite: everything is new,"
        " nothing is kept; needs If-Match."
    ),
]
Base = Annotated[
    int | None,
    Query(
        ge=0,
        description="The head (the number in the ETag) of the snapshot that was changed: what"
        " others have written since is merged, not overwritten. 409 `base-gone` if too old.",
    ),
]

_TAGGED = {200: {"headers": ETAG}}


class PreconditionRequired(CollabError):
    """What would destroy others' edits needs If-Match."""

    status, code = 428, "precondition-required"


@router.put(
    "/{uuid:document_id}/content",
    response=WrittenOut,
    openapi_extra=described(
        409, 412, 415, 428, 500, parameters=CONDITIONAL, requestBody=WHOLE_BODY, answers=_TAGGED
    ),
)
async def replace(
    request: HttpRequest,
    document_id: UUID,
    mode: Mode = "merge",
    base: Base = None,
) -> HttpResponse:
    """Replace the content; what stays the same is not touched.

    The body: Markdown, HTML or plain text by its Content-Type, or JSON ``{content, format}``.
    ``base``: the head (ETag) of the snapshot that was changed; what others have written since
    then stays. Without it the document says this and nothing else.
    """
    given, only_if = format_of(request), condition_of(request)
    make = content.replacement
    if mode == "overwrite":
        if only_if is None:
            raise PreconditionRequired("mode=overwrite needs If-Match: others may have written")
        make, base = content.overwriting, None

    def carry_out(old: list[Block]) -> list[Block]:
        return make(*whole_content(request.body, given))(old)

    return await _write(
        request,
        document_id,
        carry_out,
        only_if,
        base=base,
        knows=lambda head: base is None or head == base,
    )


@router.patch(
    "/{uuid:document_id}/content",
    response=WrittenOut,
    openapi_extra=described(
        409, 412, 500, parameters=CONDITIONAL, requestBody=CHANGE_BODY, answers=_TAGGED
    ),
)
async def change(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """Change the content surgically, by block or by text.

    409 says what is there if a target is missing.
    """
    only_if = condition_of(request)

    def carry_out(old: list[Block]) -> list[Block]:
        return content.operations(operations_in(request.body))(old)

    return await _write(
        request, document_id, carry_out, only_if, knows=lambda head: only_if is not None
    )


@router.post(
    "/{uuid:document_id}/updates",
    response=WrittenOut,
    openapi_extra=described(
        409, 412, 415, 500, parameters=CONDITIONAL, requestBody=UPDATE_BODY, answers=_TAGGED
    ),
)
async def merge(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """Merge a raw Yjs update (v1), as any editor would send it."""
    if request.content_type not in {"application/octet-stream", ""}:
        raise UnsupportedMediaType("an update is application/octet-stream")
    limit = settings.COLLAB.max_message_bytes
    role, key = await in_request_thread(_admit)(request, document_id, limit)
    only_if = condition_of(request)
    whose = document_id, asking(request), role
    merge_update = partial(content.merge_update, *whose, only_if=only_if)
    write = partial(merge_update, request.body)
    return await once(key, write, again=merge_update, knows=lambda head: only_if is not None)


async def _write(
    request: HttpRequest,
    document_id: UUID,
    change: Change,
    only_if: frozenset[str] | None,
    *,
    base: int | None = None,
    knows: Knows,
) -> HttpResponse:
    role, key = await in_request_thread(_admit)(request, document_id, most_bytes())
    whose = document_id, asking(request), role
    return await once(
        key,
        partial(content.write, *whose, change, only_if=only_if, base=base),
        again=partial(content.merge_update, *whose, only_if=only_if),
        knows=knows,
    )


def _admit(request: HttpRequest, document_id: UUID, limit: int) -> tuple[Role, Key | None]:
    """Whether the sender may write, and only then whether the body may be looked at."""
    _, role = open_document(request, document_id, at_least=Role.EDITOR)
    if len(request.body) > limit:
        raise TooLarge(f"the body has {len(request.body):,} bytes; it may have {limit:,}")
    return role, key_of(request)
