"""Cutting a big update into several, so that each fits into one frame.

For updates that we encoded ourselves. Applied in order, the parts say what the whole said.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collab.errors import ProtocolError
from collab.lib0 import write_var_bytes, write_var_uint
from documents.sync.guard import (
    ANY,
    CONTENT_REF,
    HAS_ORIGIN,
    HAS_RIGHT_ORIGIN,
    STRING,
    Ranges,
    Scanner,
)

logger = logging.getLogger(__name__)

_NOTHING = b"\x00"  # no clients: of structs, or of deletions
_HEADER_BYTES = 64  # around structs or content: counts, ids and clocks, at their longest


@dataclass(frozen=True, slots=True)
class _Struct:
    """One struct, encoded. ``at`` where its content starts, ``right`` its encoded right origin."""

    client: int
    clock: int
    encoded: bytes
    at: int
    right: bytes
    values: tuple[int, ...]  # where each value of an Any content starts, and the last one ends


class _StructFinder(Scanner):
    """Notes each struct, and what is needed to cut it."""

    __slots__ = ("_content_from", "_links_seen", "_values", "structs")

    def __init__(self, update: bytes) -> None:
        super().__init__(update, max_depth=1000)
        self.structs: list[_Struct] = []

    def struct(self, client: int, clock: int) -> int:
        start = self._content_from = self.pos
        self._links_seen: list[bytes] = []
        self._values: list[int] = []
        length = super().struct(client, clock)
        info, end = self.buf[start], self.pos
        self.structs.append(
            _Struct(
                client,
                clock,
                self.buf[start:end],
                self._content_from - start,
                self._links_seen[-1] if info & HAS_RIGHT_ORIGIN else b"",
                tuple(value - start for value in (*self._values, end)),
            )
        )
        return length

    def _links(self, info: int, client: int, clock: int) -> None:
        super()._links(info, client, clock)
        self._content_from = self.pos

    def _reference(self, client: int, clock: int) -> tuple[int, int]:
        start = self.pos
        reference = super()._reference(client, clock)
        self._links_seen.append(self.buf[start : self.pos])
        return reference

    def _any(self) -> None:
        self._values.append(self.pos)
        super()._any()


def split_update(update: bytes, max_bytes: int) -> list[bytes]:
    """Parts of at most ``max_bytes``, deletions last. A single larger value stands alone."""
    if len(update) <= max_bytes:
        return [update]
    finder = _StructFinder(update)
    try:
        finder.scan()
    except ProtocolError as error:
        # yrs can write what nobody reads. One frame too large harms nobody but its readers.
        logger.error("not split", extra={"bytes": len(update), "error": str(error)})
        return [update]
    structs = (piece for struct in finder.structs for piece in _cut(struct, max_bytes))
    parts = [part + _NOTHING for part in _struct_parts(structs, max_bytes)]
    deletes = update[finder.deletes_from :]
    if len(deletes) < max_bytes:
        return [*parts, _NOTHING + deletes]
    return [*parts, *(_NOTHING + part for part in _delete_parts(finder.deletes, max_bytes))]


Piece = tuple[int, int, bytes]  # client, clock, encoded struct


def _cut(struct: _Struct, max_bytes: int) -> Iterator[Piece]:
    """A text or a list of values that is too long, in pieces that follow one another.

    Source: Yjs, Item.js, ``splitItem`` and ``write``: each piece has the one before as its
    origin, all have the right origin of the whole.
    """
    room = max_bytes - _HEADER_BYTES
    content = struct.encoded[0] & CONTENT_REF
    if len(struct.encoded) <= room or content not in {STRING, ANY}:
        yield struct.client, struct.clock, struct.encoded
        return
    pieces = _texts(struct, room) if content == STRING else _values(struct, room)
    head, clock = struct.encoded[: struct.at], struct.clock
    for length, piece in pieces:
        yield struct.client, clock, head + piece
        clock += length
        info = content | HAS_ORIGIN | (struct.encoded[0] & HAS_RIGHT_ORIGIN)
        origin = write_var_uint(struct.client) + write_var_uint(clock - 1)
        head = bytes((info,)) + origin + struct.right


def _texts(struct: _Struct, room: int) -> Iterator[tuple[int, bytes]]:
    encoded = struct.encoded[struct.at :]
    length_bytes = len(encoded) - _length_of(encoded)
    text = encoded[length_bytes:].decode()
    each = max(1, room // 4)  # characters: one has four bytes at most, and a pair is one
    for start in range(0, len(text), each):
        piece = text[start : start + each]
        yield len(piece.encode("utf-16-le")) // 2, write_var_bytes(piece.encode())


def _length_of(encoded: bytes) -> int:
    length = shift = 0
    for byte in encoded:
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return length


def _values(struct: _Struct, room: int) -> Iterator[tuple[int, bytes]]:
    start, count = struct.values[0], 0
    for value, end in zip(struct.values, struct.values[1:], strict=False):
        if count and end - start > room:
            yield count, write_var_uint(count) + struct.encoded[start:value]
            start, count = value, 0
        count += 1
    yield count, write_var_uint(count) + struct.encoded[start : struct.values[-1]]


def _struct_parts(pieces: Iterable[Piece], max_bytes: int) -> Iterator[bytes]:
    """Runs of neighbouring structs of one client."""
    run: list[Piece] = []
    size = 0
    for piece in pieces:
        if run and (piece[0] != run[0][0] or size + len(piece[2]) + _HEADER_BYTES > max_bytes):
            yield _encode_run(run)
            run, size = [], 0
        run.append(piece)
        size += len(piece[2])
    if run:
        yield _encode_run(run)


def _encode_run(run: list[Piece]) -> bytes:
    client, clock, _ = run[0]
    head = map(write_var_uint, (1, len(run), client, clock))
    return b"".join((*head, *(encoded for _, _, encoded in run)))


def _delete_parts(deletes: Ranges, max_bytes: int) -> Iterator[bytes]:
    ranges_each = max(1, max_bytes // 16)
    for client, ranges in deletes.items():
        for first in range(0, len(ranges), ranges_each):
            some = ranges[first : first + ranges_each]
            head = (1, client, len(some))
            yield b"".join(map(write_var_uint, (*head, *(n for pair in some for n in pair))))
