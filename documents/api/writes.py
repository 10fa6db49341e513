"""Writes of programs: on what condition, once however often they are sent, and what is answered."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import parse_etags
from ninja import Schema
from pydantic import ConfigDict
from pydantic.config import JsonDict

from collab.database import in_request_thread
from documents import idempotency
from documents.api.snapshot import tagged
from documents.content import Written
from documents.idempotency import Key

# Whether the writer knows all that a document says which was made of the state at this head.
Knows = Callable[[int], bool]


WRITTEN: JsonDict = {"head": 43, "changed": True, "exact": True}


class WrittenOut(Schema):
    """``head``: the ETag's number; ``changed``: false if there was nothing to do.

    ``exact``: the document says by then nothing that you do not know. Otherwise others have
    written, and who builds on that ETag without reading would overwrite what they never saw.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [WRITTEN]})
    head: int
    changed: bool
    exact: bool


async def _nothing_more(written: Written) -> dict[str, Any]:
    return {}


async def once(
    key: Key | None,
    write: Callable[..., Awaitable[Written]],
    *,
    again: Callable[[bytes], Awaitable[Written]],
    knows: Knows,
    more: Callable[[Written], Awaitable[dict[str, Any]]] = _nothing_more,
) -> HttpResponse:
    """Do it, or tell again how it ended if its Idempotency-Key is known.

    ``again`` is given the update that was noted; ``more`` says what else is answered.
    """

    async def tell(written: Written, knows: Knows) -> dict[str, Any]:
        is_exact = written.made_of is not None and knows(written.made_of)
        told = {"head": written.head, "changed": written.is_changed, "exact": is_exact}
        return told | await more(written)

    if key is None:
        return _answer(await tell(await write(), knows))

    async def note(update: bytes) -> bytes:
        return bytes((await in_request_thread(idempotency.note)(key, update)).update)

    noted = await in_request_thread(idempotency.find)(key)
    if noted is not None and noted.answer is not None:
        return _answer(noted.answer)
    if noted is None:
        told = await tell(await write(note=note), knows)
    else:  # nobody can tell what it was made of
        told = await tell(await again(bytes(noted.update)), lambda head: False)
    await in_request_thread(idempotency.answered)(key, told)
    return _answer(told)


def _answer(told: dict[str, Any]) -> HttpResponse:
    return tagged(JsonResponse(told), told["head"])


def condition_of(request: HttpRequest) -> frozenset[str] | None:
    """The heads that If-Match names, one of which the content must have; None for any.

    A weak tag, too: whoever compresses on the way makes them weak, and a head is one all the same.
    """
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    return frozenset(tag.removeprefix("W/").strip('"') for tag in parse_etags(given))
