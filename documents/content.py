"""What programs read and write: a document's content in any format, as small edits of the live one.

Reading: the committed log, converted. Writing: the difference to what the room shows, made in
a thread on a replica of its own, then through the room like anybody's edit; answered when it
is committed.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Any
from uuid import UUID

from cachetools import LRUCache
from django.conf import settings

from collab.accounts.principal import Principal
from collab.database import in_database_thread
from collab.errors import CollabError, NotFound, ProtocolError, TooLarge
from documents.formats import text
from documents.formats.align import EVERYTHING, align
from documents.formats.blocks import Block, from_blocks
from documents.formats.difference import update_for
from documents.formats.html import to_html
from documents.formats.html_reader import from_html
from documents.formats.markdown import SCOPE as MARKDOWN
from documents.formats.markdown import from_markdown, to_markdown
from documents.formats.operations import Operation, apply_operations
from documents.formats.tree import blocks_of_update
from documents.models import Document, Role
from documents.sync import log
from documents.sync.hub import current_hub
from documents.sync.program import Program
from documents.sync.replica import EMPTY_UPDATE, merge
from documents.sync.salvage import load_what_can_be
from presence.identity import identity_of_program

_SEEN_FOR_S = 3.0  # after it has written, so that people can notice
_CACHE_BYTES = 32 * 1024 * 1024


class PreconditionFailed(CollabError):
    """The content is no longer what the request's If-Match says."""

    status, code = 412, "precondition-failed"


class BaseGone(CollabError):
    """A write that builds on a state which is too old, or never was: fetch it anew."""

    status, code = 409, "base-gone"


class Format(StrEnum):
    """How content is read and written; ``yjs`` is read here, and written as an update."""

    BLOCKS = "blocks"
    MARKDOWN = "markdown"
    HTML = "html"
    TEXT = "text"
    YJS = "yjs"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    Format.BLOCKS: "application/json",
    Format.MARKDOWN: "text/markdown; charset=utf-8",
    Format.HTML: "text/html; charset=utf-8",
    Format.TEXT: "text/plain; charset=utf-8",
    Format.YJS: "application/octet-stream",
}


# -- Reading --------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Rendered:
    """Content as of row ``head`` of the log."""

    head: int
    content: bytes


_cache: LRUCache[tuple[UUID, int, Format], bytes] = LRUCache(_CACHE_BYTES, getsizeof=len)
_cache_lock = Lock()  # each request reads in a thread of its own


def read(document: Document, wanted: Format) -> Rendered:
    """The committed content. Synchronous: reads the database, and converts right here."""
    with _cache_lock:
        known = _cache.get((document.id, document.head, wanted))
    if known is not None:
        return Rendered(document.head, known)
    stored = log.read(document.id)
    content = render(stored.parts, wanted)
    if len(content) < _CACHE_BYTES // 8:
        with _cache_lock:
            _cache[document.id, stored.head, wanted] = content
    return Rendered(stored.head, content)


def render(parts: Sequence[bytes], wanted: Format) -> bytes:
    """Updates that make up a document, in a format."""
    if wanted is Format.YJS:
        return merge(list(parts))
    blocks = blocks_in(parts)
    match wanted:
        case Format.BLOCKS:
            return json.dumps(blocks, ensure_ascii=False, separators=(",", ":")).encode()
        case Format.MARKDOWN:
            return to_markdown(blocks).encode()
        case Format.HTML:
            return to_html(blocks).encode()
    return text.to_text(blocks).encode()


def blocks_in(parts: Sequence[bytes]) -> list[Block]:
    """The blocks of the document that these updates make up, as far as rooms can read them."""
    replica, _ = load_what_can_be(list(parts))
    return blocks_of_update(replica.settled_state())


# -- Writing --------------------------------------------------------------------------------
Change = Callable[[list[Block]], list[Block]]
Note = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Written:
    """``head``: the row of the log up to which the answer is true; ``is_changed`` if it wrote."""

    head: int
    is_changed: bool


def parsed(content: Any, given: Format) -> list[Block]:
    """Blocks from what a program sends. Raises InvalidContent, TooLarge or ProtocolError."""
    if given is Format.BLOCKS:
        try:
            blocks = json.loads(content) if isinstance(content, str) else content
        except (ValueError, RecursionError):
            raise ProtocolError("content must be blocks in JSON") from None
        if not isinstance(blocks, list):
            raise ProtocolError("content must be a list of blocks")
        return blocks
    if not isinstance(content, str):
        raise ProtocolError("content must be a text")
    limit = settings.COLLAB.max_content_bytes
    if len(content) > limit:
        raise TooLarge(f"the content has {len(content):,} characters; it may have {limit:,}")
    match given:
        case Format.MARKDOWN:
            return from_markdown(content)
        case Format.HTML:
            return from_html(content)
        case Format.TEXT:
            return text.from_text(content)
    raise ProtocolError("content must be markdown, html, text or blocks")


def replacement(content: Any, given: Format) -> Change:
    """Make the document say this, and change no more than that takes."""

    def change(old: list[Block]) -> list[Block]:
        if given is Format.TEXT:
            if not isinstance(content, str):
                raise ProtocolError("content must be a text")
            return text.rewritten(old, content)
        new = parsed(content, given)
        from_blocks(new)  # refuses what the schema does not know, before anything relies on it
        return align(old, new, MARKDOWN if given is Format.MARKDOWN else EVERYTHING)

    return change


def overwriting(content: Any, given: Format) -> Change:
    """Make the document this, whatever it was."""
    return lambda old: parsed(content, given)


def operations(given: Sequence[Operation]) -> Change:
    """Surgical changes: all or none."""
    return lambda old: apply_operations(old, given)


async def write(
    document_id: UUID,
    principal: Principal,
    role: Role,
    change: Change,
    *,
    only_if: frozenset[str] | None = None,
    base: int | None = None,
    note: Note | None = None,
) -> Written:
    """Change the live document, and return when that is committed.

    ``only_if``: heads of which one must be the present one. ``base``: the head of the state that
    is changed; what others have written since is merged, like edits made at the same time.
    ``note``: called with the update before it is written; what it returns is written.
    Raises PreconditionFailed, BaseGone, TargetMissing, or what editors are refused with.
    """
    of_base = None if base is None else await in_database_thread(_state_at)(document_id, base)
    return await edit(
        document_id,
        principal,
        role,
        lambda state, client_id: update_for(of_base or state, change, client_id=client_id),
        only_if=only_if,
        note=note,
    )


def _state_at(document_id: UUID, head: int) -> bytes:
    try:
        parts = log.read(document_id, up_to=head).parts
    except (log.Folded, log.LogDamaged):
        raise BaseGone(f"nobody can tell any more what the content was at {head}") from None
    replica, _ = load_what_can_be(parts)
    return replica.settled_state()


async def merge_update(
    document_id: UUID, principal: Principal, role: Role, update: bytes, *, note: Note | None = None
) -> Written:
    """Merge a raw Yjs update into the live document, and return when that is committed."""
    return await edit(document_id, principal, role, lambda state, client_id: update, note=note)


async def edit(
    document_id: UUID,
    principal: Principal,
    role: Role,
    make: Callable[[bytes, int], bytes],
    *,
    only_if: frozenset[str] | None = None,
    note: Note | None = None,
    first: Callable[[bytes], Awaitable[None]] | None = None,
) -> Written:
    """Write the update that ``make`` makes of the room's state, under the given client id.

    ``first`` is done with that state when the update is made and before anybody sees it.
    """
    hub = current_hub()
    room = await hub.open(document_id)
    client_id = secrets.randbits(32)  # as Yjs chooses it
    program = Program(room, principal, identity_of_program(principal), role, client_id)
    try:
        await program.enter()
        # What other processes have committed must be known here before anything is compared.
        heads = await in_database_thread(log.heads)([document_id])
        if document_id not in heads:
            raise NotFound("no such document")
        await room.heal(heads[document_id])
        if only_if is not None and not (str(room.head) in only_if and room.is_settled):
            raise PreconditionFailed(f'the content\'s ETag is "{room.head}" by now')
        revision = room.revision
        state = room.settled_state()
        update = await asyncio.to_thread(make, state, client_id)
        if only_if is not None and room.revision != revision:
            raise PreconditionFailed("somebody has changed the content meanwhile")
        if note is not None:
            update = await note(update)
        if update == EMPTY_UPDATE:
            return Written(room.head, is_changed=False)
        if first is not None:
            await first(state)
        await program.write(update)
        return Written(room.head, is_changed=True)
    finally:
        hub.later(_SEEN_FOR_S, program.leave)
