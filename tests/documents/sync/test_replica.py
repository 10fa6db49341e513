"""A replica says what its updates said, in whatever order they came."""

import random
from typing import Any
from unittest.mock import patch

import pycrdt
import pytest

from collab.errors import InvalidUpdate, ProtocolError, Unavailable
from documents.protocol.state_vector import decode_state_vector
from documents.sync.compaction import fingerprint
from documents.sync.guard import Scanner, check
from documents.sync.replica import EMPTY_STATE_VECTOR, Replica, ReplicaBroken, merge
from documents.sync.salvage import load_what_can_be
from tests.documents.sync.updates import (
    client,
    deletes,
    edited,
    element,
    joined,
    text,
    text_after,
    text_of,
    update,
)


def take(replica: Replica, encoded: bytes) -> None:
    replica.apply(*check(encoded, max_depth=64))


def session(seed: int, edits: int = 120) -> list[bytes]:
    """What four authors send, who hear of one another now and then."""
    chance = random.Random(seed)
    docs = [pycrdt.Doc() for _ in range(4)]
    sent = []
    for step in range(edits):
        doc = chance.choice(docs)
        sent.append(edited(doc, lambda doc=doc: _edit(doc, chance)))
        if step % 7 == 0:
            one, other = chance.sample(docs, 2)
            one.apply_update(other.get_update(one.get_state()))
    return sent


def _edit(doc: "pycrdt.Doc[Any]", chance: random.Random) -> None:
    words = doc.get("text", type=pycrdt.Text)
    blocks = doc.get("content", type=pycrdt.XmlFragment).children
    lot = chance.random()
    if lot < 0.6 or len(words) < 6:
        words.insert(chance.randrange(len(words) + 1), "abc")
    elif lot < 0.85:
        place = chance.randrange(len(words) - 3)
        del words[place : place + 3]
    else:
        blocks.append(pycrdt.XmlElement("p", {}, [pycrdt.XmlText("q")]))


@pytest.mark.parametrize("seed", range(12))
def test_in_order_it_equals_the_merge(seed: int) -> None:
    sent = session(seed)
    replica = Replica()
    for each in sent:
        take(replica, each)
    assert fingerprint([replica.difference(EMPTY_STATE_VECTOR)]) == fingerprint(sent)
    assert replica.clocks == decode_state_vector(replica.state_vector())


@pytest.mark.parametrize("seed", range(12))
def test_texts_out_of_order_are_taken_up_when_the_gap_closes(seed: int) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    words = doc.get("text", type=pycrdt.Text)
    sent = [edited(doc, lambda n=n: words.insert(n, "x")) for n in range(40)]
    random.Random(seed).shuffle(sent)
    replica = Replica()
    for each in sent:
        take(replica, each)
        assert replica.clocks == decode_state_vector(replica.state_vector())
    assert text_of(replica.difference(EMPTY_STATE_VECTOR)) == "x" * 40
    assert not replica.has_unresolved


def test_what_waits_is_served_and_survives_a_reload() -> None:
    first, second = (
        update(client(1, 0, text("one "))),
        update(client(1, 4, text_after(1, 3, "two"))),
    )
    replica = Replica()
    take(replica, second)
    assert replica.has_unresolved
    for served in (
        replica.difference(EMPTY_STATE_VECTOR),
        merge([replica.state().base or b"\x00\x00", replica.state().tail]),
    ):
        newcomer = Replica.load([served])
        assert newcomer.has_unresolved
        take(newcomer, first)
        assert text_of(newcomer.difference(EMPTY_STATE_VECTOR)) == "one two"


def test_what_is_ready_need_not_wait_and_what_is_missing_is_never_taken_for_known() -> None:
    gapped = client(1, 50, text_after(1, 49, "later"))
    replica = Replica()
    take(replica, update(gapped))
    before = check(update(client(1, 30, text_after(1, 29, "x" * 20))), max_depth=64)[1]
    assert replica.would_change_by(before)
    take(replica, update(gapped, client(2, 0, text("mine"))))
    assert replica.clocks == {2: 4}
    assert text_of(replica.difference(EMPTY_STATE_VECTOR)) == "mine"
    take(replica, update(client(1, 0, text("x" * 50))))
    assert replica.clocks == {1: 55, 2: 4}
    assert not replica.has_unresolved


def test_an_edit_inside_something_unknown_asks_for_a_new_connection() -> None:
    inside = update(client(1, 5, element((1, 4))))
    with pytest.raises(Unavailable):
        take(Replica(), inside)


def test_news_and_old_news() -> None:
    replica = Replica()
    take(replica, update(client(1, 0, text("hello"))))
    known = check(update(client(1, 0, text("hello"))), max_depth=64)[1]
    longer = check(update(client(1, 5, text_after(1, 4, "!"))), max_depth=64)[1]
    deletion = check(update(deletes=deletes(1, (1, 2))), max_depth=64)[1]
    assert not replica.would_change_by(known)
    assert replica.would_change_by(longer)
    assert replica.would_change_by(deletion)
    replica.apply(*check(update(deletes=deletes(1, (1, 2))), max_depth=64))
    assert not replica.would_change_by(deletion)


def test_a_difference_is_only_what_is_lacking() -> None:
    replica = Replica()
    take(replica, update(client(1, 0, text("x" * 1000))))
    vector = replica.state_vector()
    take(replica, update(client(1, 1000, text_after(1, 999, "!"))))
    assert len(replica.difference(vector)) < 30
    with pytest.raises(ProtocolError):
        replica.difference(b"\xff\xff\xff\xff\x0f")


def test_the_cached_state_follows_the_edits() -> None:
    replica = Replica()
    take(replica, update(client(1, 0, text("x" * 100_000))))
    base = replica.state().base
    for clock in range(100_000, 100_050):
        take(replica, update(client(1, clock, text_after(1, clock - 1, "y"))))
        state = replica.state()
        assert state.base is base, "encoded again"
        assert text_of(merge([state.base, state.tail])).endswith("y" * (clock - 99_999))


def test_half_an_emoji_does_not_damage_the_rest() -> None:
    replica = Replica()
    take(replica, update(client(1, 0, text("👧ab"))))
    take(replica, update(deletes=deletes(1, (0, 1))))
    take(replica, update(client(1, 4, text_after(1, 3, "c"))))
    encoded = replica.difference(EMPTY_STATE_VECTOR)
    assert decode_state_vector(pycrdt.get_state(encoded)) == replica.clocks == {1: 5}


@pytest.mark.parametrize("is_loaded", [False, True])
def test_nor_does_the_first_emoji_of_a_long_text(is_loaded: bool) -> None:
    replica = Replica()
    take(replica, update(client(1, 0, text("plain"))))
    whole = update(client(1, 5, text_after(1, 4, "👧ab")))
    half = update(deletes=deletes(1, (5, 1)))
    if is_loaded:
        replica = Replica.load([replica.settled_state(), whole])
        take(replica, half)
    else:
        take(replica, merge([whole, half]))
    take(replica, update(client(1, 9, text_after(1, 8, "c"))))
    encoded = replica.difference(EMPTY_STATE_VECTOR)
    assert decode_state_vector(pycrdt.get_state(encoded)) == replica.clocks == {1: 10}
    assert text_of(encoded).startswith("plain")
    assert text_of(encoded).endswith("abc")


def test_a_broken_replica_is_never_used_again() -> None:
    replica = Replica()
    take(replica, update(client(1, 0, text("ab"))))
    hang_on_text = update(client(2, 0, joined(b"\x04", 0, 1, 0, b"\x01x")))
    with pytest.raises(ReplicaBroken):
        take(replica, hang_on_text)
    for use in (replica.state_vector, replica.state, lambda: replica.difference(b"\x00")):
        with pytest.raises(ReplicaBroken):
            use()


def test_a_log_that_breaks_pycrdt_opens_without_what_broke_it() -> None:
    good = [update(client(1, 0, text("kept "))), update(client(3, 0, text("and this")))]
    poison = update(client(2, 0, joined(b"\x04", 0, 1, 0, b"\x01x")))
    replica, left_out = load_what_can_be([good[0], poison, good[1]])
    assert left_out == [poison]
    assert sorted(text_of(replica.difference(EMPTY_STATE_VECTOR)).split()) == [
        "and",
        "kept",
        "this",
    ]


def test_what_does_not_decode_changes_nothing() -> None:
    replica = Replica()
    take(replica, update(client(1, 0, text("fine"))))
    with pytest.raises(InvalidUpdate):
        check(b"\x01\x02", max_depth=64)
    assert text_of(replica.difference(EMPTY_STATE_VECTOR)) == "fine"


def test_an_endless_state_vector_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolError, match="is none of ours"):
        Replica().difference(b"\xff\xff\x7f" + b"\x01" * 2_000_000)


def test_what_was_deleted_long_ago_does_not_stay_in_memory() -> None:
    replica, doc = Replica(), pycrdt.Doc()
    text = doc.get("text", type=pycrdt.Text)
    for _ in range(100):
        for change in (lambda: text.insert(0, "👧" + "x" * 50_000), text.clear):
            before = doc.get_state()
            change()
            update, scanned = check(doc.get_update(before), max_depth=64)
            replica.apply(update, scanned)
    assert sum(map(len, replica._raw)) < 2_000_000  # of five million written
    assert replica.state_vector() == doc.get_state()


def test_much_that_waits_is_not_looked_at_with_every_keystroke() -> None:
    """Twenty people came back after an outage, and their rooms did nothing else."""
    replica, typist = Replica(), pycrdt.Doc(client_id=1)
    written = typist.get("text", type=pycrdt.Text)
    for author in range(100, 200):  # each lacks its first edit
        other = pycrdt.Doc(client_id=author)
        other.get("text", type=pycrdt.Text).insert(0, "x")
        before = other.get_state()
        other.get("text", type=pycrdt.Text).insert(1, "y" * 100)
        take(replica, other.get_update(before))
    with patch("documents.sync.replica.merge", wraps=merge) as merging:
        for number in range(300):
            before = typist.get_state()
            written.insert(number, "z")
            take(replica, typist.get_update(before))
        assert merging.call_count < 10
    assert replica.clocks[1] == 300


def test_what_follows_on_a_gap_takes_nothing_with_it() -> None:
    """Of two authors in one update: the first is ready halfway, the second not at all."""
    whole = update(
        client(1, 0, text("abc"), text_after(2, 1, "x"), text_after(1, 3, "y")),
        client(2, 8, text_after(1, 1, "later")),
    )
    replica = Replica()
    take(replica, whole)
    assert replica.clocks == {1: 3}
    assert held_by(replica) == {1: {*range(5)}, 2: {*range(8, 13)}}
    take(replica, update(client(2, 0, text("12345678"))))
    assert replica.clocks == {1: 5, 2: 13}
    assert not replica.has_unresolved


def held_by(replica: Replica) -> dict[int, set[int]]:
    """The clocks of all that a replica would send to a newcomer, waiting or not."""
    return ids_in(replica.difference(EMPTY_STATE_VECTOR))


def ids_in(encoded: bytes) -> dict[int, set[int]]:
    finder = Scanner(encoded, max_depth=64)
    finder.scan()
    runs = {number: [last] for number, last in finder.clocks.items()}
    for number, bounds in finder.earlier_runs.items():
        runs[number] += zip(bounds[::2], bounds[1::2], strict=True)
    return {
        number: {clock for start, end in spans for clock in range(start, end)}
        for number, spans in runs.items()
    }


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_given_in_whatever_order_is_kept(seed: int) -> None:
    """Updates of several authors, merged at random and so with gaps, given in any order."""
    chance = random.Random(seed)
    sent = session(seed)
    chance.shuffle(sent)
    replica, given_so_far = Replica(), []
    while len(given_so_far) < len(sent):
        bundle = sent[len(given_so_far) :][: chance.randrange(1, 12)]
        given_so_far += bundle
        take(replica, merge(bundle))
        assert held_by(replica) == ids_in(merge(given_so_far))
    assert not replica.has_unresolved
    assert fingerprint([replica.difference(EMPTY_STATE_VECTOR)]) == fingerprint(sent)
