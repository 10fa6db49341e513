"""What programs read and write: a document's content in any format, as small edits of the live one.

Reading: the committed log, converted. Writing: the difference to what the room shows, made in
a thread on a document of its own, then through the room like anybody's edit; answered when it
is committed.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Any, Self
from uuid import UUID

from cachetools import LRUCache
from django.conf import settings

from collab.accounts.principal import Principal
from collab.database import in_database_thread
from collab.errors import CollabError, NotFound, ProtocolError, TooLarge, Unavailable
from documents.conversion import aconvert, convert_once
from documents.formats import text
from documents.formats.align import EVERYTHING, align
from documents.formats.blocks import Block, characters_in, from_blocks, to_blocks
from documents.formats.difference import update_for
from documents.formats.html import to_html
from documents.formats.html_reader import from_html
from documents.formats.inline import check_text
from documents.formats.markdown import SCOPE as MARKDOWN
from documents.formats.markdown import from_markdown, to_markdown
from documents.formats.operations import Operation, apply_operations
from documents.formats.tree import blocks_of_update
from documents.models import Document, Role
from documents.sync import log
from documents.sync.hub import current_hub
from documents.sync.program import Program
from documents.sync.replica import EMPTY_STATE_VECTOR, EMPTY_UPDATE, ReplicaBroken, merge
from documents.sync.room import Room
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


def read(document: Document, wanted: Format, asker: Principal) -> Rendered:
    """The committed content. Synchronous: reads the database, and waits for the conversion."""
    with _cache_lock:
        known = _cache.get((document.id, document.head, wanted))
    if known is not None:
        return Rendered(document.head, known)
    stored = log.read(document.id)
    what = document.id, stored.head, wanted

    def render_and_keep() -> bytes:
        content = render(stored.parts, wanted)
        if len(content) < _CACHE_BYTES // 8:
            with _cache_lock:
                _cache[what] = content
        return content

    return Rendered(stored.head, convert_once(asker, what, render_and_keep))


def render(parts: Sequence[bytes], wanted: Format) -> bytes:
    """Updates that make up a document, in a format."""
    if wanted is Format.YJS:
        return _merged(parts)
    blocks = blocks_in(parts)
    match wanted:
        case Format.BLOCKS:
            return json.dumps(blocks, ensure_ascii=False, separators=(",", ":")).encode()
        case Format.MARKDOWN:
            return to_markdown(blocks).encode()
        case Format.HTML:
            return to_html(blocks).encode()
    return text.to_text(blocks).encode()


def _merged(parts: Sequence[bytes]) -> bytes:
    try:
        return merge(list(parts))
    except ValueError:  # one of them is no update at all
        return difference(parts, EMPTY_STATE_VECTOR)


def difference(parts: Sequence[bytes], state_vector: bytes) -> bytes:
    """What a client with this state vector lacks of them. Raises ProtocolError for a bad one."""
    replica, _ = load_what_can_be(list(parts))
    return replica.difference(state_vector)


def blocks_in(parts: Sequence[bytes]) -> list[Block]:
    """The blocks of the document that these updates make up, as far as rooms can read them."""
    return blocks_of_update(_settled(parts))


# -- Writing --------------------------------------------------------------------------------
Change = Callable[[list[Block]], list[Block]]
Note = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Written:
    """``head``: the row of the log up to which the answer is true; ``is_changed`` if it wrote.

    ``made_of``: the head whose state, with this edit and with nothing else, is the document at
    ``head``; None if that holds something of others, too, or nobody can tell.
    """

    head: int
    is_changed: bool
    made_of: int | None


def parsed(content: Any, given: Format) -> list[Block]:
    """Blocks from what a program sends. Raises InvalidContent, TooLarge or ProtocolError."""
    if given is Format.BLOCKS:
        try:
            blocks = json.loads(content) if isinstance(content, str) else content
        except (ValueError, RecursionError):
            raise ProtocolError("content must be blocks in JSON") from None
        if not isinstance(blocks, list):
            raise ProtocolError("content must be a list of blocks")
        _ensure_within_limit(characters_in(blocks))
        return blocks
    said = _text_of(content)
    match given:
        case Format.MARKDOWN:
            return from_markdown(said)
        case Format.HTML:
            return from_html(said)
        case Format.TEXT:
            return text.from_text(said)
    raise ProtocolError("content must be markdown, html, text or blocks")


def _text_of(content: Any) -> str:
    if not isinstance(content, str):
        raise ProtocolError("content must be a text")
    _ensure_within_limit(len(content))
    return check_text(content, "content")


def _ensure_within_limit(characters: int) -> None:
    limit = settings.COLLAB.max_content_bytes
    if characters > limit:
        raise TooLarge(f"the content has {characters:,} characters; it may have {limit:,}")


def parsed_to_insert(content: Any, given: Format) -> list[Block]:
    """Likewise, complete: operations look at ids and props, of what was put in before, too."""
    blocks = parsed(content, given)
    return to_blocks([from_blocks(blocks)]) if blocks else []


def replacement(content: Any, given: Format) -> Change:
    """Make the document say this, and change no more than that takes."""

    def change(old: list[Block]) -> list[Block]:
        if given is Format.TEXT:
            return text.rewritten(old, _text_of(content))
        new = parsed(content, given)
        from_blocks(new)  # refuses what the schema does not know, before anything relies on it
        return align(old, new, MARKDOWN if given is Format.MARKDOWN else EVERYTHING)

    return change


def overwriting(content: Any, given: Format) -> Change:
    """Make the document this, whatever it was."""
    return lambda old: parsed(content, given)


def operations(given: Sequence[Operation]) -> Change:
    """Surgical changes: all or none."""
    limit = settings.COLLAB.max_content_bytes
    return lambda old: apply_operations(old, given, max_growth=limit)


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
    of_base = None if base is None else await _state_at(document_id, base, principal)

    def make(parts: Sequence[bytes], client_id: int) -> bytes:
        return update_for(of_base or merge(parts), change, client_id=client_id)

    return await edit(document_id, principal, role, make, only_if=only_if, note=note)


async def _state_at(document_id: UUID, head: int, principal: Principal) -> bytes:
    try:
        stored = await in_database_thread(log.read)(document_id, up_to=head)
    except (log.Folded, log.LogDamaged):
        raise BaseGone(f"nobody can tell any more what the content was at {head}") from None
    return await aconvert(principal, _settled, stored.parts)


def _settled(parts: Sequence[bytes]) -> bytes:
    replica, _ = load_what_can_be(list(parts))
    return replica.settled_state()


async def merge_update(
    document_id: UUID,
    principal: Principal,
    role: Role,
    update: bytes,
    *,
    only_if: frozenset[str] | None = None,
    note: Note | None = None,
) -> Written:
    """Merge a raw Yjs update into the live document, and return when that is committed.

    ``only_if`` is asked of what is news there, and not of an update that it has already.
    """
    return await edit(
        document_id,
        principal,
        role,
        lambda parts, client_id: update,
        only_if=only_if,
        may_be_done=True,
        note=note,
    )


async def edit(
    document_id: UUID,
    principal: Principal,
    role: Role,
    make: Callable[[Sequence[bytes], int], bytes],
    *,
    only_if: frozenset[str] | None = None,
    may_be_done: bool = False,
    note: Note | None = None,
    first: Callable[[Sequence[bytes]], Awaitable[None]] | None = None,
) -> Written:
    """Write the update that ``make`` makes of the room's state, under the given client id.

    ``make`` is given the state in parts, in a thread. ``may_be_done``: the update may be one that
    the room has, and which ``only_if`` is not asked of any more. ``first`` is done with the parts
    when the update is made and before anybody sees it.
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
        moment = _Moment.of(room)
        if only_if is not None and not may_be_done:
            moment.require(only_if)  # before anything is made in vain
        parts = room.settled_parts()
        made = await aconvert(principal, make, parts, client_id)
        update = made if note is None else await note(made)
        if update == EMPTY_UPDATE:
            return moment.unchanged(room)
        if first is not None:
            await first(parts)

        def ensure_unchanged() -> None:
            if only_if is None:
                return
            moment.require(only_if)
            if not moment.is_now(room):
                raise PreconditionFailed("somebody has changed the content meanwhile")

        await program.write(
            update, before_applying=ensure_unchanged, may_be_known=only_if is not None
        )
        if moment.is_now(room):  # it was known
            return moment.unchanged(room)
        return moment.changed(room, is_mine=update == made)
    except ReplicaBroken as error:
        raise Unavailable("the document is being loaded again; try again") from error
    finally:
        hub.later(_SEEN_FOR_S, program.leave)


@dataclass(frozen=True, slots=True)
class _Moment:
    """What a room showed when its state was taken; to be compared with what it shows later."""

    head: int
    revision: int
    is_settled: bool

    @classmethod
    def of(cls, room: Room) -> Self:
        return cls(room.head, room.revision, room.is_settled)

    def is_now(self, room: Room) -> bool:
        return self.is_settled and self == _Moment.of(room)

    def require(self, heads: frozenset[str]) -> None:
        if not (self.is_settled and str(self.head) in heads):
            raise PreconditionFailed(f'the content\'s ETag is "{self.head}" by now')

    def unchanged(self, room: Room) -> Written:
        made_of = self.head if self.is_now(room) else None
        return Written(room.head, is_changed=False, made_of=made_of)

    def changed(self, room: Room, *, is_mine: bool) -> Written:
        """By one edit, which is committed. Another process's row in between moves the head, too."""
        after = _Moment(self.head + 1, self.revision + 1, is_settled=True)
        is_exact = is_mine and self.is_settled and after == _Moment.of(room)
        return Written(room.head, is_changed=True, made_of=self.head if is_exact else None)
