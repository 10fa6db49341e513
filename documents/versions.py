"""Versions: states of a document that are kept for people.

Kept, named, thinned with age, read, and restored as an edit of the live document. What is kept
without being asked for is found in ``documents.review``. A version is what the log said at its
row, whole: it needs nothing that may be pruned.
"""

import asyncio
import logging
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from collab.accounts.principal import Principal
from collab.database import in_database_thread
from collab.errors import CollabError, NotFound, TooManyRequests, Unavailable
from documents import content
from documents.content import Note, Written
from documents.conversion import aconvert
from documents.formats.difference import update_for
from documents.models import Attachment, Document, History, Role, Version
from documents.sync import log
from documents.sync.replica import EMPTY_STATE_VECTOR, Replica, clocks_of, merge
from documents.sync.salvage import load_what_can_be
from documents.thinning import DONE_AFTER, Kept, outlived
from presence.identity import identity_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

logger = logging.getLogger(__name__)

Kind = Version.Kind

_PRECIOUS = frozenset({Kind.BEFORE_RESTORE, Kind.BEFORE_DELETION})  # goes later than sessions do
_THIN_EVERY = timedelta(days=1)
_NAME_LENGTH = 100
# How often, and how long apart, to look whether what was said last is committed.
_LOOKS, _LOOK_AGAIN_S = 100, 0.05


class TooManyVersions(CollabError):
    """Named versions are kept for ever; delete one to name another."""

    status, code = 409, "too-many-versions"


# -- Keeping --------------------------------------------------------------------------------
def keep(document_id: UUID, seq: int, kind: Version.Kind, *, at: datetime) -> None:
    """Keep what the log said at a row, unless a version holds that already.

    Raises Folded if the log cannot tell any more.
    """
    if _there(document_id, seq, kind) is not None:
        return
    stored = log.read(document_id, up_to=seq)
    _store_once(_packed(document_id, seq, _readable(stored), kind, at=at))


def name_present(document_id: UUID, label: str, by: Principal) -> Version:
    """Keep all that is committed at this moment, under a name, for ever."""
    stored = log.read(document_id)
    version = _packed(
        document_id, stored.head, _readable(stored), Kind.NAMED, at=timezone.now(), by=by
    )
    version.label = label
    with transaction.atomic():
        _lock(document_id)
        _refuse_too_many(document_id)
        return _store(version)


def rename(document_id: UUID, number: int, label: str) -> Version:
    """With a name, an automatic version stays for ever too. Raises NotFound, TooManyVersions."""
    with transaction.atomic():
        _lock(document_id)
        version = find(document_id, number)
        if not version.label:
            _refuse_too_many(document_id)
        version.label = label
        version.save(update_fields=["label"])
        return version


def _refuse_too_many(document_id: UUID) -> None:
    limit = settings.COLLAB.max_named_versions
    named = Version.objects.filter(document_id=document_id).exclude(label="")
    if named.count() >= limit:
        raise TooManyVersions(f"{limit:,} versions have a name; delete one that is not needed")


def _readable(stored: log.Stored) -> Replica:
    """Without what rooms leave out, too, and which nobody could read."""
    replica, _ = load_what_can_be(stored.parts)
    return replica


def _packed(
    document_id: UUID,
    seq: int,
    replica: Replica,
    kind: Version.Kind,
    *,
    at: datetime,
    by: Principal | None = None,
) -> Version:
    """A version without a number yet: what takes long is done while nobody waits for a lock."""
    state = replica.difference(EMPTY_STATE_VECTOR)
    return Version(
        document_id=document_id,
        seq=seq,
        kind=kind,
        created_at=at,
        created_by_id=by.user_id if by else None,
        created_by_name=identity_of(by).name[:_NAME_LENGTH] if by else "",
        size=len(state),
        state=zstd.compress(state),
    )


def _there(document_id: UUID, seq: int, kind: Version.Kind) -> Version | None:
    """A version that holds this row already; from now on it stays as long as this kind does."""
    there = in_order(document_id).filter(seq=seq)
    if kind in _PRECIOUS:
        there.filter(kind=Kind.SESSION).update(kind=kind)
    return there.first()


def _store_once(version: Version) -> Version:
    """Store it, unless somebody else has done so meanwhile."""
    with transaction.atomic():
        _lock(version.document_id)
        kind = Kind(version.kind)
        return _there(version.document_id, version.seq, kind) or _store(version)


def _lock(document_id: UUID) -> None:
    """Numbers are given one by one. Raises NotFound if the document is gone."""
    if Document.objects.select_for_update().filter(id=document_id).only("id").first() is None:
        raise NotFound("the document was deleted")


def _store(version: Version) -> Version:
    """Give it the next number; under the document's lock."""
    history, _ = History.objects.get_or_create(document_id=version.document_id)
    history.last_number += 1
    history.thin_at = history.thin_at or timezone.now() + _THIN_EVERY
    history.save(update_fields=["last_number", "thin_at"])
    version.number = history.last_number
    version.authors = _authors(version.document_id, version.seq)
    version.save(force_insert=True)
    extra = {"document": version.document_id, "number": version.number, "kind": version.kind}
    logger.info("version kept", extra=extra)
    return version


def _authors(document_id: UUID, seq: int) -> list[dict[str, Any]]:
    """Who wrote since the version before."""
    before = in_order(document_id).filter(seq__lt=seq).values_list("seq", flat=True).first()
    written = log.authors(document_id, after=before or 0, up_to=seq)
    return [{"user": user_id, "name": name} for user_id, name in written]


# -- Reading --------------------------------------------------------------------------------
def in_order(document_id: UUID) -> QuerySet[Version]:
    """The versions of a document, newest first, without their states."""
    return (
        Version.objects.filter(document_id=document_id).order_by("-seq", "-number").defer("state")
    )


def find(document_id: UUID, number: int) -> Version:
    """Raises NotFound."""
    version = in_order(document_id).filter(number=number).first()
    if version is None:
        raise NotFound("no such version: it was deleted, or has gone with age")
    return version


def state_of(version: Version) -> bytes:
    """The Yjs update that the version is."""
    return zstd.decompress(bytes(version.state))


# -- Letting go -----------------------------------------------------------------------------
def delete(document_id: UUID, number: int) -> None:
    """For good; its number is not given again. Raises NotFound."""
    with transaction.atomic():
        _lock(document_id)
        _drop(document_id, {find(document_id, number).number})


def due_for_thinning(now: datetime, limit: int = 100) -> list[UUID]:
    """Documents that were not thinned for a day, and in which something may still go."""
    due = History.objects.filter(thin_at__lte=now).order_by("thin_at")
    return list(due.values_list("document_id", flat=True)[:limit])


def thin(document_id: UUID, now: datetime) -> None:
    """Let go what ``documents.thinning`` says. However often: what stays is the same."""
    with transaction.atomic():
        _lock(document_id)  # nobody gives a name to one that goes
        kept = [
            Kept(version.created_at, version.number, bool(version.label), version.kind in _PRECIOUS)
            for version in in_order(document_id)
        ]
        _drop(document_id, outlived(kept, now))
        is_done = all(each.is_named or now - each.at > DONE_AFTER for each in kept)
        History.objects.filter(document_id=document_id).update(
            thin_at=None if is_done else now + _THIN_EVERY
        )


def _drop(document_id: UUID, numbers: set[int]) -> None:
    """Whoever wrote for a version that goes is an author of the next one that stays."""
    if not numbers:
        return
    orphaned: list[dict[str, Any]] = []
    for version in in_order(document_id).reverse():
        if version.number in numbers:
            orphaned += version.authors
        elif orphaned:
            version.authors = _each_once([*orphaned, *version.authors])
            version.save(update_fields=["authors"])
            orphaned = []
    Version.objects.filter(document_id=document_id, number__in=numbers).delete()
    # What only these have referred to may go: look again.
    Attachment.objects.filter(document_id=document_id).update(checked_head=0)


def _each_once(authors: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({(each["user"], each["name"]): each for each in authors}.values())


# -- Restoring ------------------------------------------------------------------------------
async def restore(
    document_id: UUID,
    principal: Principal,
    role: Role,
    wanted: bytes,
    *,
    only_if: frozenset[str] | None = None,
    note: Note | None = None,
) -> Written:
    """Make the live document say what this state does by the smallest edit.

    What it said before is kept first. ``only_if``, ``note``: as of ``content.write``. Raises
    TooManyRequests, Unavailable, with nothing written, if what was there is not committed in
    time, or what editors are refused with.
    """
    await in_database_thread(_refuse_too_often)(document_id)

    def make(parts: Sequence[bytes], client_id: int) -> bytes:
        blocks = content.blocks_in([wanted])
        return update_for(merge(parts), lambda old: blocks, client_id=client_id)

    async def keep_first(parts: Sequence[bytes]) -> None:
        state = await aconvert(principal, merge, parts)
        await _keep_once_committed(document_id, state, principal)

    return await content.edit(
        document_id, principal, role, make, only_if=only_if, note=note, first=keep_first
    )


def _refuse_too_often(document_id: UUID) -> None:
    """Each restore keeps a whole state for months."""
    limit = settings.COLLAB.max_restores_per_hour
    kept = Version.objects.filter(document_id=document_id, kind=Kind.BEFORE_RESTORE)
    if kept.filter(created_at__gt=timezone.now() - timedelta(hours=1)).count() >= limit:
        raise TooManyRequests(f"{limit:,} restores in an hour; wait a little", retry_after_s=600)


def kept_before(document_id: UUID, written: Written) -> int | None:
    """The number of the version that holds what a restore changed; None: it changed nothing."""
    if not written.is_changed:
        return None
    before = in_order(document_id).filter(seq__lt=written.head)
    return before.values_list("number", flat=True).first()


async def _keep_once_committed(document_id: UUID, state: bytes, by: Principal) -> None:
    for _ in range(_LOOKS):
        if await in_database_thread(keep_committed)(document_id, state, by) is not None:
            return
        await asyncio.sleep(_LOOK_AGAIN_S)
    raise Unavailable("others' edits could not be stored yet; nothing was restored")


def keep_committed(document_id: UUID, state: bytes, by: Principal) -> Version | None:
    """Keep what is committed before ``state`` is overwritten; None unless that holds all of it.

    Once: a restore that is refused afterwards, and asked for again, keeps no second version.
    """
    stored = log.read(document_id)
    committed = _readable(stored)
    known = committed.clocks
    if any(clock > known.get(client, 0) for client, clock in clocks_of(state).items()):
        return None
    kind = Kind.BEFORE_RESTORE
    there = _there(document_id, stored.head, kind)
    if there is not None:
        return there
    return _store_once(_packed(document_id, stored.head, committed, kind, at=timezone.now(), by=by))
