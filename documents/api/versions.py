"""versions: a document's history, for those who may edit it.

Not for viewers: it shows what was taken out before the document was shared with them.
"""

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Path, Query, Router, Schema
from ninja.responses import Status
from pydantic import ConfigDict, StringConstraints

from collab.accounts.principal import asking
from collab.database import in_request_thread
from collab.openapi import ETAG, described
from documents import content, versions
from documents.api.authorize import open_document
from documents.api.shapes import Line
from documents.api.snapshot import tagged
from documents.formats.comparison import compare
from documents.models import Role, Version
from documents.sync import log

router = Router()
async_router = Router()

Label = Annotated[Line, StringConstraints(min_length=1)]
# The place of a version in the history: its head and its number.
Cursor = Annotated[str, Query(pattern=r"^([0-9]{1,18}-[0-9]{1,9})?$")]
CURRENT = "current"
Other = Annotated[str, Path(pattern=rf"^([0-9]{{1,9}}|{CURRENT})$")]


class Author(Schema):
    """``id`` as on carets ("user:7"); guests and people who are gone have none."""

    id: str | None
    name: str

    @classmethod
    def of(cls, user_id: int | None, name: str) -> Self:
        return cls(id=None if user_id is None else f"user:{user_id}", name=name)


class VersionOut(Schema):
    """``head``: it holds all edits up to that one. ``authors``: since the version before."""

    number: int
    kind: Version.Kind
    label: str
    head: int
    size: int
    created_at: datetime
    created_by: Author | None
    authors: list[Author]

    @classmethod
    def of(cls, version: Version) -> Self:
        by = version.created_by_name and Author.of(version.created_by_id, version.created_by_name)
        return cls(
            number=version.number,
            kind=Version.Kind(version.kind),
            label=version.label,
            head=version.seq,
            size=version.size,
            created_at=version.created_at,
            created_by=by or None,
            authors=[Author.of(each["user"], each["name"]) for each in version.authors],
        )


class VersionList(Schema):
    items: list[VersionOut]
    next: str | None


class VersionName(Schema):
    model_config = ConfigDict(extra="forbid")
    label: Label


class Summary(Schema):
    """How many blocks; those that have moved are counted as what else they are, too."""

    same: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0
    moved: int = 0


class Comparison(Schema):
    """Blocks in reading order, each with its ``op``: see ``documents.formats.comparison``."""

    summary: Summary
    blocks: list[dict[str, Any]]

    @classmethod
    def of(cls, blocks: list[dict[str, Any]], *, only_changes: bool) -> Self:
        summary = Counter(block["op"] for block in blocks)
        summary["moved"] = sum(block.get("moved", False) for block in blocks)
        if only_changes:
            blocks = [block for block in blocks if block["op"] != "same" or block.get("moved")]
        return cls(summary=Summary(**summary), blocks=blocks)


class Restored(Schema):
    """``kept``: the version that holds what was there before; null if nothing was different."""

    head: int
    changed: bool
    kept: int | None


@router.get("/{uuid:document_id}/versions", response=VersionList)
def list_versions(
    request: HttpRequest,
    document_id: UUID,
    cursor: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> VersionList:
    """Newest first."""
    open_document(request, document_id, at_least=Role.EDITOR)
    found = versions.in_order(document_id)
    if cursor:
        seq, number = map(int, cursor.split("-"))
        found = found.filter(Q(seq__lt=seq) | Q(seq=seq, number__lt=number))
    page = list(found[: limit + 1])
    items, has_more = page[:limit], len(page) > limit
    return VersionList(
        items=[VersionOut.of(version) for version in items],
        next=_next_url(request, items[-1]) if has_more else None,
    )


def _next_url(request: HttpRequest, last: Version) -> str:
    query = request.GET.copy()
    query["cursor"] = f"{last.seq}-{last.number}"
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


@router.post(
    "/{uuid:document_id}/versions",
    response={201: VersionOut},
    openapi_extra=described(409),
)
def name_version(request: HttpRequest, document_id: UUID, body: VersionName) -> Status[VersionOut]:
    """Keep what is committed now, under a name, for ever."""
    open_document(request, document_id, at_least=Role.EDITOR)
    version = versions.name_present(document_id, body.label, asking(request))
    return Status(201, VersionOut.of(version))


@router.get("/{uuid:document_id}/versions/{int:number}", response=VersionOut)
def get_version(request: HttpRequest, document_id: UUID, number: int) -> VersionOut:
    """What a version is; its content: ``snapshot?version=``."""
    open_document(request, document_id, at_least=Role.EDITOR)
    return VersionOut.of(versions.find(document_id, number))


@router.patch(
    "/{uuid:document_id}/versions/{int:number}",
    response=VersionOut,
    openapi_extra=described(409),
)
def rename_version(
    request: HttpRequest, document_id: UUID, number: int, body: VersionName
) -> VersionOut:
    """Name a version, or name it anew: from then on it does not go with age."""
    open_document(request, document_id, at_least=Role.EDITOR)
    return VersionOut.of(versions.rename(document_id, number, body.label))


@router.delete("/{uuid:document_id}/versions/{int:number}", response={204: None})
def delete_version(request: HttpRequest, document_id: UUID, number: int) -> Status[None]:
    """For good. The owner alone: it is the way to get something out of the history."""
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
    differences = compare(content.blocks_in(old), content.blocks_in(new))
    return Comparison.of(differences, only_changes=only is not None)


def _parts(document_id: UUID, which: str) -> list[bytes]:
    if which == CURRENT:
        return log.read(document_id).parts
    return [versions.state_of(versions.find(document_id, int(which)))]


@async_router.post(
    "/{uuid:document_id}/versions/{int:number}/restore",
    response=Restored,
    openapi_extra=described(409, 413, answers={200: {"headers": ETAG}}),
)
async def restore_version(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    """Make the live document what the version says, by the smallest edit."""
    role, state = await in_request_thread(_to_restore)(request, document_id, number)
    restored = await versions.restore(document_id, asking(request), role, state)
    head, is_changed = restored.written.head, restored.written.is_changed
    answer = {"head": head, "changed": is_changed, "kept": restored.kept}
    return tagged(JsonResponse(answer), head)


def _to_restore(request: HttpRequest, document_id: UUID, number: int) -> tuple[Role, bytes]:
    _, role = open_document(request, document_id, at_least=Role.EDITOR)
    return role, versions.state_of(versions.find(document_id, number))
