"""The log of each document: append, consistent read, head. The truth about every document.

The only code that touches the log's tables. Everything here is synchronous database work;
the engine runs it in threads. Knows nothing of replicas, members or frames.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import F, IntegerField, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Greatest, Length
from django.utils import timezone

from collab import metrics
from collab.database import insert_rows, update_rows
from collab.errors import CollabError
from documents.models import Document, LogEntry, Quarantine, Snapshot

_NAME_LENGTH = 100
_ENTRIES_AT_ONCE = 200
_ENTRY_FIELDS = ("document", "seq", "update", "author", "author_name", "created_at")


class LogDamaged(CollabError):
    """The log has a gap: nobody may serve, fold or overwrite this document."""

    code = "log-damaged"


class Folded(Exception):
    """The snapshot is newer than the state that was asked for, which nobody can tell any more."""


@dataclass(frozen=True, slots=True)
class Row:
    """One author's updates of one commit, merged. Guests have a name but no id."""

    update: bytes
    author_id: int | None = None
    author_name: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as it stands in the log."""

    seq: int
    at: datetime
    update: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """What the log holds after some sequence number, as of one moment."""

    head: int
    folded: int = 0  # the snapshot's sequence number; 0 when none was read
    snapshot: bytes = b""
    updates: list[bytes] = field(default_factory=list)  # folded + 1 … head

    @property
    def parts(self) -> list[bytes]:
        return [self.snapshot, *self.updates] if self.snapshot else self.updates


@dataclass(frozen=True, slots=True)
class Change:
    """That somebody wrote row ``head``: when, and how many bytes. Without the update itself."""

    head: int
    author_id: int | None
    author_name: str
    at: datetime
    size: int


def append(batch: Mapping[UUID, Sequence[Row]]) -> dict[UUID, int]:
    """Commit the rows of several documents in one transaction; return each document's new head.

    A document that no longer exists is missing from the answer, and a user who was deleted
    while they were still typing from the rows. Rows are locked in key order, so that two
    batches cannot wait for each other.
    """
    try:
        return _append(batch)
    except IntegrityError:
        return _append(_without_deleted_users(batch))


def _without_deleted_users(batch: Mapping[UUID, Sequence[Row]]) -> dict[UUID, list[Row]]:
    ids = {row.author_id for rows in batch.values() for row in rows if row.author_id is not None}
    known = set(get_user_model().objects.filter(id__in=ids).values_list("id", flat=True))
    return {
        document_id: [
            row if row.author_id in known else replace(row, author_id=None) for row in rows
        ]
        for document_id, rows in batch.items()
    }


def _append(batch: Mapping[UUID, Sequence[Row]]) -> dict[UUID, int]:
    now = timezone.now()
    entries: list[tuple[object, ...]] = []
    documents: list[tuple[object, ...]] = []
    heads: dict[UUID, int] = {}
    with transaction.atomic():
        locked = Document.objects.select_for_update().filter(id__in=batch.keys()).order_by("id")
        for document_id, head, size in locked.values_list("id", "head", "size"):
            rows = batch[document_id]
            for seq, row in enumerate(rows, start=head + 1):
                name = row.author_name[:_NAME_LENGTH]
                entries.append((document_id, seq, row.update, row.author_id, name, now))
            heads[document_id] = head + len(rows)
            size_now = size + sum(len(row.update) for row in rows)
            documents.append((head + len(rows), size_now, now, document_id))
        insert_rows(LogEntry, _ENTRY_FIELDS, entries)
        update_rows(Document, ("head", "size", "updated_at"), documents)
    return heads


def read(document_id: UUID, *, since: int = 0, up_to: int | None = None) -> Stored:
    """What came after ``since``: the snapshot if it is newer, and the rows after it (``up_to``).

    One statement, hence one consistent view even while a compaction commits. Raises
    LogDamaged when a row is missing, Folded if the snapshot is newer than ``up_to``.
    """
    snapshot = Snapshot.objects.filter(document_id=document_id, seq__gt=since)
    newest_folded = Subquery(
        Snapshot.objects.filter(document_id=OuterRef("document_id")).values("seq")[:1]
    )
    rows = LogEntry.objects.filter(
        document_id=document_id,
        seq__gt=Greatest(Coalesce(newest_folded, 0), Value(since), output_field=IntegerField()),
    )
    if up_to is not None:
        rows = rows.filter(seq__lte=up_to)
    found = (
        snapshot.annotate(kind=Value(0))
        .values_list("kind", "seq", "state")
        .union(rows.annotate(kind=Value(1)).values_list("kind", "seq", "update"), all=True)
        .order_by("kind", "seq")
    )
    folded, state, head, updates = 0, b"", since, []
    for kind, seq, data in found:
        if kind == 0:
            if up_to is not None and seq > up_to:
                raise Folded(f"document {document_id}: the snapshot is at {seq}, not {up_to}")
            folded, state, head = seq, bytes(data), seq
            continue
        if seq != head + 1:
            raise LogDamaged(f"document {document_id}: row {head + 1} is missing")
        head = seq
        updates.append(bytes(data))
    if up_to is not None and head < up_to:
        raise LogDamaged(f"document {document_id}: row {head + 1} is missing")
    return Stored(head=head, folded=folded, snapshot=state, updates=updates)


def heads(document_ids: Iterable[UUID]) -> dict[UUID, int]:
    """The committed head of each document that exists."""
    return dict(Document.objects.filter(id__in=document_ids).values_list("id", "head"))


def entries(document_id: UUID, *, after: int) -> Iterator[Entry]:
    """The rows after ``after``, one by one. Holds no cursor: others may write meanwhile."""
    while True:
        rows = LogEntry.objects.filter(document_id=document_id, seq__gt=after).order_by("seq")
        found = rows.values_list("seq", "created_at", "update")[:_ENTRIES_AT_ONCE]
        for seq, at, update in found:
            yield Entry(seq, at, bytes(update))
            after = seq
        if len(found) < _ENTRIES_AT_ONCE:
            return


def written_at(document_id: UUID, seq: int) -> datetime | None:
    """When a row was committed; None if it is no longer in the log."""
    row = LogEntry.objects.filter(document_id=document_id, seq=seq)
    return row.values_list("created_at", flat=True).first()


def authors(
    document_id: UUID, *, after: int, up_to: int, limit: int | None = None
) -> list[tuple[int | None, str]]:
    """Who wrote these rows, each once: (user id, name). Guests have a name but no id."""
    rows = LogEntry.objects.filter(document_id=document_id, seq__gt=after, seq__lte=up_to)
    people = rows.order_by("author_name", "author_id").values_list("author_id", "author_name")
    return list(people.distinct()[:limit])


def changes(document_id: UUID, *, since: int, limit: int) -> list[Change]:
    """The first rows after ``since`` that the log still has, oldest first."""
    rows = (
        LogEntry.objects.filter(document_id=document_id, seq__gt=since)
        .order_by("seq")
        .values_list("seq", "author_id", "author_name", "created_at", Length("update"))
    )
    return [Change(*row) for row in rows[:limit]]


def due_for_compaction(
    *, rows: int, idle: timedelta, now: datetime, limit: int = 100
) -> list[UUID]:
    """Documents with at least ``rows`` rows beyond their snapshot, or idle with a tenth of that."""
    beyond = F("folded") + rows
    few = F("folded") + max(1, rows // 10)
    return list(
        Document.objects.filter(Q(head__gte=beyond) | Q(head__gte=few, updated_at__lt=now - idle))
        .order_by("updated_at")
        .values_list("id", flat=True)[:limit]
    )


def unannounced(
    *, quiet: timedelta, at_latest: timedelta, now: datetime, limit: int
) -> list[Document]:
    """Documents whose webhooks are to be told of new rows, those waiting longest first.

    Nobody has written for ``quiet``, or the first such row is older than ``at_latest``.
    """
    first = LogEntry.objects.filter(document_id=OuterRef("pk"), seq=OuterRef("announced") + 1)
    return list(
        Document.objects.filter(head__gt=F("announced"))
        .annotate(first_at=Subquery(first.values("created_at")))
        .filter(Q(updated_at__lte=now - quiet) | Q(first_at__lte=now - at_latest))
        .order_by("updated_at")[:limit]
    )


def note_announced(document_id: UUID, *, since: int, head: int) -> bool:
    """That webhooks are told of the rows up to ``head``; False if somebody else has done it."""
    mine = Document.objects.filter(id=document_id, announced=since)
    return mine.update(announced=head) > 0


def store_snapshot(
    document_id: UUID,
    *,
    replaces: int,
    seq: int,
    state: bytes,
    keep_rows_since: datetime,
    keep_rows_after: int | None = None,
) -> bool:
    """Make ``state`` (up to row ``seq``) what loading starts from; prune folded rows that are old.

    Rows after ``keep_rows_after`` stay however old they are. False, and nothing changed, if
    somebody else compacted meanwhile (``replaces`` is no longer the snapshot's sequence number)
    or the document is gone.
    """
    with transaction.atomic():
        document = Document.objects.select_for_update().filter(id=document_id).first()
        if document is None or document.folded != replaces or not replaces < seq <= document.head:
            return False
        Snapshot.objects.update_or_create(
            document_id=document_id, defaults={"seq": seq, "state": state}
        )
        later = LogEntry.objects.filter(document_id=document_id, seq__gt=seq)
        later_bytes = later.aggregate(total=Coalesce(Sum(Length("update")), 0))["total"]
        document.folded = seq
        document.size = len(state) + later_bytes
        document.save(update_fields=["folded", "size"])
        needless = seq if keep_rows_after is None else min(seq, keep_rows_after)
        LogEntry.objects.filter(
            document_id=document_id, seq__lte=needless, created_at__lt=keep_rows_since
        ).delete()
    return True


def retained(document_id: UUID) -> list[tuple[int, bytes]]:
    """Every row still in the log, folded ones too: (sequence number, update)."""
    rows = LogEntry.objects.filter(document_id=document_id).order_by("seq")
    return [(seq, bytes(update)) for seq, update in rows.values_list("seq", "update")]


def fatal_updates(document_id: UUID) -> list[bytes]:
    """Updates of this document that ended a process."""
    rows = Quarantine.objects.filter(document_id=document_id, ended_process=True)
    return [bytes(update) for update in rows.values_list("update", flat=True)]


def quarantine(
    document_id: UUID,
    update: bytes,
    *,
    reason: str,
    author_name: str = "",
    ended_process: bool = False,
) -> None:
    """Keep an update that broke a replica, or a process, for whoever mends the cause."""
    if not Document.objects.filter(id=document_id).exists():
        return
    metrics.QUARANTINED.inc()
    Quarantine.objects.create(
        ended_process=ended_process,
        document_id=document_id,
        update=update,
        reason=reason,
        author_name=author_name[:_NAME_LENGTH],
    )
