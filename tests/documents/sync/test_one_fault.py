"""One fault stays one: no document, process or row takes others with it. Found in review."""

import asyncio
from unittest.mock import patch

import pycrdt
import pytest

from collab.errors import InvalidUpdate, Unavailable
from documents.models import Role
from documents.protocol.messages import Update
from documents.sync.chunks import split_update
from documents.sync.replica import Replica, ReplicaBroken, merge
from tests.documents.sync.stage import staged
from tests.documents.sync.test_room import a_moment, until


def text_of(client_id: int, text: str) -> bytes:
    doc = pycrdt.Doc(client_id=client_id)
    doc.get("text", type=pycrdt.Text).insert(0, text)
    return doc.get_update()


async def test_a_room_that_is_opened_anew_acknowledges_only_what_the_log_has() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob", ack_count=True)
        await until(lambda: bob.saved == 1)
        stage.log.may_commit.clear()
        precious = await bob.types("precious")
        await a_moment()
        journal = room._journal
        room.fail(Unavailable("as when it could not be loaded"))
        await room.close()
        # The same process, hence the same journal, which still owes it.
        with (
            patch("tests.documents.sync.stage.Journal", lambda *_, **__: journal),
            patch.object(journal, "run", asyncio.Event().wait),
        ):
            again = await stage.room()
        late = await stage.player(again, "late", ack_count=True)
        await late.says(Update(precious))
        await a_moment()
        assert late.saved == 0
        stage.log.may_commit.set()
        await until(lambda: late.saved == 2)
        assert stage.log.text == "precious"


async def test_whoever_fails_when_told_of_a_commit_does_not_end_the_journal() -> None:
    async with staged() as stage:
        room = await stage.room(is_alone=False)
        bob = await stage.player(room, "bob", ack_count=True)
        with patch.object(room._fanout, "flush", side_effect=RuntimeError):
            await bob.types("a")
            await until(lambda: room.has_failed)
        again = await stage.room()
        carol = await stage.player(again, "carol", ack_count=True)
        await carol.types("b")
        await until(lambda: "b" in stage.log.text)


async def test_a_commit_while_a_broken_replica_is_loaded_again_ends_nothing() -> None:
    real_apply = Replica.apply

    def breaks(self: Replica, update: bytes, scan: object) -> None:
        if b"EVIL" in update:
            self._doc = None
            raise ReplicaBroken("panic")
        real_apply(self, update, scan)  # type: ignore[arg-type]

    async with staged(max_backlog_bytes=16 * 1024) as stage:
        room = await stage.room()
        slow, bob, eve = [await stage.player(room, name) for name in ("slow", "bob", "eve")]
        await a_moment()
        slow.reads.clear()
        stage.log.may_commit.clear()
        may_read, read = asyncio.Event(), room._read

        async def slowly(*args: object) -> object:
            await may_read.wait()
            return await read(*args)  # type: ignore[arg-type]

        with patch.object(Replica, "apply", breaks), patch.object(room, "_read", slowly):
            room._fanout._timer._interval_s = 0.2  # what bob writes is still being gathered
            room._fanout._timer._not_before = asyncio.get_running_loop().time() + 0.2
            await bob.types("y" * 40_000)
            evil = asyncio.create_task(room.receive(eve.member, Update(eve.inserts("EVIL"))))
            await a_moment()
            stage.log.may_commit.set()
            await a_moment()
            may_read.set()
            with pytest.raises(InvalidUpdate):
                await evil
        await bob.types("later")
        await until(lambda: stage.log.text.endswith("later") or "later" in stage.log.text)


async def test_an_edit_that_nobody_can_store_does_not_grow_between_processes() -> None:
    async with staged() as stage:
        here, there = await stage.room(is_alone=False), await stage.room(is_alone=False)
        bob, carol = await stage.player(here, "bob"), await stage.player(there, "carol")
        stage.log.is_away = True
        await bob.types("x" * 10_000)
        await until(lambda: len(carol.text) == 10_000)
        now = asyncio.get_running_loop().time()
        for seconds in range(3, 60, 3):
            here.tick(now + seconds)
            there.tick(now + seconds)
            await asyncio.sleep(0.02)
        assert max(each._journal.pending_bytes for each in (here, there)) < 11_000
        stage.log.is_away = False
        await until(lambda: len(stage.log.text) == 10_000)


async def test_a_commit_covers_what_was_told_as_stored() -> None:
    """One room missed a message and could not apply the next: it has to read both."""
    async with staged() as stage:
        stage.roles = dict.fromkeys("abc", Role.EDITOR)
        here, there, third = [await stage.room(is_alone=False) for _ in range(3)]
        a, b, c = [
            await stage.player(room, name)
            for room, name in zip((here, there, third), "abc", strict=True)
        ]
        may_commit, append = asyncio.Event(), third._journal._append

        async def late(batch: object) -> object:
            await may_commit.wait()
            return await append(batch)  # type: ignore[arg-type]

        third._journal._append = late  # type: ignore[assignment]
        lost, send = [], stage.layer.group_send

        async def lossy(group: str, message: dict[str, object]) -> None:
            if (message["type"], message.get("origin")) == (
                "document.update",
                third._seat._origin,
            ) and not lost:
                lost.append(message)
                await stage.layer.group_discard(group, there._seat._channel)
                await send(group, message)
                await stage.layer.group_add(group, there._seat._channel)
                return
            await send(group, message)

        with patch.object(stage.layer, "group_send", lossy):
            before = c.doc.get_state()
            c.doc.get("content", type=pycrdt.Map)["t"] = pycrdt.Text("")
            await c.says(Update(c.doc.get_update(before)))
            await a_moment()
            before = a.doc.get_state()
            a.doc.get("content", type=pycrdt.Map)["t"].insert(0, "inside")
            here._fanout._timer._not_before = asyncio.get_running_loop().time() + 0.1
            await a.says(Update(a.doc.get_update(before)))  # committed before it is flushed
            await a_moment()
            may_commit.set()
            await a_moment()
        assert lost
        for _ in range(3):
            await stage.sweep()
            await a_moment()
        for player in (a, b, c):
            assert str(player.doc.get("content", type=pycrdt.Map)["t"]) == "inside"


async def test_what_is_in_the_log_is_not_refused_as_fatal() -> None:
    async with staged() as stage:
        here, there = await stage.room(is_alone=False), await stage.room(is_alone=False)
        stage.roles = {"bob": Role.EDITOR, "carol": Role.EDITOR}
        bob, carol = await stage.player(here, "bob"), await stage.player(there, "carol")
        with patch.object(stage.layer, "group_send", side_effect=ConnectionError):
            update = await bob.types("innocent ")
            await until(lambda: stage.log.text == "innocent ")
        there._intake.refuse_from_now_on([update])
        await bob.types("more")
        await stage.sweep()
        await until(lambda: carol.text == "innocent more")


async def test_access_is_asked_about_although_the_log_could_not_be_read() -> None:
    async with staged() as stage:
        room = await stage.room(is_alone=False)
        stage.roles = {"bob": Role.EDITOR}
        bob = await stage.player(room, "bob")
        stage.roles = {"bob": None}  # type: ignore[dict-item]
        room.door.ask_about_everybody()
        with patch.object(room, "_read", side_effect=ConnectionError), pytest.raises(Exception):  # noqa: B017,PT011 - whatever it is
            await room.heal(99)
        await until(lambda: bob.closed_with is not None)


async def test_one_clock_said_twice_is_cut_by_nobody() -> None:
    """Merged, yrs would cut 😀 in half; nothing reads what it writes then."""
    twice = [text_of(7, "a"), text_of(7, "😀")]
    assert split_update(merge(twice), 10) == [merge(twice)]
    async with staged(max_message_bytes=64 * 1024) as stage:
        room = await stage.room()
        bob, eve, dan = [await stage.player(room, name) for name in ("bob", "eve", "dan")]
        await a_moment()
        await eve.says(Update(twice[0]))
        with pytest.raises(InvalidUpdate):
            await eve.says(Update(twice[1]))
        await bob.types("innocent")
        await until(lambda: "innocent" in dan.text and "innocent" in stage.log.text)
        newcomer = await stage.player(room, "newcomer")
        await until(lambda: "innocent" in newcomer.text)


async def test_what_is_known_in_part_is_taken_from_there_on() -> None:
    async with staged() as stage:
        room = await stage.room()
        bob, dan = await stage.player(room, "bob"), await stage.player(room, "dan")
        doc = pycrdt.Doc(client_id=7)
        text = doc.get("text", type=pycrdt.Text)
        text.insert(0, "one ")
        await bob.says(Update(doc.get_update()))
        text.insert(4, "two")
        await bob.says(Update(doc.get_update()))  # the first part again
        await until(lambda: dan.text == "one two")
        await until(lambda: stage.log.text == "one two")
