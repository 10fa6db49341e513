"""The guard: what an update must look like before pycrdt may see it.

pycrdt trusts its input: three small updates can freeze it for ever, a deeply nested one ends
the process. So an update is first scanned here, in Python, with a bound on everything; then
``merge_updates`` normalises it, which makes harmless what only shows in its order.
Source: Yjs v1 encoding (UpdateEncoderV1, ``writeClientsStructs``, ``writeDeleteSet``).
"""

import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

import pycrdt

from collab.errors import InvalidUpdate, ProtocolError
from collab.lib0 import read_var_uint

MAX_CLOCK = 2**31 - 1  # yrs keeps clocks in 32 bits

Ranges = dict[int, list[tuple[int, int]]]  # client → [(clock, length)]
Bounds = dict[int, list[int]]  # client → start, end, start, end … in order

_GC, _DELETED, _JSON, _BINARY, STRING, _EMBED, _FORMAT, _TYPE, ANY, _DOC, SKIP = range(11)
CONTENT_REF = 0b1_1111
HAS_ORIGIN, HAS_RIGHT_ORIGIN, _HAS_PARENT_SUB = 0x80, 0x40, 0x20
_TYPES_WITH_NAME = frozenset({3})  # XmlElement
_TYPES = frozenset({0, 1, 2, 3, 4, 6})  # Array, Map, Text, XmlElement, XmlFragment, XmlText
_ANY_BY_SIZE = {127: 0, 126: 0, 124: 4, 123: 8, 122: 8, 121: 0, 120: 0}
_ANY_INTEGER, _ANY_STRING, _ANY_OBJECT, _ANY_ARRAY, _ANY_BYTES = 125, 119, 118, 117, 116


@dataclass(slots=True)  # not frozen: one is made for every edit, and that takes thrice as long
class Scan:
    """What an update holds, without its content."""

    # client → the clock that its structs follow on (after the last gap), clock after the last one
    clocks: dict[int, tuple[int, int]]
    needs: dict[int, int]  # client → the clock that must be known for all to integrate
    parents: dict[int, int]  # client → the clock that must be known for all to have a parent
    deletes: Ranges
    is_simple: bool  # of one client, each item referring to earlier ones only
    types: int  # how many shared types it creates: each may nest one level deeper
    oddity: str  # what no editor sends though it can be read; empty if there is nothing
    before_gaps: dict[int, int]  # client → its first clock, if a gap comes after it
    has_pairs: bool = False  # surrogate pairs in texts: characters of two clocks

    def is_ready_for(self, clocks: Mapping[int, int]) -> bool:
        """Whether a replica with these clocks can integrate all of it at once."""
        for client, (start, _) in self.clocks.items():
            if start > clocks.get(client, 0):
                return False
        for client, clock in self.needs.items():
            known = clocks.get(client, 0)
            if clock > known and clock > self.clocks.get(client, (0, 0))[1]:
                return False
        return True

    def begins_at(self, client: int) -> int:
        """The first clock of a client that is in here."""
        return self.before_gaps.get(client, self.clocks[client][0])

    def continues_within(self, clocks: Mapping[int, int]) -> bool:
        """Whether it holds structs of somebody that are known, and later ones that are not."""
        for client, (_, end) in self.clocks.items():
            if self.begins_at(client) < clocks.get(client, 0) < end:
                return True
        return False

    def overlaps(self, other: "Scan") -> bool:
        """Whether both hold something of the same clocks."""
        return any(
            self.begins_at(client) < other.clocks[client][1] and other.begins_at(client) < end
            for client, (_, end) in self.clocks.items()
            if client in other.clocks
        )

    def has_parents_in(self, clocks: Mapping[int, int]) -> bool:
        """Whether every item that names its parent names one that is known.

        An item may wait for its neighbours, but not for its parent: if that turned out to be
        no shared type, pycrdt would break over whatever innocent update brought it.
        """
        if not self.parents:
            return True
        return all(clock <= clocks.get(client, 0) for client, clock in self.parents.items())

    def adds_nothing_to(self, clocks: Mapping[int, int], deletes: Ranges) -> bool:
        """Whether these clocks and deletions (ranges in order, joined) hold all of it already."""
        for client, (_, end) in self.clocks.items():
            if end > clocks.get(client, 0):
                return False
        return all(
            _is_within(clock, length, deletes.get(client, []))
            for client, ranges in self.deletes.items()
            for clock, length in ranges
        )


def _is_inside(bounds: Bounds, client: int, clock: int) -> bool:
    return bisect_right(bounds.get(client, ()), clock) % 2 == 1


def _is_within(clock: int, length: int, ranges: list[tuple[int, int]]) -> bool:
    low, high = 0, len(ranges)
    while low < high:
        middle = (low + high) // 2
        if ranges[middle][0] <= clock:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return False
    start, known = ranges[low - 1]
    return clock + length <= start + known


def check(update: bytes, *, max_depth: int) -> tuple[bytes, Scan]:
    """Normalise an update and scan what came of it, which is what is applied and stored.

    Raises InvalidUpdate; the input must then be dropped.
    """
    found = _plain(scan(update, max_depth=max_depth))
    normal = _merged(update)
    if normal == update:  # what editors send
        return normal, found
    _merged(normal)  # pycrdt can write what it cannot read, and the log is for ever
    return normal, _plain(scan(normal, max_depth=max_depth))


def _plain(found: Scan) -> Scan:
    if found.oddity:
        raise InvalidUpdate(found.oddity)
    return found


def _merged(update: bytes) -> bytes:
    try:
        return pycrdt.merge_updates(update)
    except Exception as error:
        raise InvalidUpdate(f"the update does not decode: {error}") from error


def scan(update: bytes, *, max_depth: int = 64) -> Scan:
    """Walk an update without building anything. Raises InvalidUpdate for what no editor sends.

    ``max_depth`` bounds the nesting of values (objects in arrays in objects …).
    """
    found = scan_typing(update)
    if found is not None:
        return found
    try:
        return Scanner(update, max_depth).scan()
    except InvalidUpdate:
        raise
    except ProtocolError as error:
        raise InvalidUpdate(str(error)) from None


def scan_typing(buf: bytes) -> Scan | None:
    """What ``Scanner`` finds in an update as typing makes it, in half the time; None for others.

    That is one text in ASCII, beside something, and nothing deleted. There is one way only to
    write that, so it is normal as it is: ``check`` would return it unchanged.
    """
    found = _TYPING.match(buf)
    if found is None or buf[-1]:
        return None
    try:
        numbers = [_number(each) for each in found.groups() if each]
    except ProtocolError:
        return None
    client, clock, length = numbers[0], numbers[1], numbers[-1]
    pos, end = found.end(), clock + length
    if pos + length + 1 != len(buf) or not length or end > MAX_CLOCK or not buf[pos:].isascii():
        return None
    needs: dict[int, int] = {}
    for number in range(2, len(numbers) - 1, 2):
        to_client, to_clock = numbers[number], numbers[number + 1]
        if to_clock >= (clock if to_client == client else MAX_CLOCK):
            return None
        if to_client != client and to_clock >= needs.get(to_client, 0):
            needs[to_client] = to_clock + 1
    return Scan({client: (clock, end)}, needs, {}, {}, True, 0, "", {})


_NUMBER = rb"([\x00-\x7f]|[\x80-\xff]{1,7}[\x01-\x7f])"  # as short as it can be written
_TYPING = re.compile(
    rb"\x01\x01"  # one client, one struct
    + _NUMBER * 2
    + b"(?:[%c%c]" % (STRING | HAS_ORIGIN, STRING | HAS_RIGHT_ORIGIN)
    + _NUMBER * 2
    + b"|%c" % (STRING | HAS_ORIGIN | HAS_RIGHT_ORIGIN)
    + _NUMBER * 4
    + b")"
    + _NUMBER,  # the text's length
    re.DOTALL,
)


def _number(encoded: bytes) -> int:
    if len(encoded) == 1:
        return encoded[0]
    if len(encoded) == 2:
        return encoded[0] & 0x7F | encoded[1] << 7
    return _long_number(encoded)


@lru_cache(maxsize=4096)  # client ids, mostly
def _long_number(encoded: bytes) -> int:
    return read_var_uint(encoded, 0)[0]


class Scanner:
    """One pass over one update. ``pos`` moves; everything else is filled in."""

    __slots__ = (
        "buf",
        "clocks",
        "dead",
        "deletes",
        "deletes_from",
        "earlier_runs",
        "has_pairs",
        "max_depth",
        "needs",
        "oddity",
        "parents",
        "pos",
        "run_start",
        "types",
        "types_at",
    )

    def __init__(self, update: bytes, max_depth: int) -> None:
        self.buf = update
        self.max_depth = max_depth
        self.pos = 0
        self.deletes_from = 0
        self.run_start = 0
        self.clocks: dict[int, tuple[int, int]] = {}
        self.needs: dict[int, int] = {}
        self.deletes: Ranges = {}
        self.earlier_runs: Bounds = {}  # structs before a gap
        self.dead: Bounds = {}  # structs whose content is gone
        self.oddity = ""
        self.has_pairs = False
        self.types = 0
        self.types_at: set[tuple[int, int]] = set()
        self.parents: list[tuple[int, int]] = []

    def scan(self) -> Scan:
        for _ in range(self._count(of_bytes=4)):
            self._client_structs()
        self.deletes_from = self.pos
        for _ in range(self._count(of_bytes=2)):
            self._client_deletes()
        if self.pos != len(self.buf):
            _refuse(f"{len(self.buf) - self.pos:,} bytes after the update")
        parents = self._parents_elsewhere() if self.parents else {}
        is_simple = len(self.clocks) < 2 and not self.oddity
        before_gaps = {client: runs[0] for client, runs in self.earlier_runs.items()}
        return Scan(
            self.clocks,
            self.needs,
            parents,
            self.deletes,
            is_simple,
            self.types,
            self.oddity,
            before_gaps,
            self.has_pairs,
        )

    def _parents_elsewhere(self) -> dict[int, int]:
        """The parents that this update does not bring itself. Refuses one that is no type.

        A parent may be gone: one editor deletes a block while another types into it.
        """
        elsewhere: dict[int, int] = {}
        for client, clock in self.parents:
            if (client, clock) in self.types_at or _is_inside(self.dead, client, clock):
                continue
            start, end = self.clocks.get(client, (0, 0))
            if start <= clock < end or _is_inside(self.earlier_runs, client, clock):
                _refuse(f"item {client}:{clock} is named as a parent and is no shared type")
            elsewhere[client] = max(clock + 1, elsewhere.get(client, 0))
        return elsewhere

    def _uint(self) -> int:
        buf, pos = self.buf, self.pos
        if pos < len(buf) and (byte := buf[pos]) < 0x80:  # the usual case, without a call
            self.pos = pos + 1
            return byte
        value, self.pos = read_var_uint(buf, pos)
        return value

    def _count(self, *, of_bytes: int) -> int:
        """A number of things that take at least so many bytes each: no more than there can be."""
        count = self._uint()
        if count * of_bytes > len(self.buf) - self.pos:
            _refuse(f"{count:,} parts announced in {len(self.buf) - self.pos:,} bytes")
        return count

    def _bytes(self) -> bytes:
        length = self._uint()
        start = self.pos
        end = self.pos = start + length
        if end > len(self.buf):
            _refuse(f"{length:,} bytes announced, {len(self.buf) - start:,} there")
        return self.buf[start:end]

    def _text(self) -> str:
        try:
            return self._bytes().decode()
        except UnicodeDecodeError:
            _refuse("a text is not UTF-8")

    # -- Structs ----------------------------------------------------------------------------
    def _client_structs(self) -> None:
        structs = self._count(of_bytes=2)
        client, clock = self._uint(), self._uint()
        if client in self.clocks:
            _refuse(f"client {client} stands twice")
        if structs == 0:
            _refuse(f"client {client} has no structs")
        self.run_start = clock
        for _ in range(structs):
            clock += self.struct(client, clock)
            if clock > MAX_CLOCK:
                _refuse(f"clock {clock:,} has more than 31 bits")
        if self.run_start == clock:
            # Normalising drops the gap: its clocks would be known here and to nobody else.
            self.oddity = f"client {client} ends with a gap"
        self.clocks[client] = (self.run_start, clock)

    def struct(self, client: int, clock: int) -> int:
        """Step over one struct; return its length in clocks."""
        if self.pos >= len(self.buf):
            _refuse("the update ends before its last struct")
        info = self.buf[self.pos]
        self.pos += 1
        content = info & CONTENT_REF
        if content == STRING:  # what typing sends
            self._links(info, client, clock)
            length = self._string_length()
        elif info == _GC:
            length = self._uint()
            self.dead.setdefault(client, []).extend((clock, clock + length))
        elif info == SKIP:
            length = self._uint()
            self.earlier_runs.setdefault(client, []).extend((self.run_start, clock))
            self.run_start = clock + length
        else:
            self._links(info, client, clock)
            if content == _TYPE:
                self.types_at.add((client, clock))
            length = self._content(content)
            if content == _DELETED:
                self.dead.setdefault(client, []).extend((clock, clock + length))
        if length == 0:
            _refuse("a struct has no length")
        return length

    def _links(self, info: int, client: int, clock: int) -> None:
        """Step over where an item stands: its neighbours, or its parent and key."""
        if info & HAS_ORIGIN:
            self._reference(client, clock)
        if info & HAS_RIGHT_ORIGIN:
            self._reference(client, clock)
        if not info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN):
            if self._uint() == 1:
                self._text()  # the name of a root
            else:
                self.parents.append(self._reference(client, clock))
            if info & _HAS_PARENT_SUB:
                self._text()

    def _reference(self, client: int, clock: int) -> tuple[int, int]:
        to_client, to_clock = self._uint(), self._uint()
        if to_clock >= MAX_CLOCK:
            _refuse(f"clock {to_clock:,} has more than 31 bits")
        if to_client != client:
            self._need(to_client, to_clock + 1)
        elif to_clock >= clock:
            # Nobody can refer to what they write later; yrs may corrupt memory over it.
            self.oddity = f"item {client}:{clock} refers to {to_clock:,}, which comes later"
        return to_client, to_clock

    def _need(self, client: int, clock: int) -> None:
        if clock > self.needs.get(client, 0):
            self.needs[client] = clock

    def _string_length(self) -> int:
        data = self._bytes()
        if data.isascii():
            return len(data)
        try:
            words = data.decode()
            length = len(words.encode("utf-16-le")) // 2
            self.has_pairs |= length > len(words)
            return length
        except UnicodeDecodeError:
            _refuse("a text is not UTF-8")

    def _content(self, content: int) -> int:
        match content:
            case 1:  # Deleted
                return self._uint()
            case 8:  # Any
                count = self._count(of_bytes=1)
                for _ in range(count):
                    self._any()
                return count
            case 7:  # Type
                self._type()
            case 6:  # Format
                self._text()
                self._json()
            case 5:  # Embed
                self._json()
            case 3:  # Binary
                self._bytes()
            case 2:  # JSON, which Yjs no longer writes
                # yrs reads one text more than is announced: what follows could be smuggled past.
                _refuse("JSON content is not supported")
            case 9:
                _refuse("subdocuments are not supported")
            case _:
                _refuse(f"unknown content {content}")
        return 1

    def _type(self) -> None:
        kind = self._uint()
        if kind not in _TYPES:
            _refuse(f"unknown shared type {kind}")
        if kind in _TYPES_WITH_NAME:
            self._text()
        self.types += 1

    def _json(self) -> None:
        text = self._text()
        if text == "undefined":
            return
        depth = text.count("[") + text.count("{")
        if depth > self.max_depth and _depth_of_json(text) > self.max_depth:
            _refuse(f"a value is nested deeper than {self.max_depth}")
        try:
            json.loads(text)
        except ValueError:
            _refuse("a value is not JSON")

    def _any(self) -> None:
        """Step over one value, with a stack of our own: its nesting is the sender's choice."""
        open_values: list[tuple[int, bool]] = []  # values still to come; whether they have keys
        self._any_head(open_values)
        while open_values:
            left, has_keys = open_values.pop()
            if left == 0:
                continue
            open_values.append((left - 1, has_keys))
            if has_keys:
                self._text()
            self._any_head(open_values)

    def _any_head(self, open_values: list[tuple[int, bool]]) -> None:
        if self.pos >= len(self.buf):
            _refuse("the update ends inside a value")
        kind = self.buf[self.pos]
        self.pos += 1
        size = _ANY_BY_SIZE.get(kind)
        if size is not None:
            self.pos += size
            if self.pos > len(self.buf):
                _refuse("the update ends inside a value")
        elif kind == _ANY_STRING:
            self._text()
        elif kind == _ANY_INTEGER:
            self._var_int()
        elif kind == _ANY_BYTES:
            self._bytes()
        elif kind in {_ANY_OBJECT, _ANY_ARRAY}:
            if len(open_values) >= self.max_depth:
                _refuse(f"a value is nested deeper than {self.max_depth}")
            has_keys = kind == _ANY_OBJECT
            open_values.append((self._count(of_bytes=2 if has_keys else 1), has_keys))
        else:
            _refuse(f"unknown kind of value {kind}")

    def _var_int(self) -> None:
        # First byte: 6 bits and a sign; then 7 bits a byte. At most 53 bits, as in lib0.
        for _ in range(9):
            if self.pos >= len(self.buf):
                _refuse("the update ends inside a number")
            byte = self.buf[self.pos]
            self.pos += 1
            if byte < 0x80:
                return
        _refuse("a number has more than 53 bits")

    # -- Deletions --------------------------------------------------------------------------
    def _client_deletes(self) -> None:
        client = self._uint()
        if client in self.deletes:
            _refuse(f"client {client} stands twice in the deletions")
        ranges = self.deletes[client] = []
        for _ in range(self._count(of_bytes=2)):
            clock, length = self._uint(), self._uint()
            if length == 0 or clock + length > MAX_CLOCK:
                _refuse(f"{length:,} clocks deleted from {clock:,}")
            ranges.append((clock, length))
            self._need(client, clock + length)


def _depth_of_json(text: str) -> int:
    """How deep brackets nest in a JSON text, strings stepped over; no recursion."""
    depth = deepest = 0
    in_string = is_escaped = False
    for character in text:
        if in_string:
            if is_escaped:
                is_escaped = False
            elif character == "\\":
                is_escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _refuse(why: str) -> NoReturn:
    raise InvalidUpdate(why)
