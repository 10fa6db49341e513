"""Who is here: what a message may carry, and short conversations of clients with the table."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import ProtocolError
from collab.lib0 import write_var_bytes, write_var_uint
from presence.awareness import AwarenessTable, ClientState, decode_states
from presence.identity import Identity

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "awareness.json").read_text("utf-8")
)
ALICE = Identity("user:1", "Alice", "#0f766e", "", is_guest=False)
BOB = Identity("user:2", "Bob", "#b91c1c", "", is_guest=False)
MALLORY = Identity("user:3", "Mallory", "#475569", "", is_guest=False)


def decode(payload: bytes) -> list[ClientState]:
    return decode_states(payload, max_states=100, max_state_bytes=4096)


def payload_of(*states: tuple[int, int, str | bytes]) -> bytes:
    body = b"".join(
        write_var_uint(client)
        + write_var_uint(clock)
        + write_var_bytes(text.encode() if isinstance(text, str) else text)
        for client, clock, text in states
    )
    return write_var_uint(len(states)) + body


def is_at(client: int, clock: int, **state: Any) -> list[ClientState]:
    return [ClientState(client, clock, state)]


def gone(client: int, clock: int) -> list[ClientState]:
    return [ClientState(client, clock, None)]


# -- Decoding -------------------------------------------------------------------------------
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["client"]))
def test_what_y_protocols_encodes_is_understood(vector):
    expected = ClientState(vector["client"], vector["clock"], vector["state"])
    assert decode(bytes.fromhex(vector["encoded"])) == [expected]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**53 - 1),
            st.integers(0, 2**53 - 2),
            st.none() | st.dictionaries(st.text(), JSON_VALUES, max_size=4),
        ),
        max_size=5,
    )
)
def test_decoding_is_the_inverse_of_encoding(states):
    payload = payload_of(*((client, clock, json.dumps(state)) for client, clock, state in states))
    decoded = decode_states(payload, max_states=100, max_state_bytes=1_000_000)
    assert decoded == [ClientState(*state) for state in states]


@given(st.binary(max_size=200))
def test_noise_is_refused_or_understood(noise):
    try:
        states = decode(noise)
    except ProtocolError:
        return
    AwarenessTable().receive("noisy", MALLORY, states, 0.0)


@given(st.data())
def test_a_damaged_message_is_refused_or_understood(data):
    message = bytearray(bytes.fromhex(VECTORS[1]["encoded"]))
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProtocolError):
        decode(bytes(message))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        payload_of((1, 1, "{}"))[:-1],
        payload_of((1, 1, "{}")) + b"\x00",
        b"\xff" * 1_000_000,
        write_var_uint(101),
        write_var_uint(2**53 - 1),
        payload_of((2**53 - 1, 2**53 - 1, "{}")),
        payload_of((1, 1, "")),
        payload_of((1, 1, "{")),
        payload_of((1, 1, b"\xff\xfe")),
        payload_of((1, 1, "[]")),
        payload_of((1, 1, "1")),
        payload_of((1, 1, '"x"')),
        payload_of((1, 1, '{"x":NaN}')),
        payload_of((1, 1, '{"x":-Infinity}')),
        payload_of((1, 1, '{"x":1e999}')),
        payload_of((1, 1, '{"x":"' + "y" * 4096 + '"}')),
        payload_of((1, 1, '{"x":' + "[" * 2000 + "]" * 2000 + "}")),
        payload_of((1, 1, '{"x":' + "[" * 32 + "]" * 32 + "}")),
        payload_of((1, 1, "[" * 4000)),
    ],
)
def test_what_no_client_could_apply_is_refused(payload):
    with pytest.raises(ProtocolError):
        decode(payload)


def test_client_ids_beyond_53_bits_are_refused():
    for nine_bytes in (b"\xff" * 7 + b"\x1f", b"\xff" * 8 + b"\x01"):
        with pytest.raises(ProtocolError):
            decode(b"\x01" + nine_bytes + b"\x01\x02{}")


def test_nesting_is_bounded_by_depth_not_by_width():
    assert decode(payload_of((1, 1, '{"x":' + "[" * 31 + "]" * 31 + "}")))
    assert decode(payload_of((1, 1, json.dumps({"x": [{"y": []}] * 200}))))
    assert decode(payload_of((1, 1, '{"x":"' + "[" * 1000 + '"}')))


def test_the_states_of_others_can_be_stepped_over():
    payload = payload_of((1, 5, "not even JSON"), (2, 7, "{}"), (3, 1, "x" * 9999))
    states = decode_states(payload, max_states=100, max_state_bytes=4096, only=2)
    assert states == [ClientState(2, 7, {})]


# -- One client after another ---------------------------------------------------------------
@pytest.fixture
def table() -> AwarenessTable:
    return AwarenessTable(timeout_s=30, memory_s=300)


def seen(table: AwarenessTable) -> dict[int, Any]:
    """What a newcomer would be told: client id → (clock, state)."""
    return {said.client: (said.clock, said.state) for said in decode(table.encode_all())}


def told(table: AwarenessTable, clients: set[int]) -> dict[int, Any]:
    return {said.client: (said.clock, said.state) for said in decode(table.encode(clients))}


def test_a_state_bears_the_senders_own_name(table):
    claimed = {"user": {"name": "The Queen", "id": "user:2"}, "cursor": {"anchor": 4}}
    assert table.receive("a", ALICE, is_at(10, 1, **claimed), 0.0) == {10}
    assert seen(table) == {10: (1, {"user": ALICE.stamp, "cursor": {"anchor": 4}})}
    assert table.present() == [ALICE.stamp]


def test_the_same_message_twice_is_told_once(table):
    assert table.receive("a", ALICE, is_at(10, 1), 0.0) == {10}
    before = table.encode_all()
    assert table.receive("a", ALICE, is_at(10, 1), 1.0) == set()
    assert table.encode_all() == before


def test_a_renewal_comes_back_to_its_sender(table):
    table.receive("a", ALICE, is_at(10, 1, x=1), 0.0)
    assert table.receive("a", ALICE, is_at(10, 2, x=1), 15.0) == {10}
    assert told(table, {10}) == {10: (2, {"x": 1, "user": ALICE.stamp})}


def test_an_older_state_changes_nothing(table):
    table.receive("a", ALICE, is_at(10, 5, x=5), 0.0)
    assert table.receive("a", ALICE, is_at(10, 4, x=4), 0.0) == set()
    assert seen(table)[10][0] == 5


def test_what_others_say_of_somebody_is_dropped(table):
    table.receive("a", ALICE, is_at(10, 1), 0.0)
    table.receive("b", BOB, is_at(20, 1), 0.0)
    echo = is_at(10, 2, x="moved by bob") + gone(10, 3) + is_at(30, 1) + is_at(20, 2)
    assert table.receive("b", BOB, echo, 0.0) == {20}
    assert seen(table) == {10: (1, {"user": ALICE.stamp}), 20: (2, {"user": BOB.stamp})}


def test_nobody_takes_a_live_id_of_somebody_else(table):
    table.receive("a", ALICE, is_at(10, 1), 0.0)
    for clock in (1, 2, 100):
        assert table.receive("m", MALLORY, is_at(10, clock), 0.0) == set()
    assert table.client_of("m") is None
    assert table.receive("m", MALLORY, gone(10, 101), 0.0) == set()
    assert seen(table) == {10: (1, {"user": ALICE.stamp})}


def test_nobody_is_claimed_by_telling_back_that_they_were_here(table):
    table.receive("a", ALICE, is_at(10, 7), 0.0)
    table.leave("a", 1.0)
    assert table.receive("m", MALLORY, is_at(10, 7), 1.0) == {10}
    assert told(table, {10}) == {10: (8, None)}
    assert table.client_of("m") is None
    assert table.receive("a2", ALICE, is_at(10, 9), 2.0) == {10}


def test_a_guest_without_a_name_that_lasts_is_told_to_raise_its_clock(table):
    """Programs with a share link are somebody else with each connection."""
    table.receive("g", BOB, is_at(10, 7), 0.0)
    table.leave("g", 1.0)
    assert table.receive("g2", MALLORY, is_at(10, 7), 2.0) == {10}
    assert table.receive("g2", MALLORY, is_at(10, 9), 2.0) == {10}
    assert seen(table) == {10: (9, {"user": MALLORY.stamp})}


def test_leaving_is_told_with_the_next_clock(table):
    table.receive("a", ALICE, is_at(10, 4), 0.0)
    assert table.leave("a", 1.0) == {10}
    assert told(table, {10}) == {10: (5, None)}
    assert table.leave("a", 1.0) == set()
    assert (len(table), table.present(), table.encode_all()) == (0, [], b"\x00")


def test_saying_goodbye_and_then_leaving_is_told_once(table):
    table.receive("a", ALICE, is_at(10, 4), 0.0)
    assert table.receive("a", ALICE, gone(10, 5), 1.0) == {10}
    assert table.receive("a", ALICE, gone(10, 5), 1.0) == set()
    assert table.leave("a", 1.0) == set()


def test_somebody_may_hide_and_come_back(table):
    table.receive("a", ALICE, is_at(10, 4), 0.0)
    table.receive("a", ALICE, gone(10, 5), 0.0)
    assert table.receive("a", ALICE, is_at(10, 6), 0.0) == {10}
    assert len(table) == 1


def test_a_fast_reconnect_keeps_the_cursor(table):
    table.receive("old", ALICE, is_at(10, 4, x=1), 0.0)
    assert table.receive("new", ALICE, is_at(10, 4, x=1), 20.0) == {10}
    assert table.leave("old", 21.0) == set()
    assert seen(table) == {10: (4, {"x": 1, "user": ALICE.stamp})}
    assert table.expire(45.0) == set()  # it counted as a renewal
    assert table.leave("new", 46.0) == {10}


def test_late_words_of_a_replaced_connection_change_nothing(table):
    table.receive("old", ALICE, is_at(10, 4, x=1), 0.0)
    table.receive("new", ALICE, is_at(10, 5, x=2), 0.0)
    assert table.receive("old", ALICE, is_at(10, 4, x=1), 0.0) == set()
    assert table.client_of("new") == 10


def test_a_new_identity_takes_over_when_the_old_one_has_gone(table):
    table.receive("a", ALICE, is_at(10, 4), 0.0)
    table.leave("a", 0.0)
    assert table.receive("b", BOB, is_at(10, 6), 0.0) == {10}
    assert table.present() == [BOB.stamp]


def test_one_person_with_two_tabs_is_one_person(table):
    table.receive("tab 1", ALICE, is_at(10, 1), 0.0)
    table.receive("tab 2", ALICE, is_at(11, 1), 0.0)
    assert len(table) == 2
    assert table.present() == [ALICE.stamp]


def test_who_does_not_renew_expires_with_the_same_clock(table):
    table.receive("a", ALICE, is_at(10, 4), 0.0)
    assert table.expire(29.9) == set()
    assert table.expire(30.0) == {10}
    assert told(table, {10}) == {10: (4, None)}
    assert table.expire(31.0) == set()
    assert table.receive("a", ALICE, is_at(10, 5), 60.0) == {10}
    assert len(table) == 1


def test_clocks_of_the_gone_are_remembered_and_then_forgotten(table):
    table.receive("a", ALICE, is_at(10, 4), 0.0)
    table.leave("a", 0.0)
    table.expire(299.0)
    assert told(table, {10}) == {10: (5, None)}
    table.expire(301.0)
    assert told(table, {10}) == {}


def test_the_clock_of_a_quiet_connection_is_not_forgotten(table):
    table.receive("a", ALICE, is_at(10, 4), 0.0)
    table.expire(40.0)
    table.expire(10_000.0)
    assert table.receive("a", ALICE, is_at(10, 4), 10_001.0) == {10}  # stale: told so
    assert told(table, {10}) == {10: (4, None)}


def test_the_memory_of_the_gone_is_bounded(table):
    for number in range(10_100):
        table.receive(number, MALLORY, is_at(number, 1), number / 1000)
        table.leave(number, number / 1000)
    table.expire(11.0)
    assert told(table, {0}) == {}
    assert told(table, {10_099}) == {10_099: (2, None)}


def test_half_a_surrogate_pair_stays_what_it_was(table):
    [state] = decode(payload_of((10, 1, r'{"text":"\ud800 é"}')))
    table.receive("a", ALICE, [state], 0.0)
    assert seen(table)[10][1]["text"] == "\ud800 é"


# -- Other processes ------------------------------------------------------------------------
def test_what_another_process_stamped_is_shown_as_it_is(table):
    there = AwarenessTable()
    there.receive("b", BOB, is_at(20, 3, x=1), 0.0)
    assert table.receive_remote(decode(there.encode({20})), 0.0) == {20}
    assert table.receive_remote(decode(there.encode({20})), 0.0) == set()
    assert seen(table) == seen(there)
    assert table.present() == [BOB.stamp]
    assert table.receive_remote(decode(there.encode(there.leave("b", 1.0))), 1.0) == {20}
    assert len(table) == 0


def test_a_cursor_of_a_process_that_died_expires(table):
    table.receive_remote(is_at(20, 3, user=BOB.stamp), 0.0)
    assert table.expire(30.0) == {20}


def test_a_client_that_moves_here_from_another_process_keeps_its_cursor(table):
    table.receive_remote(is_at(10, 3, user=ALICE.stamp), 0.0)
    assert table.receive("m", MALLORY, is_at(10, 4), 1.0) == set()
    assert table.receive("a", ALICE, is_at(10, 3), 1.0) == {10}
    assert table.client_of("a") == 10


def test_a_client_that_moves_to_another_process_is_not_announced_as_gone(table):
    table.receive("a", ALICE, is_at(10, 3), 0.0)
    assert table.receive_remote(is_at(10, 4, user=ALICE.stamp), 1.0) == {10}
    assert table.leave("a", 2.0) == set()
    assert len(table) == 1


def test_another_process_cannot_give_an_id_of_ours_to_somebody_else(table):
    table.receive("a", ALICE, is_at(10, 3), 0.0)
    assert table.receive_remote(is_at(10, 4, user=BOB.stamp), 1.0) == set()
    assert table.present() == [ALICE.stamp]


# -- Conversations with stock clients -------------------------------------------------------
class Stock:
    """A client that behaves as y-websocket does: it tells back whatever changed of anybody."""

    def __init__(self, room: "SmallRoom", identity: Identity, client_id: int) -> None:
        self.room = room
        self.identity = identity
        self.awareness = pycrdt.Awareness(pycrdt.Doc(client_id=client_id))
        self.awareness.observe(self._tell)
        self.connection: object | None = None

    @property
    def id(self) -> int:
        return self.awareness.client_id

    def _tell(self, topic: str, event: Any) -> None:
        if topic == "update" and self.connection:
            clients = [client for kind in event[0].values() for client in kind]
            self._send(clients)

    def _send(self, clients: list[int]) -> None:
        payload = self.awareness.encode_awareness_update(clients)
        self.room.inbox.append((self.connection, self.identity, payload))

    def connect(self) -> None:
        self.connection = object()
        self.room.clients.append(self)
        if self.awareness.get_local_state() is not None:
            self._send([self.id])
        self.hears(self.room.table.encode_all())
        self.room.settle()

    def disconnect(self, *, noticed: bool = True) -> object:
        connection, self.connection = self.connection, None
        self.room.clients.remove(self)
        others = [client for client in self.awareness.states if client != self.id]
        self.awareness.remove_awareness_states(others, "closed")
        if noticed:
            self.room.notice_end_of(connection)
        return connection

    def points_at(self, place: int) -> None:
        self.awareness.set_local_state({"cursor": place})
        self.room.settle()

    def hears(self, payload: bytes) -> None:
        self.awareness.apply_awareness_update(payload, "server")

    def sees(self) -> dict[str, Any]:
        states = self.awareness.states.items()
        return {s["user"]["name"]: s.get("cursor") for client, s in states if client != self.id}


class SmallRoom:
    def __init__(self) -> None:
        self.table = AwarenessTable()
        self.clients: list[Stock] = []
        self.inbox: list[Any] = []
        self.now = 0.0

    def notice_end_of(self, connection: object) -> None:
        self._announce(self.table.leave(connection, self.now))
        self.settle()

    def settle(self) -> None:
        """Until nobody has anything to say; stock clients must not talk for ever."""
        for _ in range(1000):
            if not self.inbox:
                return
            connection, identity, payload = self.inbox.pop(0)
            self._announce(self.table.receive(connection, identity, decode(payload), self.now))
        raise AssertionError("the clients do not stop talking")

    def _announce(self, changed: set[int]) -> None:
        if changed:
            for client in self.clients:
                client.hears(self.table.encode(changed))


@pytest.fixture
def room() -> SmallRoom:
    return SmallRoom()


def cast(room: SmallRoom) -> tuple[Stock, Stock, Stock]:
    people = (ALICE, BOB, MALLORY)
    clients = tuple(Stock(room, who, 10 * number) for number, who in enumerate(people, 1))
    for client in clients:
        client.connect()
    return clients  # type: ignore[return-value]


def test_clients_that_never_set_a_state_are_seen_at_once(room):
    alice, _, mallory = cast(room)
    assert alice.sees() == {"Bob": None, "Mallory": None}
    assert mallory.sees() == {"Alice": None, "Bob": None}


def test_cursors_move_for_everybody(room):
    alice, bob, mallory = cast(room)
    for place in range(5):
        alice.points_at(place)
    assert bob.sees()["Alice"] == mallory.sees()["Alice"] == 4


def test_a_client_that_comes_back_after_its_departure_was_told_is_seen_at_once(room):
    alice, bob, _ = cast(room)
    alice.points_at(7)
    alice.disconnect()
    assert "Alice" not in bob.sees()
    alice.connect()
    assert bob.sees()["Alice"] == 7
    # She has forgotten the others' states but not their clocks: y-protocols makes her wait
    # for their next renewal, with any server.
    bob.points_at(1)
    assert alice.sees()["Bob"] == 1


def test_a_client_that_comes_back_before_its_end_was_noticed_never_vanishes(room):
    alice, bob, _ = cast(room)
    alice.points_at(7)
    old = alice.disconnect(noticed=False)
    alice.connect()
    assert bob.sees()["Alice"] == 7
    room.notice_end_of(old)
    assert bob.sees()["Alice"] == 7
    alice.points_at(8)
    assert bob.sees()["Alice"] == 8


def test_a_client_that_was_only_slow_is_back_as_soon_as_it_hears(room):
    alice, bob, _ = cast(room)
    alice.points_at(7)
    room.now = 31.0
    room._announce(room.table.expire(room.now))
    room.settle()
    assert bob.sees()["Alice"] == 7
    assert len(room.table) == 3


def test_a_client_that_hides_stays_hidden(room):
    alice, bob, _ = cast(room)
    alice.awareness.set_local_state(None)
    room.settle()
    assert "Alice" not in bob.sees()
    bob.points_at(3)
    assert "Alice" not in bob.sees()
    assert alice.sees()["Bob"] == 3


def test_an_onlooker_does_not_take_the_ids_of_others(room):
    onlooker = Stock(room, MALLORY, 99)
    onlooker.awareness.set_local_state(None)
    onlooker.connect()
    alice, bob, _ = cast(room)
    alice.points_at(1)
    alice.disconnect()
    alice.connect()
    assert onlooker.sees()["Alice"] == bob.sees()["Alice"] == 1


def test_two_tabs_of_one_person_do_not_disturb_each_other(room):
    alice, bob, _ = cast(room)
    other_tab = Stock(room, ALICE, 11)
    other_tab.connect()
    alice.points_at(1)
    other_tab.disconnect()
    alice.points_at(2)
    assert bob.sees()["Alice"] == 2
