"""Awareness: who is in a room and where their cursor is, as y-protocols puts it on the wire.

``decode_states`` bounds what a client may send, ``AwarenessTable`` decides what of it counts:
clocks, which connection owns which client id, whose name a state bears, when it has gone.
Pure: time comes in as ``now``, connections are opaque keys; no clock, no tasks, no Django.

Unlike a client's own table, this one never lets anybody speak for somebody else. Stock clients
do try, in good faith: whatever they are told about others they send back. Such states are
dropped in silence.
"""

import json
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from collab.errors import ProtocolError
from collab.lib0 import read_var_bytes, read_var_uint, write_var_bytes, write_var_uint
from presence.identity import Identity

_MAX_SAFE_INTEGER = 2**53 - 1  # what JavaScript can count
_MAX_NESTING = 32
_MAX_GONE = 10_000
_NULL = b"null"


@dataclass(frozen=True, slots=True)
class ClientState:
    """What one message says about one client id; ``state`` None says that it has gone."""

    client: int
    clock: int
    state: dict[str, Any] | None


def decode_states(
    payload: bytes, *, max_states: int, max_state_bytes: int, only: int | None = None
) -> list[ClientState]:
    """Decode an awareness update. Raises ProtocolError for whatever a client could not apply.

    With ``only``, the states of other ids are stepped over unread: a connection that owns an
    id is not asked about others, and telling back everybody's states is most of what it sends.
    Source: y-protocols, awareness.js, ``encodeAwarenessUpdate``.
    """
    count, pos = read_var_uint(payload, 0)
    if count > max_states:
        raise ProtocolError(f"{count:,} awareness states; one message may carry {max_states:,}")
    states = []
    for _ in range(count):
        client, pos = read_var_uint(payload, pos)
        clock, pos = read_var_uint(payload, pos)
        text, pos = read_var_bytes(payload, pos)
        # Below the maximum, so that a departure's clock + 1 still fits.
        if client > _MAX_SAFE_INTEGER or clock >= _MAX_SAFE_INTEGER:
            raise ProtocolError("client ids and clocks of awareness have at most 53 bits")
        if only is not None and client != only:
            continue
        if len(text) > max_state_bytes:
            raise ProtocolError(
                f"awareness state of {len(text):,} bytes; it may have {max_state_bytes:,}"
            )
        states.append(ClientState(client, clock, _decode_state(text)))
    if pos != len(payload):
        raise ProtocolError(f"{len(payload) - pos:,} bytes after the last awareness state")
    return states


def encode_states(states: Collection[ClientState]) -> bytes:
    """An awareness update, as a client sends it."""
    encoded = [
        _encode(said.client, said.clock, _encode_state(said.state) if said.state else b"null")
        for said in states
    ]
    return write_var_uint(len(encoded)) + b"".join(encoded)


def _decode_state(text: bytes) -> dict[str, Any] | None:
    try:
        state = json.loads(text.decode(), parse_constant=_refuse_number, parse_float=_finite)
    except RecursionError:
        raise ProtocolError(f"awareness state nested deeper than {_MAX_NESTING}") from None
    except ValueError as error:  # invalid UTF-8 and invalid JSON both
        raise ProtocolError(f"awareness state is not JSON: {error}") from None
    if state is None:
        return None
    if not isinstance(state, dict):
        raise ProtocolError("awareness state is neither an object nor null")
    if text.count(b"{") + text.count(b"[") > _MAX_NESTING:
        _refuse_depth(state)
    return state


def _finite(number: str) -> float:
    value = float(number)
    if value in (float("inf"), float("-inf")):
        _refuse_number(number)
    return value


def _refuse_number(number: str) -> NoReturn:
    # Python would pass it on as a word that no browser can parse.
    raise ValueError(f"{number[:20]} is not a JSON number")


def _refuse_depth(state: dict[str, Any]) -> None:
    level: list[Any] = [state]
    for _ in range(_MAX_NESTING):
        children = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return
    raise ProtocolError(f"awareness state nested deeper than {_MAX_NESTING}")


@dataclass(slots=True)
class _Client:
    """One client id. Kept for a while after it has gone: its clock must not be used again."""

    clock: int
    user: dict[str, Any]  # the last stamp; {} when another process did not say
    is_present: bool
    owner: Hashable | None  # the connection of this process, if it is one of ours
    renewed_at: float
    encoded: bytes  # client id, clock and state, ready for the wire


class AwarenessTable:
    """The awareness of one room.

    Every method that changes something returns the client ids that everybody is to be told
    about, the sender too; ``encode`` says what to tell. An id whose clock was too low to count
    is returned as well: a client that hears that it has gone, but has not, raises its clock
    above what it heard and announces itself again. So a client that reconnects after its
    departure was announced, or whose first clock is 0 (which no client accepts of another),
    is seen at once and not with its next renewal.
    """

    def __init__(self, *, timeout_s: float = 30.0, memory_s: float = 300.0) -> None:
        self._timeout_s = timeout_s
        self._memory_s = memory_s
        self._clients: dict[int, _Client] = {}
        self._owned: dict[Hashable, int] = {}  # connection → its one client id

    def __len__(self) -> int:
        """How many clients are present; a person may have several."""
        return sum(client.is_present for client in self._clients.values())

    def client_of(self, connection: Hashable) -> int | None:
        """The client id that a connection owns, once it has announced one."""
        return self._owned.get(connection)

    def present(self) -> list[dict[str, Any]]:
        """The stamps of those who are here, each person once."""
        users = (client.user for client in self._clients.values() if client.is_present)
        return list({user.get("id"): user for user in users}.values())

    # -- What changes it --------------------------------------------------------------------
    def receive(
        self, connection: Hashable, identity: Identity, states: Iterable[ClientState], now: float
    ) -> set[int]:
        """Take what a connection says of itself; drop what it says of others."""
        changed = set()
        for said in states:
            owned = self._owned.get(connection)
            is_new = owned is None
            if is_new and not self._may_claim(identity, said):
                if self._is_free(said):
                    changed.add(said.client)  # with a clock too low to count
                continue
            if not is_new and said.client != owned:
                continue
            known = self._clients.get(said.client)
            if known is None:
                known = self._meet(said.client, now)
            is_return = is_new and known.is_present and said.clock == known.clock
            if said.state is None:
                if not self._is_departure(known, said):
                    continue
                self._forget_state(said.client, known, said.clock, now)
            elif said.clock > known.clock or is_return:
                self._take_state(said, known, identity.stamp, now)
            elif known.is_present:
                continue  # old news, or told twice
            if is_new:
                self._give(said.client, known, connection, identity)
            changed.add(said.client)
        return changed

    def receive_remote(self, states: Iterable[ClientState], now: float) -> set[int]:
        """Take what another process has stamped and announced, by the clock alone.

        Only a newer state of the same person takes an id away from a connection of ours.
        """
        changed = set()
        for said in states:
            known = self._clients.get(said.client)
            if known is None:
                known = self._meet(said.client, now)
            if said.state is None:
                if not self._is_departure(known, said):
                    continue
                # Of a connection of ours too: it hears it, and answers if it is still there.
                self._forget_state(said.client, known, said.clock, now)
            else:
                user = said.state.get("user")
                user = user if isinstance(user, dict) else {}
                if said.clock <= known.clock:
                    continue
                if known.owner is not None:
                    if user.get("id") != known.user.get("id"):
                        continue
                    del self._owned[known.owner]
                    known.owner = None
                self._take_state(said, known, user, now)
            changed.add(said.client)
        return changed

    def leave(self, connection: Hashable, now: float) -> set[int]:
        """A connection has ended. Nothing to tell if its id has moved to a newer one."""
        client = self._owned.pop(connection, None)
        if client is None:
            return set()
        known = self._clients[client]
        known.owner = None
        known.renewed_at = now
        if not known.is_present:
            return set()
        self._forget_state(client, known, known.clock + 1, now)
        return {client}

    def expire(self, now: float) -> set[int]:
        """Let go of states that nobody renewed, and of clocks that nobody needs any more.

        With the same clock, as clients do it: whoever was only slow is back with the next one.
        """
        expired = set()
        gone = []
        for client, known in self._clients.items():
            if known.is_present:
                if now - known.renewed_at >= self._timeout_s:
                    self._forget_state(client, known, known.clock, now)
                    expired.add(client)
            elif known.owner is None:
                gone.append((known.renewed_at, client))
        gone.sort()
        surplus = len(gone) - _MAX_GONE
        for position, (since, client) in enumerate(gone):
            if position < surplus or now - since >= self._memory_s:
                del self._clients[client]
        return expired

    # -- What it says -----------------------------------------------------------------------
    def encode(self, clients: Iterable[int]) -> bytes:
        """An awareness update about these ids; null for those who have gone."""
        # By what is known, not by who is present: leaving nulls out would keep ghost cursors.
        known = [self._clients[client].encoded for client in clients if client in self._clients]
        return write_var_uint(len(known)) + b"".join(known)

    def encode_all(self) -> bytes:
        """An awareness update about everybody who is present: what a newcomer is told."""
        present = [client.encoded for client in self._clients.values() if client.is_present]
        return write_var_uint(len(present)) + b"".join(present)

    @property
    def has_local(self) -> bool:
        """Whether anybody is present on a connection of this process."""
        return any(self._clients[client].is_present for client in self._owned.values())

    def encode_local(self) -> bytes:
        """An awareness update about those present on connections of this process."""
        return self.encode(
            client for client in self._owned.values() if self._clients[client].is_present
        )

    # -- The rules --------------------------------------------------------------------------
    def _is_free(self, said: ClientState) -> bool:
        """Whether a state is about an id that was here and has gone, from whomever."""
        known = self._clients.get(said.client)
        return (
            said.state is not None
            and known is not None
            and known.owner is None
            and not known.is_present
        )

    def _may_claim(self, identity: Identity, said: ClientState) -> bool:
        """Whether a connection that owns no id yet may have this one."""
        if said.state is None:
            return False
        known = self._clients.get(said.client)
        if known is None:
            return True
        is_theirs = known.user.get("id") == identity.id
        if known.owner is not None or known.is_present:
            # A new connection of the same person that says what the old one said has reconnected.
            return is_theirs and said.clock >= known.clock
        # Somebody else's old state told back is never newer than what we know of it.
        return is_theirs or said.clock > known.clock

    @staticmethod
    def _is_departure(known: _Client, said: ClientState) -> bool:
        return said.clock > known.clock or (said.clock == known.clock and known.is_present)

    def _meet(self, client: int, now: float) -> _Client:
        """An unknown id has clock 0, as in y-protocols."""
        known = self._clients[client] = _Client(
            clock=0, user={}, is_present=False, owner=None, renewed_at=now, encoded=b""
        )
        self._forget_state(client, known, 0, now)
        return known

    def _give(self, client: int, known: _Client, connection: Hashable, identity: Identity) -> None:
        if known.owner is not None:
            del self._owned[known.owner]
        known.owner = connection
        known.user = identity.stamp
        self._owned[connection] = client

    @staticmethod
    def _take_state(said: ClientState, known: _Client, user: dict[str, Any], now: float) -> None:
        known.clock = said.clock
        known.user = user
        known.is_present = True
        known.renewed_at = now
        stamped = {**(said.state or {}), "user": user}
        known.encoded = _encode(said.client, said.clock, _encode_state(stamped))

    @staticmethod
    def _forget_state(client: int, known: _Client, clock: int, now: float) -> None:
        known.clock = clock
        known.is_present = False
        known.renewed_at = now
        known.encoded = _encode(client, clock, _NULL)


def _encode(client: int, clock: int, state: bytes) -> bytes:
    return write_var_uint(client) + write_var_uint(clock) + write_var_bytes(state)


def _encode_state(state: dict[str, Any]) -> bytes:
    # As JSON.stringify writes it. Half of a surrogate pair has no UTF-8 form: then escaped.
    try:
        return json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(state, separators=(",", ":")).encode()
