"""Pages of lists, and the places from which they go on.

A cursor is the place of a page's last row, signed: it comes from the very list that it is given
back to, so what is in it needs no further look.
"""

from typing import Annotated, Any, TypeVar

from django.core.signing import BadSignature, Signer
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from ninja import Query
from pydantic import Field

from collab.errors import CollabError

M = TypeVar("M", bound=Model)

MOST = 100  # rows of a page
Cursor = Annotated[str, Query()]
Limit = Annotated[int, Query(), Field(ge=1, le=MOST)]


class ForeignCursor(CollabError):
    """A cursor that this list has not given: begin at its beginning."""

    status, code = 422, "invalid"


def page_of(
    request: HttpRequest, found: QuerySet[M], *by: str, cursor: str, limit: int
) -> tuple[list[M], str | None]:
    """One page, and the URL of the next one. Raises ForeignCursor.

    ``by``: fields that together tell all rows apart, all rising or all falling ("-").
    """
    fields: list[Any] = [found.model._meta.get_field(name.removeprefix("-")) for name in by]
    signer = Signer(salt=f"{request.path} {' '.join(by)}")
    if cursor:
        try:
            place = signer.unsign_object(cursor)
        except BadSignature:
            raise ForeignCursor("cursor must come from this list's next") from None
        values = [field.to_python(text) for field, text in zip(fields, place, strict=True)]
        found = found.filter(_beyond(by, values))
    rows = list(found.order_by(*by)[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    place = [field.value_to_string(rows[limit - 1]) for field in fields]
    return rows[:limit], next_url(request, cursor=signer.sign_object(place))


def next_url(request: HttpRequest, **place: str) -> str:
    """The address of the same list from another place on."""
    query = request.GET.copy()
    for name, value in place.items():
        query[name] = value
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _beyond(by: tuple[str, ...], values: list[Any]) -> Q:
    """Rows that come after these values, compared field by field."""
    beyond, same = Q(), Q()
    for name, value in zip(by, values, strict=True):
        field = name.removeprefix("-")
        step = "lt" if name.startswith("-") else "gt"
        beyond |= same & Q(**{f"{field}__{step}": value})
        same &= Q(**{field: value})
    return beyond
