"""Edits of many, taken up together: as if each had come alone."""

import asyncio
from collections.abc import Callable
from time import thread_time
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import msgpack
import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import InvalidUpdate, TooManyRequests, Unavailable
from documents.models import Role
from documents.protocol.messages import Update
from documents.sync.guard import check
from documents.sync.member import Member, Wishes
from documents.sync.replica import Replica, ReplicaBroken
from documents.sync.room import Room
from documents.sync.stretch import Stretch, as_message, from_message, joined
from documents.sync.underway import NOTED_NOWHERE
from tests.clients import until
from tests.documents.sync import stage
from tests.documents.sync.stage import Player
from tests.documents.sync.updates import edited

APART_S = 0.1
APPLY = Replica.apply


def keeps_waiting(room: Room) -> None:
    """What comes now is sent only after a while."""
    room._fanout._timer._not_before = asyncio.get_running_loop().time() + APART_S


async def crowd(scene: stage.Stage, *names: str) -> tuple[Room, list[Player]]:
    """Some who have a text to type in."""
    room = await scene.room()
    players = [await scene.player(room, name, ack_count=True) for name in names]
    await players[0].types("begun ")
    await until(lambda: all(player.text == "begun " for player in players))
    return room, players


async def test_in_a_quiet_room_an_edit_is_sent_and_owed_before_anything_else_happens() -> None:
    async with stage.staged() as scene:
        room, (alice, _) = await crowd(scene, "alice", "bob")
        await until(lambda: alice.saved == 2 and room._fanout.is_quiet)
        with patch.object(Member, "send") as send:
            assert room.take_now(alice.member, [alice.inserts("now")])
            assert send.call_count == 1
            assert not room.ledger.is_settled
            assert room.take_now(alice.member, [alice.inserts("then")])
            assert send.call_count == 1  # not quiet any more


async def test_what_cannot_be_sent_is_not_the_fault_of_who_is_read() -> None:
    async with stage.staged() as scene:
        room, (alice, bob) = await crowd(scene, "alice", "bob")
        await until(lambda: alice.saved == 2 and room._fanout.is_quiet)
        with patch.object(Member, "send", side_effect=RuntimeError):
            assert room.take_now(alice.member, [alice.inserts("now")])
        assert room.has_failed
        assert isinstance(alice.member.closing, Unavailable)
        assert isinstance(bob.member.closing, Unavailable)


async def test_what_many_type_in_one_interval_is_one_frame_and_one_row() -> None:
    async with stage.staged() as scene:
        room, players = await crowd(scene, "alice", "bob", "carol", "dan", "eve")
        rows, heard = len(scene.log.updates), len(players[0].all_heard(Update))
        keeps_waiting(room)
        for number in range(3):
            for player in players:
                await player.types(f"<{player.member.identity.name}{number}>")
        await until(lambda: all(player.saved == 1 + 3 for player in players[1:]))
        assert len(players[0].all_heard(Update)) == heard + 1
        assert len(scene.log.updates) <= rows + len(players)
        assert len({player.text for player in players} | {scene.log.text}) == 1
        for number in range(3):
            for player in players:
                assert f"<{player.member.identity.name}{number}>" in scene.log.text


async def test_whoever_joins_or_asks_meanwhile_gets_what_was_taken() -> None:
    async with stage.staged() as scene:
        room, [alice, *_] = await crowd(scene, "alice", "bob")
        keeps_waiting(room)
        await alice.types("and taken")
        assert not room.is_settled
        late = await scene.player(room, "late")
        await until(lambda: late.text == "begun and taken")


async def test_whoever_leaves_has_not_typed_in_vain() -> None:
    async with stage.staged() as scene:
        room, [alice, bob] = await crowd(scene, "alice", "bob")
        keeps_waiting(room)
        await alice.types("and gone")
        alice.leaves()
        await until(lambda: scene.log.text == bob.text == "begun and gone")


async def test_a_stretch_that_breaks_the_replica_is_brought_again_one_by_one() -> None:
    async with stage.staged() as scene:
        room, [alice, bob, eve] = await crowd(scene, "alice", "bob", "eve")
        with patch.object(Replica, "apply", breaks_over_evil):
            keeps_waiting(room)
            await bob.types("innocent")
            await eve.types("EVIL")
            await until(lambda: isinstance(alice.closed_with, Unavailable))
            assert bob.saved == eve.saved == 1, "what they said when they came"
            assert scene.log.text == "begun "
            again = await scene.room()
            await come_again(again, bob)
            with pytest.raises(InvalidUpdate):
                await come_again(again, eve)
        await until(lambda: scene.log.text == "begun innocent")
        assert b"EVIL" in scene.log.quarantined[0]


def breaks_over_evil(self: Replica, update: bytes, scan: object) -> None:
    if b"EVIL" in update:
        self._doc = None
        raise ReplicaBroken("panic")
    APPLY(self, update, scan)  # type: ignore[arg-type]


async def test_whoever_sends_again_what_broke_a_stretch_is_alone_with_it() -> None:
    async with stage.staged() as scene:
        _, [alice, eve] = await crowd(scene, "alice", "eve")
        with patch.object(Replica, "apply", breaks_over_evil):
            evil = await eve.types("EVIL")
            await until(lambda: isinstance(alice.closed_with, Unavailable))
            room = await scene.room()
            await come_again(room, alice)
            late = await scene.player(room, "eve")
            with pytest.raises(InvalidUpdate):
                await late.says(Update(evil))
        assert not room.has_failed
        assert scene.log.quarantined == [evil]


async def test_who_comes_while_a_stretch_breaks_is_sent_away() -> None:
    async with stage.staged() as scene:
        room, [_, eve] = await crowd(scene, "alice", "eve")
        with patch.object(Replica, "apply", breaks_over_evil):
            keeps_waiting(room)
            await eve.types("EVIL")
            with pytest.raises(Unavailable):
                await scene.player(room, "late")
        assert len(room.members) == 2


async def test_who_writes_while_a_stretch_breaks_is_not_blamed() -> None:
    async with stage.staged() as scene:
        room, [bob, eve] = await crowd(scene, "bob", "eve")

        async def waits_while_eve_types(*_: object) -> None:
            await eve.types("EVIL")

        keeps_waiting(room)
        with (
            patch.object(Replica, "apply", breaks_over_evil),
            patch.object(room._intake, "refuse_nesting", waits_while_eve_types),
            pytest.raises(Unavailable),
        ):
            await room.receive(bob.member, Update(bob.inserts("innocent")))
        assert not scene.log.quarantined


async def test_a_stretch_that_cannot_be_merged_is_brought_again_too() -> None:
    async with stage.staged() as scene:
        _, [alice, bob] = await crowd(scene, "alice", "bob")
        with patch.object(Stretch, "merged", side_effect=ValueError("does not decode")):
            await bob.types("mine")
            await until(lambda: isinstance(alice.closed_with, Unavailable))
        assert bob.saved == 1
        await come_again(await scene.room(), bob)
        await until(lambda: scene.log.text == "begun mine")


async def test_a_crash_over_what_many_have_typed_is_blamed_on_none_of_them() -> None:
    async with stage.staged() as scene:
        room, [alice, bob] = await crowd(scene, "alice", "bob")
        with patch.object(room._intake._underway, "note", wraps=NOTED_NOWHERE.note) as note:
            keeps_waiting(room)
            await alice.types("both")
            await bob.types("of us")
            await until(lambda: "both" in bob.text and "of us" in alice.text)
            assert note.call_count == 0
            alone = await alice.types("alone")
            await until(lambda: "alone" in bob.text)
            note.assert_called_once_with(room.document_id, alone)


async def test_after_a_crash_every_edit_is_taken_alone() -> None:
    async with stage.staged() as scene:
        room, [alice, bob] = await crowd(scene, "alice", "bob")
        careful = SimpleNamespace(is_careful=True, note=NOTED_NOWHERE.note)
        with patch.object(room._intake, "_underway", careful):
            assert not room.take_now(alice.member, [alice.inserts("not now")])
            await bob.types("in turn")
        await until(lambda: "in turn" in scene.log.text)


async def test_the_work_of_a_stretch_is_charged_by_the_number_of_edits() -> None:
    async with stage.staged() as scene:
        room, [alice, bob] = await crowd(scene, "alice", "bob")
        charged: dict[Any, float] = {}
        with patch.object(Member, "charge", lambda self, s, now: charged.update({self: s})):
            keeps_waiting(room)
            for _ in range(9):
                await alice.types("a")
            await bob.types("b" * 10_000)
            await until(lambda: len(charged) == 2)
        assert charged[alice.member] == pytest.approx(9 * charged[bob.member])


async def test_of_one_member_so_many_are_taken_up_together_and_no_more() -> None:
    async with stage.staged() as scene:
        room, [alice, _] = await crowd(scene, "alice", "bob")
        keeps_waiting(room)
        with patch.object(room._intake, "apply_unnoted", wraps=room._intake.apply_unnoted) as apply:
            for _ in range(64):
                assert room.take_now(alice.member, [alice.inserts("x")])
            assert not apply.called
            assert room.take_now(alice.member, [alice.inserts("x")])
            assert apply.called
        assert room._stretch.count == 1


async def test_a_new_paragraph_is_taken_with_the_others_and_what_goes_into_an_old_one_is_not() -> (
    None
):
    async with stage.staged() as scene:
        room, [alice, bob] = await crowd(scene, "alice", "bob")
        keeps_waiting(room)
        paragraph = pycrdt.XmlElement("paragraph")
        blocks = alice.doc.get("content", type=pycrdt.XmlFragment).children
        assert room.take_now(alice.member, [edited(alice.doc, lambda: blocks.append(paragraph))])
        # Nobody has looked whether that is a shared type.
        into = edited(alice.doc, lambda: paragraph.children.append(pycrdt.XmlText("x")))
        assert not room.take_now(alice.member, [into])
        await alice.says(Update(into))
        await until(lambda: "<paragraph>x</paragraph>" in content_of(bob))


def content_of(player: Player) -> str:
    return str(player.doc.get("content", type=pycrdt.XmlFragment))


async def test_paragraphs_that_may_nest_deeply_are_looked_at_one_by_one() -> None:
    async with stage.staged() as scene:
        room, [alice, bob] = await crowd(scene, "alice", "bob")
        keeps_waiting(room)
        room._replica.nesting_bound = 9_998
        many = [edited(alice.doc, typing(alice.doc, 0, "¶")) for _ in range(2)]
        assert room.take_now(alice.member, many) == 1
        await alice.says(Update(many[1]))
        await until(lambda: content_of(bob).count("<paragraph>") == 2)
        assert room._replica.nesting_bound < 100


async def test_who_is_sent_away_over_what_they_typed_has_nothing_more_taken() -> None:
    async with stage.staged() as scene:
        room, [alice, _] = await crowd(scene, "alice", "bob")
        keeps_waiting(room)
        edits = [alice.inserts("x") for _ in range(100)]
        with patch.object(Member, "charge", side_effect=TooManyRequests("too much")):
            assert room.take_now(alice.member, edits) == 64
        await until(lambda: isinstance(alice.closed_with, TooManyRequests))


async def test_one_member_has_the_processor_for_some_milliseconds_at_most() -> None:
    async with stage.staged() as scene:
        room, [alice, _] = await crowd(scene, "alice", "bob")
        keeps_waiting(room)
        check_now, clock = room._intake.check_now, room._loop.time

        def takes_two_ms(update: bytes) -> Any:
            until_then = clock() + 0.002
            while clock() < until_then:
                pass
            return check_now(update)

        edits = [alice.inserts("x") for _ in range(50)]
        with patch.object(room._intake, "check_now", takes_two_ms):
            assert 0 < room.take_now(alice.member, edits) <= 4
        assert room._stretch.work_s >= 0.002


async def test_where_each_edit_takes_long_they_are_taken_one_by_one() -> None:
    def takes_long(self: Replica, update: bytes, scan: object) -> None:
        end = thread_time() + 0.01
        while thread_time() < end:
            pass
        APPLY(self, update, scan)  # type: ignore[arg-type]

    async with stage.staged() as scene:
        room, [alice, bob] = await crowd(scene, "alice", "bob")
        with patch.object(Replica, "apply", takes_long):
            await bob.types("slowly")
            await until(lambda: "slowly" in alice.text)
        assert not room.take_now(bob.member, [bob.inserts("not now")])


async def test_what_comes_from_elsewhere_meets_what_was_taken_before() -> None:
    # A forger says one clock twice, at two processes.
    async with stage.staged() as scene:
        here, there = await scene.room(is_alone=False), await scene.room(is_alone=False)
        alice, eve = await scene.player(here, "alice"), await scene.player(here, "eve")
        await alice.types("begun ")
        twin = await scene.player(there, "eve")
        await until(lambda: eve.text == twin.text == "begun ")
        for player in (eve, twin):
            before = player.doc.get_state()
            forger: pycrdt.Doc[Any] = pycrdt.Doc(client_id=77)
            forger.apply_update(player.doc.get_update())
            words = forger.get("text", type=pycrdt.Text)
            words.insert(6, "one" if player is eve else "two")
            forged = forger.get_update(before)
            if player is eve:
                keeps_waiting(here)
            assert player.room.take_now(player.member, [forged])
        await until(lambda: here.head == there.head == len(scene.log.updates) == 3)
        late = await scene.player(here, "late")
        await until(lambda: late.text == alice.text)


async def come_again(room: Room, player: Player) -> None:
    again = Player(room, player.member.identity.name, Role.EDITOR, Wishes())
    again.doc = player.doc
    await again.syncs()


Typed = tuple[int, int, str, bool]  # who, where, what; whether others' edits are seen before
EDITS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 50),
        st.text("ab", max_size=3) | st.just("¶"),
        st.booleans(),
    ),
    max_size=25,
)


@given(EDITS)
def test_taking_edits_together_is_taking_them_one_by_one(edits: list[Typed]) -> None:
    docs: list[pycrdt.Doc[Any]] = [pycrdt.Doc(client_id=number) for number in (1, 2, 3)]
    together, alone, stretch = Replica(), Replica(), Stretch()
    said: list[bytes] = []
    for who, where, what, sees in edits:
        doc = docs[who]
        if sees:
            for update in said:
                doc.apply_update(update)
        said.append(edited(doc, typing(doc, where, what)))
        update, scan = check(said[-1], max_depth=64)
        alone.apply(update, scan)
        if not stretch.may_hold(scan, together.clocks):
            stretch = taken_up(stretch, together)
            together.apply(update, scan)
        else:
            stretch.add(None, 0, update, scan)  # type: ignore[arg-type]
    taken_up(stretch, together)
    assert together.clocks == alone.clocks
    assert together.settled_state() == alone.settled_state()


def typing(doc: "pycrdt.Doc[Any]", where: int, what: str) -> Callable[[], Any]:
    """Insert some text or a paragraph somewhere; nothing: delete the text."""
    if what == "¶":
        blocks = doc.get("content", type=pycrdt.XmlFragment).children
        paragraph = pycrdt.XmlElement("paragraph", {}, [pycrdt.XmlText("x")])
        return lambda: blocks.insert(where % (len(blocks) + 1), paragraph)
    words = doc.get("text", type=pycrdt.Text)
    return (lambda: words.insert(where % (len(words) + 1), what)) if what else words.clear


def taken_up(stretch: Stretch, replica: Replica) -> Stretch:
    if stretch:
        (whole,) = stretch.merged().values()
        replica.apply(whole, stretch.scan())
    return Stretch()


async def test_what_one_process_has_checked_the_others_take_as_it_is() -> None:
    async with stage.staged() as scene:
        here, there = await scene.room(is_alone=False), await scene.room(is_alone=False)
        bob, carol = await scene.player(here, "bob"), await scene.player(there, "carol")
        await bob.types("begun ")
        await until(lambda: carol.text == "begun ")
        with patch.object(there._intake, "check", side_effect=InvalidUpdate("checked again")):
            await bob.types("and checked")
            await until(lambda: carol.text == "begun and checked")
            keeps_waiting(here)
            for words in (", twice", " in one", " interval"):
                await bob.types(words)
                here.take_up()
            await until(lambda: carol.text == "begun and checked, twice in one interval")
        await until(lambda: there.head == here.head == len(scene.log.updates))


def test_what_a_stretch_holds_goes_over_the_bus() -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=2**53 - 1)
    words = doc.get("text", type=pycrdt.Text)
    replica, stretch = Replica(), Stretch()
    replica.apply(*check(edited(doc, lambda: words.insert(0, "abcd")), max_depth=64))
    edits: list[Callable[[], Any]] = [
        lambda: words.insert(4, "👧"),
        lambda: words.__delitem__(slice(0, 2)),
        typing(doc, 0, "¶"),
    ]
    for edit in edits:
        update, scan = check(edited(doc, edit), max_depth=64)
        assert stretch.may_hold(scan, replica.clocks)
        stretch.add(None, 0, update, scan)  # type: ignore[arg-type]
    held = stretch.scan()
    assert held.has_pairs
    assert held.deletes
    assert held.types == 2
    said = msgpack.unpackb(msgpack.packb(as_message(held)))
    assert from_message(said, held.types) == held


@given(EDITS)
def test_stretches_one_after_another_hold_what_one_would(edits: list[Typed]) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=1)
    one, several = Stretch(), [Stretch()]
    for _, where, what, ends in edits:
        update, scan = check(edited(doc, typing(doc, where, what)), max_depth=64)
        if one.may_hold(scan, {}):
            for stretch in (one, several[-1]):
                stretch.add(None, 0, update, scan)  # type: ignore[arg-type]
        if ends and several[-1]:
            several.append(Stretch())
    if one:
        assert joined(each.scan() for each in several if each) == one.scan()
