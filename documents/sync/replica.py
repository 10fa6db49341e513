"""A replica: the only holder of a live pycrdt Doc.

Applies updates that the guard has passed, answers state vectors and differences, and makes
up for what pycrdt's encodings leave out: updates whose dependencies have not come yet, and
halves of surrogate pairs. For the latter it keeps the raw updates beside the Doc, from the
first such pair on, which costs about a tenth of what the Doc itself does.
After a panic the Doc is memory that nobody may touch: the replica says so and stays unusable.
Not thread-safe; one room owns it and never awaits inside a call.
"""

import asyncio
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import pycrdt

from collab.errors import InvalidUpdate, ProtocolError, TooLarge, Unavailable
from documents.protocol.state_vector import decode_state_vector
from documents.sync.guard import Scan, scan
from documents.sync.readiness import split_ready

T = TypeVar("T")

_MERGE_AT_ONCE = 500  # merge_updates is quadratic in their number
_CACHE_WORTH_BYTES = 64 * 1024  # smaller states are encoded faster than a cache is kept
_MAX_STATE_VECTOR_BYTES = 1024 * 1024  # some 150,000 clients; decoding takes 0.1 s
_MAX_WAITING_BYTES = 4 * 1024 * 1024
_WAITING_LOOKED_AT_BYTES = 4096  # with every update
_TRUSTED_DEPTH = 1000  # of values in what passed the guard before
_RAW_AT_LEAST_BYTES = 1024 * 1024  # raw updates are kept so long without another thought
_PAIR = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")  # one in UTF-8; and some client ids by chance
_LEAST_TYPE_BYTES = 6  # an item that creates a shared type, encoded
_revisions = itertools.count(1)  # of all replicas: one that was loaded again is another
EMPTY_UPDATE = b"\x00\x00"
EMPTY_STATE_VECTOR = b"\x00"


class ReplicaBroken(Exception):
    """pycrdt panicked: the Doc is gone, rebuild from the log. Not the sender's error message."""


@dataclass(frozen=True, slots=True)
class EncodedState:
    """A full state as ``base`` and a small ``tail`` of what came since; either may be empty."""

    base: bytes
    tail: bytes


def merge(updates: Sequence[bytes]) -> bytes:
    """One update that says what all of ``updates`` say, pending parts included.

    Raises ValueError for what does not decode.
    """
    while len(updates) > 1:
        updates = [
            _merge_some(updates[start : start + _MERGE_AT_ONCE])
            for start in range(0, len(updates), _MERGE_AT_ONCE)
        ]
    return updates[0] if updates else EMPTY_UPDATE


def _merge_some(updates: Sequence[bytes]) -> bytes:
    try:
        return pycrdt.merge_updates(*updates)
    except (KeyboardInterrupt, SystemExit, asyncio.CancelledError, ValueError):
        raise
    except BaseException as panic:  # pyo3's PanicException is no Exception
        raise ValueError(f"{type(panic).__name__}: {panic}") from panic


class Replica:
    """``clocks`` is the state vector as a dict: client id → next clock. After a break, as it was
    before that."""

    def __init__(self) -> None:
        self._doc: pycrdt.Doc | None = pycrdt.Doc()  # type: ignore[type-arg]
        self.clocks: dict[int, int] = {}
        self.nesting_bound = 0  # shared types cannot nest deeper than this
        self.size_bytes = 0  # of all updates since the last measuring: an upper bound
        self.revision = next(_revisions)  # another one with whatever comes
        self._waiting: list[tuple[bytes, Scan]] = []  # never given to the Doc before it is ready
        self._left: bytes | None = None  # what waits, as others are sent it, once that is known
        self._integrated = 0  # updates, and when what waits was last looked at as a whole
        self._looked_at = 0
        self._raw: list[bytes] | None = None  # while nobody has written a pair
        self._raw_merged = 0  # how many of them are merged ones
        self._raw_bytes = 0
        self._raw_limit_bytes = _RAW_AT_LEAST_BYTES
        self._is_lossy = False
        self._cache: bytes | None = None
        self._since_cache: list[bytes] = []
        self._since_cache_bytes = 0

    @classmethod
    def load(cls, parts: Iterable[bytes]) -> "Replica":
        """Build a replica from the log. Raises ReplicaBroken if it cannot be read."""
        replica = cls()
        try:
            state = merge(list(parts))
        except ValueError as error:
            raise ReplicaBroken(f"the log does not decode: {error}") from error
        if _PAIR.search(state):
            replica._keep_raw(state)
        replica.nesting_bound = len(state) // _LEAST_TYPE_BYTES
        replica.size_bytes = len(state)
        try:
            replica._begin_with(state)
        except InvalidUpdate as error:
            raise ReplicaBroken(f"the log does not decode: {error}") from error
        return replica

    def _begin_with(self, state: bytes) -> None:
        self._call(lambda doc: doc.apply_update(state))
        state_vector = self.state_vector()
        self.clocks = decode_state_vector(state_vector)
        if unresolved_part(state, state_vector, self.clocks):
            # What waits must not be in the Doc: its own encoding leaves that behind.
            ready, rest = split_ready(state, {})
            self._doc = pycrdt.Doc()
            self._call(lambda doc: doc.apply_update(ready or EMPTY_UPDATE))
            self.clocks = decode_state_vector(self.state_vector())
            self._wait(rest)

    @property
    def has_unresolved(self) -> bool:
        """Whether something waits for updates that have not come. Known after a break, too."""
        return bool(self._waiting)

    def holds_back(self, update: bytes) -> bool:
        """Whether some of an update that was applied here still waits."""
        return bool(unresolved_part(update, self.state_vector(), self.clocks))

    def without_unresolved(self) -> "Replica":
        """The same document without what waits: that may be what others break over."""
        return Replica.load([self._call(lambda doc: doc.get_update())])

    @property
    def is_broken(self) -> bool:
        return self._doc is None

    def apply(self, update: bytes, scan: Scan) -> None:
        """Apply an update that the guard has passed and normalised.

        Raises InvalidUpdate with nothing applied, Unavailable if the sender has to bring more
        (a new connection does, by the protocol), or ReplicaBroken.
        """
        self._left = None
        self.revision = next(_revisions)
        if not scan.has_parents_in(self.clocks):
            raise Unavailable("this edit belongs into something that did not come; connect again")
        if scan.has_pairs and self._raw is None:
            self._keep_raw(self.difference(EMPTY_STATE_VECTOR))
        if scan.is_ready_for(self.clocks):
            self._integrate(update, scan)
            if self._waiting:
                self._integrate_waiting()
        elif sum(len(each) for each, _ in self._waiting) > _MAX_WAITING_BYTES:
            raise TooLarge("too many updates that depend on updates which never came")
        else:
            self._take_what_is_ready(update)
        self.nesting_bound += scan.types
        self.size_bytes += len(update)
        self._remember(update)

    def _take_what_is_ready(self, update: bytes) -> None:
        """Integrate what can be, so that somebody's own work need not wait for others' gaps."""
        ready, rest = split_ready(update, self.clocks)
        self._wait(rest)
        if ready:
            self._integrate(ready, scan(ready, max_depth=_TRUSTED_DEPTH))
            self._integrate_waiting()

    def _wait(self, update: bytes) -> None:
        if update and all(update != waiting for waiting, _ in self._waiting):
            self._waiting.append((update, scan(update, max_depth=_TRUSTED_DEPTH)))

    def _integrate(self, update: bytes, found: Scan) -> None:
        if found.continues_within(self.clocks):
            # yrs would cut its first new item by itself and put it beside whatever bears the clock
            # before, into another parent even, where a forger has said one clock twice: memory
            # is corrupted by that (seen with 0.28). Cut before, an item goes where that is.
            update = self.without_known(update)
            found = scan(update, max_depth=_TRUSTED_DEPTH)
        self._integrated += 1
        self.revision = next(_revisions)
        self._call(lambda doc: doc.apply_update(update))
        if found.is_simple:
            for client, (_, end) in found.clocks.items():
                self.clocks[client] = max(end, self.clocks.get(client, 0))
            return
        clocks = decode_state_vector(self.state_vector())
        if any(end > clocks.get(client, 0) for client, (_, end) in found.clocks.items()):
            # Items that wait for one another: they would wait in the Doc for ever, and yrs can
            # hang over what it holds back (seen with 0.28).
            self._doc = None
            raise ReplicaBroken("the update's items depend on one another in a circle")
        self.clocks = clocks

    def _integrate_waiting(self) -> None:
        """Take up what has become ready: one by one, and at last all together."""
        while (ready := self._next_ready()) is not None:
            self._waiting.remove(ready)
            # A fault of what waited is not a fault of the update that ended its waiting.
            with suppress(InvalidUpdate):
                self._integrate(*ready)

    def _next_ready(self) -> tuple[bytes, Scan] | None:
        for each in self._waiting:
            if each[1].is_ready_for(self.clocks):
                return each
        if len(self._waiting) < 2 or not self._is_time_to_look():
            return None
        self._looked_at = self._integrated
        together = merge([update for update, _ in self._waiting])
        try:
            ready, rest = split_ready(together, self.clocks)
        except InvalidUpdate:  # they contradict one another
            return None
        if not ready:
            return None
        self._waiting = []
        self._wait(ready)
        self._wait(rest)
        return self._waiting[0]

    def _is_time_to_look(self) -> bool:
        """Whether to look at all that waits together, which costs as much as there is of it.

        With every keystroke that took all the time that there was (seen while twenty people
        came back after an outage): now no more than the keystrokes themselves, on average.
        """
        since = self._integrated - self._looked_at
        few = sum(len(update) for update, _ in self._waiting) < _WAITING_LOOKED_AT_BYTES
        return since > 0 and (few or since >= len(self._waiting))

    def retry_waiting(self) -> None:
        """Look at all that waits together, now. Raises ReplicaBroken."""
        if len(self._waiting) > 1 and self._integrated > self._looked_at:
            self._left = None
            self._looked_at -= len(self._waiting)
            self._integrate_waiting()

    def _still_waiting(self) -> bytes:
        """What waits, without what is known by now. pycrdt's encodings leave it out.

        Nothing if a newcomer would break over it: then somebody forged somebody's client id.
        To find that out takes as long as loading the document, and twenty may join at once.
        """
        if self._left is None:
            self._left = self._find_still_waiting()
        return self._left

    def _find_still_waiting(self) -> bytes:
        state_vector = self.state_vector()
        left = merge([pycrdt.get_update(update, state_vector) for update, _ in self._waiting])
        settled = self._call(lambda doc: doc.get_update())
        return left if _reads_back(merge([settled, left])) else EMPTY_UPDATE

    def would_change_by(self, scan: Scan, *, is_sure: bool = True) -> bool:
        """Whether an update tells this replica anything new, deletions included.

        What only waits here counts as unknown: to take it for known could lose a genuine edit.
        To be sure of deletions costs a walk over all that was ever deleted; who need not be
        (``is_sure=False``) takes every deletion for news.
        """
        for client, (_, end) in scan.clocks.items():
            if end > self.clocks.get(client, 0):
                return True
        if not scan.deletes:
            return False
        if not is_sure:
            return True
        return not scan.adds_nothing_to(self.clocks, self._deletes())

    def waiting_beside(self, scan: Scan) -> list[bytes]:
        """What waits here and holds something of the same clocks."""
        return [update for update, waiting in self._waiting if waiting.overlaps(scan)]

    def without_known(self, update: bytes) -> bytes:
        """The update from this replica's clocks on, with all its deletions."""
        try:
            return pycrdt.get_update(update, self.state_vector())
        except ValueError as error:
            raise InvalidUpdate(f"the update does not decode: {error}") from error

    def state_vector(self) -> bytes:
        return self._call(lambda doc: doc.get_state())

    def difference(self, state_vector: bytes) -> bytes:
        """What a client with this state vector lacks. Raises ProtocolError for a bad vector."""
        if len(state_vector) > _MAX_STATE_VECTOR_BYTES:
            raise ProtocolError(f"a state vector of {len(state_vector):,} bytes is none of ours")
        decode_state_vector(state_vector)
        encoded = self._encode(state_vector)
        return merge([encoded, self._still_waiting()]) if self._waiting else encoded

    def _encode(self, state_vector: bytes) -> bytes:
        encoded = self._call(lambda doc: doc.get_update(state_vector))
        if self._raw is None:
            return encoded
        if not self._is_lossy:
            is_whole = state_vector == EMPTY_STATE_VECTOR
            self._is_lossy = not self._is_faithful(encoded, is_whole=is_whole)
        if not self._is_lossy:
            return encoded
        # Half of a surrogate pair was deleted: yrs 0.28 encodes the other half as nothing, and
        # every later clock of its client is wrong. The raw updates are right.
        whole = merge(self._raw)
        return pycrdt.get_update(whole, state_vector) if _reads_back(whole) else encoded

    def _is_faithful(self, encoded: bytes, *, is_whole: bool) -> bool:
        """Whether an encoding of ours ends at the clocks that the Doc has."""
        if is_whole:
            return clocks_of(encoded) == self.clocks
        try:
            ends = scan(encoded).clocks.items()
        except InvalidUpdate:
            return False
        return all(end == self.clocks.get(client) for client, (_, end) in ends)

    def state(self) -> EncodedState:
        """The full state, encoded once for however many join while little changes."""
        if self._cache is None:
            whole = self.difference(EMPTY_STATE_VECTOR)
            if len(whole) < _CACHE_WORTH_BYTES:
                return EncodedState(base=b"", tail=whole)
            self._cache = whole
        if len(self._since_cache) > 1:
            self._since_cache = [merge(self._since_cache)]
        return EncodedState(self._cache, merge(self._since_cache))

    def settled_state(self) -> bytes:
        """The full state as far as it is integrated: an editor of it may use any Doc."""
        return merge(self.settled_parts())

    def settled_parts(self) -> list[bytes]:
        """The same in parts, for whoever has a thread to merge them in."""
        if self._waiting:
            return [self._encode(EMPTY_STATE_VECTOR)]
        state = self.state()
        return [part for part in (state.base, state.tail) if part]

    def measure(self) -> int:
        """The size of the encoded state, exactly."""
        state = self.state()
        self.size_bytes = len(state.base) + len(state.tail)
        return self.size_bytes

    def _keep_raw(self, state: bytes) -> None:
        self._raw, self._raw_merged, self._raw_bytes = [state], 1, len(state)
        self._raw_limit_bytes = max(_RAW_AT_LEAST_BYTES, 2 * len(state))

    def _remember(self, update: bytes) -> None:
        if self._raw is not None:
            self._remember_raw(self._raw, update)
        if self._cache is None:
            return
        self._since_cache.append(update)
        self._since_cache_bytes += len(update)
        if self._since_cache_bytes > len(self._cache) // 8:
            self._cache, self._since_cache, self._since_cache_bytes = None, [], 0

    def _remember_raw(self, raw: list[bytes], update: bytes) -> None:
        raw.append(update)
        self._raw_bytes += len(update)
        if self._raw_bytes > self._raw_limit_bytes:
            # What was deleted long ago must not stay in memory as long as the room is open.
            state = self.difference(EMPTY_STATE_VECTOR)
            self._keep_raw(merge(raw) if self._is_lossy else state)
        elif len(raw) - self._raw_merged > _MERGE_AT_ONCE:
            raw[self._raw_merged :] = [merge(raw[self._raw_merged :])]
            self._raw_merged += 1

    def _deletes(self) -> dict[int, list[tuple[int, int]]]:
        # A difference to one's own state vector has no structs, only the whole delete set.
        return scan(self._call(lambda doc: doc.get_update(doc.get_state()))).deletes

    def _call(self, use: Callable[["pycrdt.Doc"], T]) -> T:  # type: ignore[type-arg]
        if self._doc is None:
            raise ReplicaBroken("this replica broke before")
        try:
            return use(self._doc)
        except ValueError as error:
            raise InvalidUpdate(f"the update does not decode: {error}") from error
        except (KeyboardInterrupt, SystemExit, asyncio.CancelledError):
            raise
        except BaseException as panic:
            # pyo3's PanicException is no Exception, and a Doc used after one corrupts memory.
            self._doc = None
            raise ReplicaBroken(f"{type(panic).__name__}: {panic}") from panic


def clocks_of(update: bytes) -> dict[int, int]:
    """The clocks that a document of this state has: client id → next clock. Decodes no document."""
    return decode_state_vector(pycrdt.get_state(update))


def _reads_back(state: bytes) -> bool:
    """Whether a newcomer could apply this."""
    try:
        Replica.load([state])
    except ReplicaBroken:
        return False
    return True


def unresolved_part(update: bytes, state_vector: bytes, clocks: dict[int, int]) -> bytes:
    """The part of ``update`` that a Doc with this state vector holds back; empty if none."""
    left = pycrdt.get_update(update, state_vector)
    if left[0] != 0:
        return left
    for client, ranges in scan(left).deletes.items():
        known = clocks.get(client, 0)
        if any(clock + length > known for clock, length in ranges):
            return left
    return b""
