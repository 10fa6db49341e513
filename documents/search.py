"""Finding documents by what they say: their text beside them, kept by the compaction worker.

It follows the log by half a minute and some, a large document by more: who writes much into one
must not keep the worker busy. Who may see what is found is for the callers.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from django.db.models import F, Q, QuerySet

from documents import content
from documents.models import Document, SearchText
from documents.sync import log

_LEAST_REST = timedelta(seconds=30)  # of one document: to look costs as much as opening it
_REST_TIMES = 20  # as long as its last look took
_ROUND_S = 5.0  # then the worker has other things to do
_ALL_EVERY = timedelta(hours=1)  # what the times of changes do not show: restored rows, bad clocks
_OVERLAP = timedelta(minutes=1)  # commits are seen a little after their time
_LONGEST = 1_000_000  # characters; what comes after them is not found
_MOST_WORDS = 10  # each is looked for in every text


def matching(found: QuerySet[Document], words: str) -> QuerySet[Document]:
    """Those with each of these words, or parts of words, in the title or the text."""
    for word in words.casefold().split()[:_MOST_WORDS]:
        in_text = Q(search_text__text__contains=word)
        found = found.filter(Q(folded_title__contains=word) | in_text)
    return found


class Lookout:
    """Which documents one worker is to look at, and when again."""

    def __init__(self) -> None:
        self._seen_all_at: datetime | None = None
        self._seen_at: datetime | None = None
        self._news: dict[UUID, None] = {}  # in the order in which they are looked at
        self._rests_until: dict[UUID, datetime] = {}

    def due(self, now: datetime) -> Iterator[UUID]:
        """Documents that say something else by now; no more than fit into a round."""
        ends_at = monotonic() + _ROUND_S
        self._news |= dict.fromkeys(self._changed(now))
        self._rests_until = {each: end for each, end in self._rests_until.items() if end > now}
        for document_id in [each for each in self._news if each not in self._rests_until]:
            if monotonic() >= ends_at:
                return
            del self._news[document_id]
            yield document_id

    def _changed(self, now: datetime) -> list[UUID]:
        is_new = Q(search_text=None, head__gt=0)
        changed = Document.objects.filter(is_new | Q(head__gt=F("search_text__head")))
        is_all = self._seen_all_at is None or now - self._seen_all_at >= _ALL_EVERY
        if not is_all and self._seen_at is not None:
            changed = changed.filter(updated_at__gte=self._seen_at - _OVERLAP)
        # One that cannot be read must not keep the others waiting.
        longest_ago = F("search_text__looked_at").asc(nulls_first=True)
        found = list(changed.order_by(longest_ago).values_list("id", flat=True))
        self._seen_at = now
        self._seen_all_at = now if is_all else self._seen_all_at
        return found

    def look(self, document_id: UUID, *, now: datetime) -> None:
        """Index it, and let it rest for a time that is in proportion to what that took."""
        began = monotonic()
        try:
            index(document_id, now=now)
        finally:
            took = timedelta(seconds=monotonic() - began)
            self._rests_until[document_id] = now + max(_LEAST_REST, _REST_TIMES * took)


def index(document_id: UUID, *, now: datetime) -> None:
    """Keep what a document says now. Nothing happens if it is gone."""
    # Before the look, in case that ends the process: then others come first.
    texts = SearchText.objects.filter(document_id=document_id)
    if not texts.update(looked_at=now):
        if not Document.objects.filter(id=document_id).exists():
            return
        first = SearchText(document_id=document_id, looked_at=now)
        SearchText.objects.bulk_create([first], ignore_conflicts=True)
    stored = log.read(document_id)
    text = content.render(stored.parts, content.Format.TEXT).decode()
    # Of two workers the one that has read more is right. PostgreSQL stores no NUL.
    texts.filter(head__lte=stored.head).update(
        head=stored.head, text=text[:_LONGEST].casefold().replace("\x00", "")
    )
