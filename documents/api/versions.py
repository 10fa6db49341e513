"""versions: a document's history, for those who may edit it.

Not for viewers: it shows what was taken out before the document was shared with them.
"""

from collections import Counter
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Path, Router, Schema
from ninja.responses import Status
from pydantic import ConfigDict, StringConstraints
from pydantic.config import JsonDict

from collab.accounts.principal import Principal, asking
from collab.database import in_request_thread
from collab.errors import NoAccess
from collab.openapi import CONDITIONAL, ETAG, described
from collab.paging import Cursor, Limit, page_of
from documents import content, versions
from documents.access import own_role_of
from documents.api.authorize import key_of, open_document
from documents.api.shapes import AUTHOR, Line
from documents.api.writes import WRITTEN, WrittenOut, condition_of, once
from documents.content import Written
from documents.conversion import convert
from documents.formats.comparison import compare
from documents.idempotency import Key
from documents.models import Role, Version
from documents.sync import log

router = Router()
async_router = Router()

Label = Annotated[Line, StringConstraints(min_length=1)]
CURRENT = "current"
Other = Annotated[str, Path(pattern=rf"^([0-9]{{1,9}}|{CURRENT})$")]


_AGREED: JsonDict = {
    "number": 3,
    "kind": "named",
    "label": "Agreed",
    "head": 42,
    "size": 1893,
    "created_at": "2026-11-21T10:05:00Z",
    "created_by": AUTHOR,
    "authors": [AUTHOR],
}
_SUMMARY: JsonDict = {"same": 4, "added": 0, "removed": 0, "changed": 1, "moved": 0}
_CHANGED_BLOCK: JsonDict = {
    "op": "changed",
    "id": "0d5b7c1e-6a2f-4f0e-b1c9-7e8d3a5f2b64",
    "type": "paragraph",
    "depth": 0,
    "text": [
        {"text": "This is a ", "op": "same"},
        {"text": "draft", "op": "removed"},
        {"text": "final", "op": "added"},
        {"text": ".", "op": "same"},
    ],
}


class Author(Schema):
    """``id`` as on carets ("user:7"); guests and people who are gone have none."""

    model_config = ConfigDict(json_schema_extra={"examples": [AUTHOR]})
    id: str | None
    name: str

    @classmethod
    def of(cls, user_id: int | None, name: str) -> Self:
        return cls(id=None if user_id is None else f"user:{user_id}", name=name)


class VersionOut(Schema):
    """``head``: it holds all edits up to that one. ``authors``: since the version before."""

    model_config = ConfigDict(json_schema_extra={"examples": [_AGREED]})
    number: int
    kind: Version.Kind
    label: str
    head: int
    size: int
    created_at: datetime
    created_by: Author | None
    authors: list[Author]

    @classmethod
    def of(cls, version: Version, reader: Principal) -> Self:
        """Whoever found a link somewhere need not know who else has access."""
        by = version.created_by_name and Author.of(version.created_by_id, version.created_by_name)
        authors = [Author.of(each["user"], each["name"]) for each in version.authors]
        return cls(
            number=version.number,
            kind=Version.Kind(version.kind),
            label=version.label,
            head=version.seq,
            size=version.size,
            created_at=version.created_at,
            created_by=None if reader.is_guest else by or None,
            authors=[] if reader.is_guest else authors,
        )


class VersionList(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_AGREED], "next": None}]})
    items: list[VersionOut]
    next: str | None


class VersionName(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"label": "Agreed"}]})
    label: Label


class Summary(Schema):
    """How many blocks; those that have moved are counted as what else they are, too."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})
    same: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0
    moved: int = 0


class Comparison(Schema):
    """Blocks in reading order, each with its ``op``: see ``documents.formats.comparison``."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"summary": _SUMMARY, "blocks": [_CHANGED_BLOCK]}]}
    )
    summary: Summary
    blocks: list[dict[str, Any]]

    @classmethod
    def of(cls, blocks: list[dict[str, Any]], *, only_changes: bool) -> Self:
        summary = Counter(block["op"] for block in blocks)
        summary["moved"] = sum(block.get("moved", False) for block in blocks)
        if only_changes:
            blocks = [block for block in blocks if block["op"] != "same" or block.get("moved")]
        return cls(summary=Summary(**summary), blocks=blocks)


class Restored(WrittenOut):
    """``kept``: the version that holds what was there before; null if nothing was different."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**WRITTEN, "kept": 4}]})
    kept: int | None


@router.get("/{uuid:document_id}/versions", response=VersionList)
def list_versions(
    request: HttpRequest,
    document_id: UUID,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> VersionList:
    """The versions of a document, newest first."""
    open_document(request, document_id, at_least=Role.EDITOR)
    found = versions.in_order(document_id)
    items, next_url = page_of(request, found, "-seq", "-number", cursor=cursor, limit=limit)
    reader = asking(request)
    return VersionList(items=[VersionOut.of(each, reader) for each in items], next=next_url)


@router.post(
    "/{uuid:document_id}/versions",
    response={201: VersionOut},
    openapi_extra=described(409),
)
def name_version(request: HttpRequest, document_id: UUID, body: VersionName) -> Status[VersionOut]:
    """Keep what is committed now, under a name, for ever. Not by a link alone."""
    _ensure_may_name(request, document_id)
    version = versions.name_present(document_id, body.label, asking(request))
    return Status(201, VersionOut.of(version, asking(request)))


def _ensure_may_name(request: HttpRequest, document_id: UUID) -> None:
    """What has a name stays for ever, and there may be so many: nobody could be asked for it."""
    document, _ = open_document(request, document_id, at_least=Role.EDITOR)
    if (own_role_of(asking(request), document) or 0) < Role.EDITOR:
        raise NoAccess("a link is not enough to name versions")


@router.get("/{uuid:document_id}/versions/{int:number}", response=VersionOut)
def get_version(request: HttpRequest, document_id: UUID, number: int) -> VersionOut:
    """What a version is; its content: ``snapshot?version=``."""
    open_document(request, document_id, at_least=Role.EDITOR)
    return VersionOut.of(versions.find(document_id, number), asking(request))


@router.patch(
    "/{uuid:document_id}/versions/{int:number}",
    response=VersionOut,
    openapi_extra=described(409),
)
def rename_version(
    request: HttpRequest, document_id: UUID, number: int, body: VersionName
) -> VersionOut:
    """Name a version, or name it anew: from then on it does not go with age."""
    _ensure_may_name(request, document_id)
    return VersionOut.of(versions.rename(document_id, number, body.label), asking(request))


@router.delete("/{uuid:document_id}/versions/{int:number}", response={204: None})
def delete_version(request: HttpRequest, document_id: UUID, number: int) -> Status[None]:
    """Delete a version, for good.

    The owner alone: it is the way to get something out of the history.
    """
    open_document(request, document_id, at_least=Role.OWNER)
    versions.delete(document_id, number)
    return Status(204, None)


@router.get("/{uuid:document_id}/versions/{int:number}/diff/{other}", response=Comparison)
def compare_versions(
    request: HttpRequest,
    document_id: UUID,
    number: int,
    other: Other,
    only: Literal["changes"] | None = None,
) -> Comparison:
    """What is different in another version, or ``current``; ``only=changes``: nothing else."""
    open_document(request, document_id, at_least=Role.EDITOR)
    old = _parts(document_id, str(number))
    new = _parts(document_id, other)
    differences = convert(asking(request), _differences, old, new)
    return Comparison.of(differences, only_changes=only is not None)


def _differences(old: list[bytes], new: list[bytes]) -> list[dict[str, Any]]:
    return compare(content.blocks_in(old), content.blocks_in(new))


def _parts(document_id: UUID, which: str) -> list[bytes]:
    if which == CURRENT:
        return log.read(document_id).parts
    return [versions.state_of(versions.find(document_id, int(which)))]


@async_router.post(
    "/{uuid:document_id}/versions/{int:number}/restore",
    response=Restored,
    openapi_extra=described(
        409, 412, 413, parameters=CONDITIONAL, answers={200: {"headers": ETAG}}
    ),
)
async def restore_version(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    """Make the live document what the version says, by the smallest edit."""
    role, state, key = await in_request_thread(_to_restore)(request, document_id, number)
    whose, only_if = (document_id, asking(request), role), condition_of(request)

    async def more(written: Written) -> dict[str, Any]:
        return {"kept": await in_request_thread(versions.kept_before)(document_id, written)}

    return await once(
        key,
        partial(versions.restore, *whose, state, only_if=only_if),
        again=partial(content.merge_update, *whose, only_if=only_if),
        knows=lambda head: True,  # what the version says is there to be read
        more=more,
    )


def _to_restore(
    request: HttpRequest, document_id: UUID, number: int
) -> tuple[Role, bytes, Key | None]:
    _, role = open_document(request, document_id, at_least=Role.EDITOR)
    return role, versions.state_of(versions.find(document_id, number)), key_of(request)
