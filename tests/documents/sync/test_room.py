"""A room: everybody converges, acks mean committed, and nobody does more than they may."""

import asyncio
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pycrdt
import pytest

from collab.errors import InvalidUpdate, NoAccess, NotFound, TooLarge, Unavailable
from documents.access import Standing
from documents.models import Role
from documents.protocol.messages import Awareness, QueryAwareness, SyncStep1, SyncStep2, Update
from documents.sync.guard import scan
from documents.sync.replica import Replica, ReplicaBroken, merge
from documents.sync.room import Room
from presence.awareness import ClientState, decode_states
from tests.documents.sync.stage import Player, Stage, staged


async def until(condition: Callable[[], Any], *, within: float = 5) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.002)


async def a_moment() -> None:
    """Long enough for anything that was wrongly sent to arrive."""
    await asyncio.sleep(0.03)


def cursor_of(client: int, clock: int) -> Awareness:
    """One awareness state of a client that claims to be somebody else."""
    from collab.lib0 import write_var_bytes, write_var_uint

    state = b'{"user":{"name":"Somebody Else"},"cursor":1}'
    entry = write_var_uint(client) + write_var_uint(clock) + write_var_bytes(state)
    return Awareness(write_var_uint(1) + entry)


def states_in(payload: bytes) -> list[ClientState]:
    return decode_states(payload, max_states=100, max_state_bytes=10_000)


# -- Convergence ----------------------------------------------------------------------------
async def test_what_one_types_the_others_see() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob, carol = await stage.player(room, "bob"), await stage.player(room, "carol")
        await bob.types("hello ")
        await until(lambda: carol.text == "hello ")
        await carol.types("world")
        await until(lambda: bob.text == carol.text == "hello world")
        await until(lambda: stage.log.text == "hello world")


async def test_edits_made_offline_arrive_with_the_first_answer() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        await bob.types("online ")
        bob.leaves()
        bob.inserts("offline")
        again = await stage.player(room, "bob")
        again.doc.apply_update(bob.doc.get_update(b"\x00"))
        await again.says(SyncStep2(again.doc.get_update(b"\x00")))
        late = await stage.player(room, "late")
        await until(lambda: late.text == "online offline")


async def test_updates_out_of_order_reach_a_late_joiner_too() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob, carol = await stage.player(room, "bob"), await stage.player(room, "carol")
        first, second = bob.inserts("one "), bob.inserts("two")
        await bob.says(Update(second))
        late = await stage.player(room, "late")
        await bob.says(Update(first))
        await until(lambda: carol.text == late.text == "one two")
        await until(lambda: stage.log.text == "one two")


async def test_a_burst_leaves_as_few_frames() -> None:
    async with staged(flush_interval_ms=20) as stage:
        room = await stage.room()
        bob, carol = await stage.player(room, "bob"), await stage.player(room, "carol")
        for _ in range(200):
            await bob.types("x")
        await until(lambda: carol.text == "x" * 200)
        assert len(carol.all_heard(Update)) <= 3


async def test_a_state_above_the_frame_limit_arrives_in_parts() -> None:
    async with staged(max_message_bytes=64 * 1024) as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        for _ in range(12):
            await bob.types("long " * 4000, at=0)
        await until(lambda: stage.log.text == bob.text)
        late = await stage.player(room, "late")
        await until(lambda: late.text == bob.text)
        parts = [*late.all_heard(Update), *late.all_heard(SyncStep2)]
        assert len(parts) >= 4
        assert all(len(message.update) <= 64 * 1024 for message in parts)
        assert isinstance(late.heard[-1], SyncStep2)


# -- Acknowledgements -----------------------------------------------------------------------
async def test_an_ack_comes_only_after_the_commit() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob", ack_count=True)
        await until(lambda: bob.saved == 1)  # the first answer, which added nothing
        stage.log.may_commit.clear()
        await bob.types("a")
        await bob.types("b")
        await a_moment()
        assert bob.saved == 1
        stage.log.may_commit.set()
        await until(lambda: bob.saved == 3)
        assert stage.log.text == "ab"


async def test_a_resent_update_is_acknowledged_no_sooner_than_the_first() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob", ack_count=True)
        stage.log.may_commit.clear()
        update = await bob.types("a")
        bob.leaves()
        again = await stage.player(room, "bob", ack_count=True)
        await again.says(Update(update))
        await a_moment()
        assert again.saved == 0
        stage.log.may_commit.set()
        await until(lambda: again.saved == 2)
        assert len(stage.log.updates) == 1


async def test_an_echo_comes_back_after_the_commit_and_not_before() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob", ack_echo=True)
        carol = await stage.player(room, "carol")
        stage.log.may_commit.clear()
        update = await bob.types("a")
        await carol.types("b")
        await until(lambda: bob.text == carol.text)
        assert not any(
            pycrdt.get_state(m.update) == pycrdt.get_state(update) for m in bob.all_heard(Update)
        )
        stage.log.may_commit.set()
        await until(lambda: Update(update) in bob.heard)


async def test_where_many_type_at_once_an_echo_still_comes_after_the_commit_only() -> None:
    async with staged(flush_interval_ms=30) as stage:
        room = await stage.room()
        echoing = [await stage.player(room, f"echo {n}", ack_echo=True) for n in range(2)]
        plain = [await stage.player(room, f"plain {n}") for n in range(8)]
        everybody = [*echoing, *plain]
        await a_moment()
        stage.log.may_commit.clear()
        heard = {player: len(player.all_heard(Update)) for player in everybody}
        own = {player: await player.types(f"<{n}>", at=0) for n, player in enumerate(everybody)}
        await until(lambda: len({player.text for player in everybody}) == 1)
        for player in echoing:
            assert not any(
                _holds(said.update, own[player])
                for said in player.all_heard(Update)[heard[player] :]
            )
        stage.log.may_commit.set()
        for player in echoing:
            await until(
                lambda player=player: any(
                    _holds(said.update, own[player]) for said in player.all_heard(Update)
                )
            )


def _holds(update: bytes, part: bytes) -> bool:
    (client, (_, end)), *_ = scan(part).clocks.items()
    return scan(update).clocks.get(client, (0, 0))[1] >= end


async def test_nobody_who_did_not_ask_hears_an_ack_nor_one_who_types_alone_an_echo() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob, carol = await stage.player(room, "bob"), await stage.player(room, "carol")
        await asyncio.gather(*(bob.types("a") for _ in range(20)))
        await until(lambda: len(carol.text) == len(stage.log.text) == 20)
        await a_moment()
        assert {type(message) for message in bob.heard} == {SyncStep1, SyncStep2}


async def test_while_the_database_is_away_editing_goes_on_and_nothing_is_acknowledged() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob", ack_count=True)
        carol = await stage.player(room, "carol")
        await until(lambda: bob.saved == 1)
        stage.log.is_away = True
        await bob.types("still here")
        await until(lambda: carol.text == "still here")
        await a_moment()
        assert bob.saved == 1
        stage.log.is_away = False
        await until(lambda: bob.saved == 2)
        assert stage.log.text == "still here"


async def test_a_full_memory_refuses_before_the_replica_changes() -> None:
    async with staged(max_pending_bytes=1024 * 1024) as stage:
        room = await stage.room()
        bob, carol = await stage.player(room, "bob"), await stage.player(room, "carol")
        stage.log.is_away = True
        await bob.types("x" * 1_000_000)
        with pytest.raises(Unavailable):
            await bob.types("y" * 100_000)
        await until(lambda: "x" in carol.text)
        assert "y" not in carol.text
        late = await stage.player(room, "late")
        assert "y" not in late.text


# -- Roles ----------------------------------------------------------------------------------
async def test_a_viewer_may_watch_but_not_write() -> None:
    async with staged() as stage:
        room = await stage.room()
        victor = await stage.player(room, "victor", Role.VIEWER)
        bob = await stage.player(room, "bob")
        await victor.types("x")
        await until(lambda: victor.denials == ["read-only"])
        await bob.types("hello")
        await until(lambda: "hello" in victor.text)
        assert bob.text == stage.log.text == "hello"


async def test_an_answer_of_a_viewer_that_adds_nothing_is_no_violation() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        await bob.types("hello")
        victor = await stage.player(room, "victor", Role.VIEWER, ack_count=True)
        await until(lambda: victor.text == "hello")
        await victor.says(SyncStep2(victor.doc.get_update(b"\x00")))
        await until(lambda: victor.saved == 2)
        assert victor.denials == []


async def test_a_viewers_deletion_is_refused_though_it_adds_no_content() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        await bob.types("hello")
        victor = await stage.player(room, "victor", Role.VIEWER)
        await until(lambda: victor.text == "hello")
        del victor.doc.get("text", type=pycrdt.Text)[0:4]
        await victor.says(SyncStep2(victor.doc.get_update(b"\x00")))
        await until(lambda: victor.denials == ["read-only"])
        late = await stage.player(room, "late")
        await until(lambda: late.text == bob.text == "hello")


async def test_acks_stop_short_of_what_was_refused() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob", ack_count=True)
        await bob.types("a")
        await until(lambda: bob.saved == 2)
        bob.member.role = Role.VIEWER
        await bob.types("b")
        bob.member.role = Role.EDITOR
        await bob.types("c")
        await a_moment()
        assert bob.saved == 2


async def test_changed_access_reaches_those_who_are_inside() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob", events=True)
        carol = await stage.player(room, "carol", Role.VIEWER, events=True)
        mallory = await stage.player(room, "mallory")
        stage.roles = {"bob": Role.VIEWER, "carol": Role.EDITOR, "mallory": None}
        await stage.layer.group_send(f"document.{stage.document_id}", {"type": "access.changed"})
        await until(lambda: bob.roles == ["viewer"] and carol.roles == ["editor"])
        await until(lambda: isinstance(mallory.closed_with, NoAccess))
        await bob.types("x")
        await until(lambda: bob.denials == ["read-only"])


async def test_access_is_withdrawn_as_soon_as_the_database_is_back() -> None:
    async with staged() as stage:
        room = await stage.room()
        mallory = await stage.player(room, "mallory")
        stage.roles = {}  # asking fails
        message = {"type": "access.changed"}
        await stage.layer.group_send(f"document.{stage.document_id}", message)
        await a_moment()
        assert mallory.closed_with is None
        stage.roles = {"mallory": None}
        await stage.sweep()
        await until(lambda: isinstance(mallory.closed_with, NoAccess))
        with pytest.raises(NoAccess):
            await mallory.types("one last word")


async def test_a_deleted_document_sends_everybody_away() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        stage.roles = None
        await room.recheck_access(list(room.members))
        await until(lambda: isinstance(bob.closed_with, NotFound))
        with pytest.raises(NotFound):
            await stage.player(room, "carol")


# -- Bad input ------------------------------------------------------------------------------
async def test_a_malformed_update_is_refused_and_nobody_else_notices() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob, carol = await stage.player(room, "bob"), await stage.player(room, "carol")
        with pytest.raises(InvalidUpdate):
            await bob.says(Update(b"\x01\x02\x03"))
        await carol.types("fine")
        await until(lambda: bob.text == "fine")
        assert stage.log.quarantined == []


async def test_an_update_that_breaks_the_replica_is_quarantined_and_the_room_rebuilt() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob, carol = await stage.player(room, "bob"), await stage.player(room, "carol")
        await bob.types("kept ")
        await until(lambda: carol.text == stage.log.text == "kept ")
        stage.log.may_commit.clear()
        await carol.types("and what is still owed")
        await until(lambda: bob.text.endswith("owed"))
        fatal = bob.inserts("fatal")
        with (
            patch.object(Replica, "apply", side_effect=ReplicaBroken("panic")),
            pytest.raises(InvalidUpdate),
        ):
            await room.receive(bob.member, Update(fatal))
        assert stage.log.quarantined == [fatal]
        stage.log.may_commit.set()
        late = await stage.player(room, "late")
        await until(lambda: late.text == "kept and what is still owed")
        await late.types("!")
        await until(lambda: stage.log.text == "kept and what is still owed!")


async def test_a_rebuilt_room_tells_what_its_log_had_and_nobody_had_heard() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob, carol = await stage.player(room, "bob"), await stage.player(room, "carol")
        await bob.types("here ")
        await until(lambda: carol.text == stage.log.text == "here ")
        stage.log.updates.append(elsewhere(stage, "and there"))
        await breaks(room, bob)
        await until(lambda: carol.text == bob.text == stage.log.text)
        assert "and there" in carol.text


@pytest.mark.parametrize("is_looked_at_in_a_thread", [False, True])
async def test_who_reads_slowly_misses_nothing_of_what_a_rebuild_brings(
    *, is_looked_at_in_a_thread: bool
) -> None:
    async with staged(max_backlog_bytes=16 * 1024) as stage:
        room = await stage.room()
        bob, carol = await stage.player(room, "bob"), await stage.player(room, "carol")
        await a_moment()
        carol.reads.clear()
        size = 100_000 if is_looked_at_in_a_thread else 100
        stage.log.updates.append(elsewhere(stage, "x" * size))
        if is_looked_at_in_a_thread:  # falls behind while that is done
            checked = room._intake.check

            async def fall_behind_meanwhile(update: bytes, *, is_stored: bool) -> object:
                room._answers.fell_behind(carol.member)
                return await checked(update, is_stored=is_stored)

            with patch.object(room._intake, "check", fall_behind_meanwhile):
                await room._reload()
        else:  # is behind already
            room._answers.fell_behind(carol.member)
            await room._reload()
        carol.reads.set()
        carol.member._have_it_carried()
        await until(lambda: carol.text == bob.text == "x" * size)


async def test_who_leaves_amid_a_rebuild_takes_nothing_from_the_others() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob, carol = await stage.player(room, "bob"), await stage.player(room, "carol")
        stage.log.updates.append(elsewhere(stage, "x" * 100_000))
        looks = asyncio.Event()

        async def for_ever(update: bytes, *, is_stored: bool) -> None:
            looks.set()
            await asyncio.Event().wait()

        with patch.object(room._intake, "check", for_ever):
            rebuilding = asyncio.create_task(room._reload())
            await looks.wait()
            rebuilding.cancel()
            await asyncio.gather(rebuilding, return_exceptions=True)
        for player in (bob, carol):  # they connect again, and have it from the first answer
            await until(lambda player=player: isinstance(player.closed_with, Unavailable))


def elsewhere(stage: Stage, text: str) -> bytes:
    """Another process commits that, and the bus loses it."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    if stage.log.updates:
        doc.apply_update(merge(stage.log.updates))
    before, words = doc.get_state(), doc.get("text", type=pycrdt.Text)
    words.insert(len(words), text)
    return doc.get_update(before)


async def breaks(room: Room, player: Player) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    words = doc.get("text", type=pycrdt.Text)
    words.insert(0, "fatal")
    fatal = doc.get_update()
    with (
        patch.object(Replica, "apply", side_effect=ReplicaBroken("panic")),
        pytest.raises(InvalidUpdate),
    ):
        await room.receive(player.member, Update(fatal))


async def test_a_room_that_cannot_be_rebuilt_sends_everybody_away() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob, carol = await stage.player(room, "bob"), await stage.player(room, "carol")
        update = bob.inserts("fatal")
        with (
            patch.object(Replica, "apply", side_effect=ReplicaBroken("panic")),
            patch.object(room, "_read", stage.unreadable),
            pytest.raises(Unavailable),
        ):
            await room.receive(bob.member, Update(update))
        await until(lambda: isinstance(carol.closed_with, Unavailable))
        assert room.has_failed


async def test_a_document_cannot_outgrow_its_limit_but_may_shrink() -> None:
    async with staged(max_document_bytes=64 * 1024) as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        await bob.types("x" * 60_000)
        with pytest.raises(TooLarge):
            await bob.types("y" * 10_000)
        carol = await stage.player(room, "carol")
        await until(lambda: len(carol.text) == 60_000)
        text = carol.doc.get("text", type=pycrdt.Text)
        before = carol.doc.get_state()
        del text[0:30_000]
        await carol.says(Update(carol.doc.get_update(before)))
        await until(lambda: len(stage.log.text) == 30_000)


# -- Presence -------------------------------------------------------------------------------
async def test_a_cursor_bears_the_name_of_who_is_connected() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        victor = await stage.player(room, "victor", Role.VIEWER)
        await bob.says(cursor_of(7, clock=1))
        await until(lambda: bob.awareness and victor.awareness)
        for player in (bob, victor):  # the sender too: some clients hang up on silence
            (state,) = states_in(player.awareness[-1])
            assert state.state is not None
            assert (state.client, state.state["user"]["name"]) == (7, "bob")
        bob.leaves()
        await until(lambda: states_in(victor.awareness[-1]) == [ClientState(7, 2, None)])


async def test_a_newcomer_is_told_who_is_here() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        await bob.says(cursor_of(7, clock=1))
        await until(lambda: bob.awareness)
        late = await stage.player(room, "late")
        await until(lambda: late.awareness)
        assert [state.client for state in states_in(late.awareness[0])] == [7]
        await late.says(QueryAwareness())
        await until(lambda: len(late.awareness) == 2)


async def test_silence_is_broken_before_a_client_hangs_up() -> None:
    async with staged(heartbeat_s=15) as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        now = asyncio.get_running_loop().time()
        room.tick(now + 14)
        await a_moment()
        assert bob.awareness == []
        room.tick(now + 16)
        await until(lambda: bob.awareness == [b"\x00"])


# -- The rest ------------------------------------------------------------------------------
async def test_a_replica_that_breaks_while_reading_makes_way_for_a_new_one() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        await bob.types("kept")
        await until(lambda: stage.log.text == "kept")
        room._replica._doc = None  # as after a panic
        with pytest.raises(ReplicaBroken):
            await bob.says(SyncStep1(b"\x00"))
        room.tick(asyncio.get_running_loop().time())
        await until(lambda: isinstance(bob.closed_with, Unavailable))
        assert room.has_failed
        late = await stage.player(await stage.room(), "late")
        await until(lambda: late.text == "kept")


async def test_an_event_reaches_the_pages_that_asked_for_events() -> None:
    async with staged() as stage:
        room = await stage.room()
        page = await stage.player(room, "page", events=True)
        plain = await stage.player(room, "plain")
        message = {"type": "document.event", "event": "title", "data": {"title": "New"}}
        await stage.layer.group_send(f"document.{stage.document_id}", message)
        await until(lambda: page.events)
        assert (page.events[0].event, page.events[0].data) == ("title", {"title": "New"})
        assert plain.events == []


# -- Life -----------------------------------------------------------------------------------
async def test_a_room_closes_only_when_it_is_empty_and_owes_nothing() -> None:
    async with staged(room_grace_s=10) as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        now = asyncio.get_running_loop().time()
        assert not room.may_close(now + 60)
        stage.log.may_commit.clear()
        await bob.types("last words")
        bob.leaves()
        await a_moment()
        assert not room.may_close(now + 60)
        stage.log.may_commit.set()
        await until(lambda: stage.log.text == "last words")
        await a_moment()
        assert not room.may_close(now + 5)
        assert room.may_close(now + 60)


async def test_many_joiners_cost_one_encoding() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        for _ in range(20):
            await bob.types("a long paragraph " * 400, at=0)
        encoded: list[Player] = []
        original = Replica.difference

        def counting(replica: Replica, state_vector: bytes) -> bytes:
            encoded.append(bob)
            return original(replica, state_vector)

        with patch.object(Replica, "difference", counting):
            joiners = await asyncio.gather(*(stage.player(room, f"p{n}") for n in range(50)))
        await until(lambda: all(joiner.text == bob.text for joiner in joiners))
        assert len(encoded) == 1


async def test_an_older_answer_does_not_overwrite_a_newer_one() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        answers = [asyncio.get_running_loop().create_future() for _ in range(2)]
        asked: list[int] = []

        async def standings(document_id: Any, principals: Any) -> list[Standing]:
            asked.append(len(asked))
            role: Role = await answers[asked[-1]]
            return [Standing(role)]

        room.door._standings = standings
        first = asyncio.create_task(room.recheck_access(list(room.members)))
        second = asyncio.create_task(room.recheck_access(list(room.members)))
        await a_moment()
        answers[1].set_result(Role.VIEWER)
        await a_moment()
        answers[0].set_result(Role.EDITOR)  # read before the change that the second one sees
        await asyncio.gather(first, second)
        assert bob.member.role == Role.VIEWER
