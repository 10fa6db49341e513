"""Rooms of one document in several processes: they converge, whatever the bus loses or who dies."""

import asyncio
from unittest.mock import patch

from collab.errors import Unavailable
from documents.models import Role
from documents.protocol.messages import Event, SyncStep2, Update
from documents.sync.bus import Heard
from documents.sync.hearsay import Hearsay
from documents.sync.position import Position
from tests.documents.sync.stage import Player, Stage, staged
from tests.documents.sync.test_room import a_moment, cursor_of, states_in, until


async def two_rooms(stage: Stage) -> tuple[Player, Player]:
    """Bob here and Carol there, with acks."""
    here, there = await stage.room(is_alone=False), await stage.room(is_alone=False)
    return (
        await stage.player(here, "bob", ack_count=True),
        await stage.player(there, "carol", ack_count=True),
    )


# -- Converging -----------------------------------------------------------------------------
async def test_rooms_of_two_processes_converge() -> None:
    async with staged() as stage:
        here, there = await stage.room(is_alone=False), await stage.room(is_alone=False)
        bob, carol = await stage.player(here, "bob"), await stage.player(there, "carol")
        await bob.types("hello ")
        await until(lambda: carol.text == "hello ")
        await carol.types("world")
        await until(lambda: bob.text == "hello world")
        await bob.says(cursor_of(7, clock=1))
        await until(lambda: carol.awareness)
        assert [state.client for state in states_in(carol.awareness[-1])] == [7]


async def test_what_the_bus_lost_is_fetched_from_the_log() -> None:
    async with staged() as stage:
        here, there = await stage.room(is_alone=False), await stage.room(is_alone=False)
        bob, carol = await stage.player(here, "bob"), await stage.player(there, "carol")
        await bob.types("one ")
        await until(lambda: carol.text == "one ")
        with patch.object(stage.layer, "group_send", side_effect=ConnectionError):
            await bob.types("two ")
            await until(lambda: stage.log.text == "one two ")
        await a_moment()
        assert carol.text == "one "
        await bob.types("three")
        await until(lambda: carol.text == "one two three")


async def test_rows_of_others_between_ones_own_are_not_overlooked() -> None:
    async with staged() as stage:
        here, there = await stage.room(is_alone=False), await stage.room(is_alone=False)
        bob, carol = await stage.player(here, "bob"), await stage.player(there, "carol")
        with patch.object(stage.layer, "group_send", side_effect=ConnectionError):
            await bob.types("one ")
            await until(lambda: stage.log.text == "one ")
            await carol.types("two ")  # its commit ends at row 2, and row 1 never came
            await until(lambda: len(stage.log.updates) == 2)
            await a_moment()
        assert there.head < 2
        await stage.sweep()
        await until(lambda: "one" in carol.text and "two" in carol.text)
        assert there.head == 2


async def test_who_heard_everything_need_not_read_the_log() -> None:
    async with staged() as stage:
        bob, carol = await two_rooms(stage)
        reads = stage.log.reads
        for number in range(20):
            await bob.types(f"b{number} ")
            await carol.types(f"c{number} ")
        await until(lambda: bob.saved == carol.saved == 21)  # 20 edits and the first answer
        await until(lambda: bob.room.head == carol.room.head == len(stage.log.updates))
        await stage.sweep()
        assert stage.log.reads == reads


async def test_an_edit_published_before_a_room_opened_is_not_overlooked() -> None:
    async with staged() as stage:
        here = await stage.room(is_alone=False)
        bob = await stage.player(here, "bob")
        stage.log.may_commit.clear()
        await bob.types("early ")
        await a_moment()  # on the bus, where nobody hears it; not in the log yet
        there = await stage.room(is_alone=False)
        carol = await stage.player(there, "carol")
        assert carol.text == ""
        stage.log.may_commit.set()
        await until(lambda: carol.text == "early ")  # without any further edit or sweep
        assert there.head == 1


async def test_a_newcomers_process_learns_who_is_in_the_others() -> None:
    async with staged() as stage:
        here = await stage.room(is_alone=False)
        bob = await stage.player(here, "bob")
        await bob.says(cursor_of(7, clock=1))
        there = await stage.room(is_alone=False)
        carol = await stage.player(there, "carol")
        await until(lambda: carol.awareness)
        assert [state.client for state in states_in(carol.awareness[-1])] == [7]


# -- Where nobody else is there -------------------------------------------------------------
async def silent_room(stage: Stage) -> Player:
    """Bob, alone in the only room, which knows that it is."""
    bob = await stage.player(await stage.room(is_alone=False), "bob", ack_count=True)
    await bob.types("one ")
    await until(lambda: bob.saved == 2)
    await until(lambda: not bob.room._seat.is_heard)
    stage.layer.sent.clear()
    return bob


async def test_nothing_is_said_to_nobody() -> None:
    async with staged() as stage:
        bob = await silent_room(stage)
        for number in range(10):
            await bob.types(f"{number} ")
            await bob.says(cursor_of(7, clock=number + 1))
        await until(lambda: bob.saved == 12)
        await a_moment()
        assert stage.layer.sent == []


async def test_who_comes_gets_what_was_said_to_nobody() -> None:
    async with staged() as stage:
        bob = await silent_room(stage)
        await bob.says(cursor_of(7, clock=1))
        stage.log.may_commit.clear()
        await bob.types("two ")  # not in the log when the other room reads it
        await a_moment()
        assert stage.layer.sent == []
        carol = await stage.player(await stage.room(is_alone=False), "carol")
        assert carol.text == "one "
        stage.log.may_commit.set()
        await until(lambda: carol.text == "one two ")  # without any further edit or sweep
        await until(lambda: carol.awareness)
        await bob.types("three ")
        await until(lambda: carol.text == "one two three ")
        await carol.types("four")
        await until(lambda: bob.text == "one two three four")


async def test_who_comes_gets_what_was_committed_before_they_were_noticed() -> None:
    async with staged() as stage:
        bob = await silent_room(stage)
        stage.log.may_commit.clear()
        await bob.types("two ")
        may_hear, hear = asyncio.Event(), bob.room._hear

        async def hear_late(heard: Heard) -> None:
            await may_hear.wait()
            await hear(heard)

        with patch.object(bob.room, "_hear", hear_late):
            event = {"type": "document.event", "event": "title", "data": {"title": "New"}}
            await stage.layer.group_send(f"document.{stage.document_id}", event)
            carol = await stage.player(await stage.room(is_alone=False), "carol")
            stage.log.may_commit.set()
            await until(lambda: bob.saved == 3)
            await a_moment()
            assert not bob.room._seat.is_heard
            assert carol.text == "one "
            may_hear.set()
            await until(lambda: carol.text == "one two ")


async def test_who_was_there_and_missed_only_what_was_not_said_knows_it_by_the_numbers() -> None:
    async with staged() as stage:
        bob, carol = await two_rooms(stage)
        await bob.types("one ")
        await until(lambda: carol.text == "one " and carol.room.head == 1)
        solitude = bob.room._seat._solitude
        with patch.object(solitude, "is_sure", return_value=True):  # wrongly: Carol was away
            await bob.types("two ")
            await until(lambda: bob.saved == 3)
            await a_moment()
            assert carol.text == "one "
        await bob.says(cursor_of(7, clock=1))
        await until(lambda: carol.text == "one two ")


async def test_what_a_room_of_this_process_left_to_the_log_is_told_by_the_next() -> None:
    async with staged() as stage:
        first = await stage.room(is_alone=False)
        bob = await stage.player(first, "bob")
        stage.log.may_commit.clear()
        await bob.types("one ")
        await a_moment()
        again = await stage.room_after(first)
        carol = await stage.player(await stage.room(is_alone=False), "carol")
        assert carol.text == ""  # nobody has told, and the log does not have it
        stage.log.may_commit.set()
        await until(lambda: carol.text == "one ")
        assert again.head == 1


@patch("documents.sync.room._RETRY_S", 0.01)
async def test_a_room_opens_though_the_bus_is_away_and_hears_it_when_it_is_back() -> None:
    async with staged() as stage:
        here = await stage.room(is_alone=False)
        bob = await stage.player(here, "bob")
        with patch.object(stage.layer, "group_add", side_effect=ConnectionError):
            there = await stage.room(is_alone=False)
            carol = await stage.player(there, "carol")
            await bob.types("one ")
            await until(lambda: stage.log.text == "one ")
            await a_moment()
            assert carol.text == ""
        await a_moment()  # the next attempt
        await stage.sweep()
        await until(lambda: carol.text == "one ")
        await bob.types("two")
        await until(lambda: carol.text == "one two")


# -- Acknowledging --------------------------------------------------------------------------
async def test_what_another_process_has_not_committed_is_not_acknowledged_here() -> None:
    async with staged() as stage:
        here = await stage.room(is_alone=False, commits=False)
        there = await stage.room(is_alone=False)
        bob = await stage.player(here, "bob")
        carol = await stage.player(there, "carol", ack_count=True)
        update = await bob.types("only said")
        await until(lambda: carol.text == "only said")
        stage.kill(here)
        saved = carol.saved
        await carol.says(Update(update))  # told again by whoever had it from Bob
        await carol.says(SyncStep2(update))
        await a_moment()
        assert stage.log.updates == []
        assert carol.saved == saved


async def test_what_builds_on_another_processs_edit_waits_for_its_commit() -> None:
    async with staged() as stage:
        here = await stage.room(is_alone=False, commits=False)
        there = await stage.room(is_alone=False)
        bob = await stage.player(here, "bob")
        carol = await stage.player(there, "carol", ack_count=True)
        await bob.types("under")
        await until(lambda: carol.text == "under")
        saved = carol.saved
        await carol.types("stood")
        await until(lambda: len(stage.log.updates) == 1)
        await a_moment()
        assert carol.saved == saved  # the log has Carol's half alone


async def test_what_a_process_said_before_it_died_is_stored_by_who_heard_it() -> None:
    async with staged() as stage:
        here = await stage.room(is_alone=False, commits=False)
        there = await stage.room(is_alone=False)
        bob = await stage.player(here, "bob")
        carol = await stage.player(there, "carol", ack_count=True)
        await bob.types("last words")
        await until(lambda: carol.text == "last words")
        await carol.types("!")
        stage.kill(here)
        now = asyncio.get_running_loop().time()
        assert not there.may_close(now + 1000)
        there.tick(now + 1)
        await a_moment()
        assert stage.log.text != "last words!"
        there.tick(now + 3)
        await until(lambda: carol.saved == 2)
        assert stage.log.text == "last words!"
        there.tick(now + 6)
        await a_moment()
        assert len(stage.log.updates) == 2  # once is enough


async def test_a_commit_that_the_bus_did_not_tell_is_acknowledged_all_the_same() -> None:
    async with staged() as stage:
        bob, carol = await two_rooms(stage)
        stage.log.may_commit.clear()
        await bob.types("one ")
        await until(lambda: carol.text == "one ")
        await carol.types("two ")
        with patch.object(stage.layer, "group_send", side_effect=ConnectionError):
            stage.log.may_commit.set()
            await until(lambda: bob.saved == 2)
            await a_moment()
            assert carol.saved == 1
        carol.room.tick(asyncio.get_running_loop().time() + 3)
        await until(lambda: carol.saved == 2)


# -- A message that cannot be handled -------------------------------------------------------
async def test_a_message_that_cannot_be_handled_holds_up_no_other() -> None:
    async with staged() as stage:
        room = await stage.room(is_alone=False)
        bob = await stage.player(room, "bob", events=True)
        group = f"document.{stage.document_id}"
        await stage.layer.group_send(group, {"type": "document.event"})  # without the event
        said = {"type": "document.event", "event": "title", "data": {"title": "New"}}
        await stage.layer.group_send(group, said)
        await until(lambda: bob.events == [Event("title", {"title": "New"})])


async def test_a_gap_is_healed_though_the_message_that_shows_it_cannot_be_handled() -> None:
    async with staged() as stage:
        bob, carol = await two_rooms(stage)
        with patch.object(stage.layer, "group_send", side_effect=ConnectionError):
            await bob.types("lost")
            await until(lambda: stage.log.text == "lost")
            await a_moment()
        stage.roles = {"bob": Role.EDITOR, "carol": Role.EDITOR}
        bad = {"type": "document.update", "origin": "x", "n": 7, "payload": b"x", "stored": True}
        await stage.layer.group_send(f"document.{stage.document_id}", bad)
        await a_moment()
        await stage.sweep()
        await until(lambda: carol.text == "lost")


async def test_what_could_not_be_applied_is_read_from_the_log_though_its_commit_was_heard() -> None:
    async with staged() as stage:
        bob, carol = await two_rooms(stage)
        stage.log.may_commit.clear()
        with patch.object(carol.room, "_take_foreign", side_effect=Unavailable("not now")):
            await bob.types("missed")
            await a_moment()
        stage.roles = {"bob": Role.EDITOR, "carol": Role.EDITOR}
        await stage.sweep()  # too early: the log does not have it yet
        assert carol.text == ""
        stage.log.may_commit.set()
        await until(lambda: carol.text == "missed")
        assert carol.room.head == 1


# -- The bookkeeping ------------------------------------------------------------------------
def test_hearsay_is_confirmed_by_whoever_said_it() -> None:
    hearsay = Hearsay()
    hearsay.hear("a", 1, b"one", now=0)
    hearsay.hear("b", 1, b"two", now=0)
    hearsay.hear("a", 2, b"three", now=1)
    assert (hearsay.latest, hearsay.confirmed) == (3, 0)
    hearsay.confirm("b", 1)
    assert hearsay.confirmed == 0  # what was said before is still open
    hearsay.confirm("a", 1)
    assert hearsay.confirmed == 2
    assert hearsay.take_overdue(heard_before=1) == {3: b"three"}
    assert hearsay.take_overdue(heard_before=1) == {}
    hearsay.stored([3])
    assert hearsay.confirmed == 3
    assert not hearsay


def test_rows_become_known_in_any_order() -> None:
    position = Position()
    position.know(2, 3)
    position.know(1, 2)
    assert position.head == 0
    position.know(0, 1)
    assert position.head == 3
    position.know(5, 6)
    position.read(5)
    assert position.head == 6
    position.know(0, 2)
    assert position.head == 6
