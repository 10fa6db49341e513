"""Cursors of lists that are ordered by a time, newest first; equal times by id."""

import base64
import binascii
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from collab.errors import ProtocolError

M = TypeVar("M", bound=Model)


def page_of(
    request: HttpRequest, found: QuerySet[M], by: str, *, cursor: str, limit: int
) -> tuple[list[M], str | None]:
    """One page, and the URL of the next one. Raises ProtocolError for a foreign cursor."""
    if cursor:
        at, key = _decoded(cursor)
        found = found.filter(Q(**{f"{by}__lt": at}) | Q(**{by: at, "id__lt": key}))
    rows = list(found.order_by(f"-{by}", "-id")[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    last: Any = rows[limit - 1]
    query = request.GET.copy()
    place = f"{getattr(last, by).isoformat()} {last.pk}"
    query["cursor"] = base64.urlsafe_b64encode(place.encode()).decode()
    return rows[:limit], request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _decoded(cursor: str) -> tuple[datetime, UUID]:
    try:
        place = base64.urlsafe_b64decode(cursor.encode()).decode()
        at, key = place.split(" ")
        when = datetime.fromisoformat(at)
        if when.tzinfo is None:
            raise ValueError("without a time zone")
        return when, UUID(key)
    except (ValueError, binascii.Error):
        raise ProtocolError("cursor must come from a list's next") from None
