"""Changes of access that this process has not heard of: the bus may lose what it is told.

Read every few seconds in one query. Rows may become visible out of the order of their
numbers, so that what is a little older is read again and what was seen is remembered.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from documents.models import AccessChange

_OVERLAP = timedelta(minutes=1)  # longer than any transaction that changes access


class Withdrawals:
    """Synchronous; the hub runs it in a thread, one call at a time."""

    def __init__(self) -> None:
        self._since = timezone.now()
        self._seen: dict[int, datetime] = {}

    def unseen(self) -> tuple[set[UUID], set[int]]:
        """The documents and the users whose access has changed since the last call."""
        rows = AccessChange.objects.filter(at__gte=self._since - _OVERLAP)
        news = [row for row in rows if row.pk not in self._seen]
        self._seen |= {row.pk: row.at for row in news}
        self._since = max([self._since, *(row.at for row in news)])
        self._seen = {key: at for key, at in self._seen.items() if at >= self._since - _OVERLAP}
        return (
            {row.document_id for row in news if row.document_id is not None},
            {row.user_id for row in news if row.user_id is not None},
        )
