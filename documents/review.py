"""What a document's log tells of its versions: where sessions end, where much was deleted.

The compaction worker reviews rows before it folds them, and folds none that were not reviewed:
so whatever row a version has to end at, the log can still tell what it said there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q

from collab.errors import InvalidUpdate
from documents import versions
from documents.models import Document, History, Version
from documents.sync import log
from documents.sync.guard import Ranges, scan
from documents.sync.losses import count_clocks, loss_by

Kind = Version.Kind

_BURST = timedelta(seconds=10)  # deletions within it are one: of one person, or one faulty page
_LOOK_EVERY = timedelta(seconds=30)  # at one document, whoever looks
_LEAST_LOST = 500  # clocks, which is about as many characters
_TRUSTED_DEPTH = 1000  # of values in what passed the guard before


@dataclass(frozen=True, slots=True)
class Reviewed:
    """``up_to``: no later row may be folded. ``session_after``: later rows are still needed."""

    up_to: int
    session_after: int


@dataclass(frozen=True, slots=True)
class Boundary:
    """A version ends with this row."""

    seq: int
    kind: Version.Kind
    at: datetime


@dataclass(slots=True)
class Session:
    began_at: datetime
    last_at: datetime


@dataclass(slots=True)
class _Burst:
    """Deletions of a few seconds. ``after``: the last row before them."""

    after: int
    began_at: datetime
    deletes: Ranges


class Search:
    """One pass over rows in order. ``is_grave(after, deletes)``: is much of that state lost?"""

    def __init__(
        self,
        seq: int,
        session: Session | None,
        *,
        pause: timedelta,
        longest: timedelta,
        is_grave: Callable[[int, Ranges], bool],
    ) -> None:
        self.found: list[Boundary] = []
        self._seq = seq  # of the last row seen
        self._session = session
        self._burst: _Burst | None = None
        self._pause, self._longest = pause, longest
        self._is_grave = is_grave

    def take(self, row: log.Entry) -> None:
        """See the next row."""
        session = self._session
        if session is not None and (
            row.at - session.last_at >= self._pause or row.at - session.began_at >= self._longest
        ):
            self._end_session(session)
        self._end_burst_by(row.at)
        began_at = self._session.began_at if self._session else row.at
        self._session = Session(began_at, row.at)
        for client, ranges in _deletes_of(row.update).items():
            if self._burst is None:
                self._burst = _Burst(self._seq, row.at, {})
            self._burst.deletes.setdefault(client, []).extend(ranges)
        self._seq = row.seq

    def finish(self, now: datetime) -> int:
        """No more rows yet. Returns the last one that need not be seen again."""
        if self._session is not None and now - self._session.last_at >= self._pause:
            self._end_session(self._session)
        self._end_burst_by(now)
        return self._seq if self._burst is None else self._burst.after

    def _end_session(self, session: Session) -> None:
        self._end_burst()
        self.found.append(Boundary(self._seq, Kind.SESSION, session.last_at))
        self._session = None

    def _end_burst_by(self, now: datetime) -> None:
        if self._burst is not None and now - self._burst.began_at > _BURST:
            self._end_burst()

    def _end_burst(self) -> None:
        burst, self._burst = self._burst, None
        if burst is not None and self._is_grave(burst.after, burst.deletes):
            self.found.append(Boundary(burst.after, Kind.BEFORE_DELETION, burst.began_at))


def _deletes_of(update: bytes) -> Ranges:
    try:
        return scan(update, max_depth=_TRUSTED_DEPTH).deletes
    except InvalidUpdate:  # of a time when the guard let it pass: it must not stop the others
        return {}


def due_for_review(now: datetime, limit: int = 100) -> list[UUID]:
    """Documents with rows that nobody has looked at, or with a session that is over by now."""
    pause = timedelta(seconds=settings.COLLAB.version_pause_s)
    has_news = Q(head__gt=F("history__reviewed")) | Q(history=None, head__gt=0)
    is_over = Q(head__gt=F("history__kept"), updated_at__lt=now - pause)
    not_lately = Q(history__reviewed_at=None) | Q(history__reviewed_at__lt=now - _LOOK_EVERY)
    not_since_then = Q(history__reviewed_at__lt=F("updated_at") + pause)
    return list(
        Document.objects.filter(has_news & not_lately | is_over & (not_lately | not_since_then))
        # One that cannot be reviewed must not keep the others waiting.
        .order_by(F("history__reviewed_at").asc(nulls_first=True))
        .values_list("id", flat=True)[:limit]
    )


def review(document_id: UUID, *, now: datetime) -> Reviewed | None:
    """Keep the versions that the rows since the last review call for.

    None if the document is gone, or if somebody else has reviewed and folded rows meanwhile
    that this review still had to read.
    """
    document = Document.objects.filter(id=document_id).first()
    if document is None:
        return None
    history, _ = History.objects.update_or_create(
        document_id=document_id, defaults={"reviewed_at": now}
    )
    # After a restore from a backup the snapshot is newer, and the rows before it are gone.
    start = max(history.reviewed, document.folded)
    search = Search(
        start,
        _open_session(document, history.kept, start),
        pause=timedelta(seconds=settings.COLLAB.version_pause_s),
        longest=timedelta(seconds=settings.COLLAB.version_session_s),
        is_grave=lambda after, deletes: _is_grave(document_id, after, deletes),
    )
    try:
        for row in log.entries(document_id, after=start):
            search.take(row)
        reviewed = search.finish(now)
        for boundary in search.found:
            versions.keep(document_id, boundary.seq, boundary.kind, at=boundary.at)
    except log.Folded:
        return None
    ended = [each.seq for each in search.found if each.kind == Kind.SESSION]
    kept = ended[-1] if ended else history.kept
    History.objects.filter(
        document_id=document_id, reviewed=history.reviewed, kept=history.kept
    ).update(reviewed=reviewed, kept=kept)
    return Reviewed(up_to=reviewed, session_after=kept)


def _open_session(document: Document, kept: int, start: int) -> Session | None:
    """The session that the last review saw and that had not ended."""
    if start <= kept:
        return None
    last_at = log.written_at(document.id, start) or document.updated_at
    return Session(log.written_at(document.id, kept + 1) or last_at, last_at)


def _is_grave(document_id: UUID, after: int, deletes: Ranges) -> bool:
    """Whether a document loses more than half of what it said."""
    if count_clocks(deletes) < _LEAST_LOST:  # most are: then nothing need be read
        return False
    loss = loss_by(log.read(document_id, up_to=after).parts, deletes)
    return loss.lost >= _LEAST_LOST and 2 * loss.lost > loss.had
