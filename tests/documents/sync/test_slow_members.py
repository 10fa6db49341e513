"""Members that read too slowly: bounded memory, one difference, and the end of those who stop."""

import asyncio

import pycrdt
import pytest

from collab.errors import Unresponsive
from documents.models import Role
from documents.protocol.messages import QueryAwareness, SyncStep1, Update
from documents.sync.member import Wishes
from documents.sync.room import Room
from tests.documents.sync.stage import Player, Stage, staged
from tests.documents.sync.test_room import a_moment, cursor_of, until

KiB = 1024
WORDS = "x" * 1000


async def test_a_slow_reader_gets_one_difference_instead_of_every_edit() -> None:
    async with staged(max_backlog_bytes=16 * KiB) as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        slow, quick = await stage.player(room, "slow"), await stage.player(room, "quick")
        await a_moment()
        slow.reads.clear()
        for _ in range(200):
            await bob.types(WORDS)
            await asyncio.sleep(0)
        await until(lambda: quick.text == bob.text)
        assert slow.member.is_behind
        *within, _ = map(len, slow.member._outbox)  # the last one is of whatever had gathered
        assert sum(within) <= 16 * KiB
        heard = len(slow.all_heard(Update))
        slow.reads.set()
        await until(lambda: slow.text == bob.text)
        assert len(slow.all_heard(Update)) - heard < 40  # of 200
        await bob.types("the end")
        await until(lambda: slow.text == quick.text == bob.text)


async def writes_a_large_document(stage: Stage) -> Player:
    bob = await stage.player(await stage.room(), "bob")
    for _ in range(40):
        await bob.types(WORDS)
    return bob


async def opens_without_reading(room: Room) -> Player:
    reader = Player(room, "reader", Role.EDITOR, Wishes())
    reader.reads.clear()
    room.join(reader.member)
    await reader.says(SyncStep1(reader.doc.get_state()))
    await until(lambda: reader.member.is_behind)
    return reader


async def test_who_opens_a_large_document_in_which_nobody_writes_is_sent_no_difference() -> None:
    async with staged(max_backlog_bytes=16 * KiB) as stage:
        bob = await writes_a_large_document(stage)
        reader = await opens_without_reading(bob.room)
        reader.reads.set()
        await until(lambda: reader.text == bob.text)
        await until(lambda: not reader.member.is_behind)
        assert not reader.all_heard(Update)
        await bob.types("the end")
        await until(lambda: reader.text == bob.text)


async def test_who_opens_a_large_document_is_sent_what_was_deleted_meanwhile() -> None:
    async with staged(max_backlog_bytes=16 * KiB) as stage:
        bob = await writes_a_large_document(stage)
        reader = await opens_without_reading(bob.room)
        before, words = bob.doc.get_state(), bob.doc.get("text", type=pycrdt.Text)
        del words[0:1000]
        await bob.says(Update(bob.doc.get_update(before)))
        reader.reads.set()
        await until(lambda: reader.text == bob.text)


async def test_who_catches_up_sees_the_cursors_and_its_own_acks() -> None:
    async with staged(max_backlog_bytes=16 * KiB) as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        slow = await stage.player(room, "slow", ack_count=True)
        await until(lambda: slow.saved == 1)
        slow.reads.clear()
        stage.log.may_commit.clear()
        await slow.types("mine")
        for _ in range(50):
            await bob.types(WORDS)
            await asyncio.sleep(0)
        await until(lambda: slow.member.is_behind)
        await bob.says(cursor_of(7, clock=1))
        stage.log.may_commit.set()
        await until(lambda: stage.log.text == bob.text)
        await a_moment()
        assert slow.saved == 1
        slow.reads.set()
        await until(lambda: slow.saved == 2)
        assert slow.awareness


async def test_nobody_can_make_us_pile_up_answers_by_not_reading_them() -> None:
    async with staged(max_backlog_bytes=16 * KiB) as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        for client in range(2):
            await bob.says(cursor_of(client, clock=1))
        bob.reads.clear()

        async def asks_for_ever() -> None:
            while True:
                await bob.says(QueryAwareness())

        asking = asyncio.create_task(asks_for_ever())
        await until(lambda: bob.member.is_over)
        await a_moment()
        assert sum(map(len, bob.member._outbox)) < 17 * KiB
        bob.reads.set()
        heard = len(bob.heard)
        await until(lambda: len(bob.heard) > heard + 100)
        asking.cancel()


async def test_who_never_reads_is_sent_away_and_nothing_is_kept_for_them() -> None:
    async with staged(max_backlog_bytes=16 * KiB, backlog_timeout_s=60) as stage:
        room = await stage.room()
        bob, stalled = await stage.player(room, "bob"), await stage.player(room, "stalled")
        await a_moment()
        stalled.reads.clear()
        for _ in range(50):
            await bob.types(WORDS)
            await asyncio.sleep(0)
        await until(lambda: stalled.member.is_over)
        now = asyncio.get_running_loop().time()
        room.tick(now)
        room.tick(now + 59)
        assert stalled.member.closing is None
        room.tick(now + 61)
        await until(lambda: isinstance(stalled.closed_with, Unresponsive))
        assert not stalled.member._outbox
        assert bob.member.closing is None


async def test_who_reads_a_little_is_kept() -> None:
    async with staged(max_backlog_bytes=16 * KiB, backlog_timeout_s=60) as stage:
        room = await stage.room()
        bob, slow = await stage.player(room, "bob"), await stage.player(room, "slow")
        await a_moment()
        slow.reads.clear()
        slow.unsent = 50_000
        for _ in range(50):
            await bob.types(WORDS)
            await asyncio.sleep(0)
        await until(lambda: slow.member.is_over)
        now = asyncio.get_running_loop().time()
        for minute in range(10):
            slow.unsent -= 1000  # the transport got rid of that much
            room.tick(now + 50 * minute)
        assert slow.member.closing is None


async def test_who_says_nothing_for_too_long_is_sent_away() -> None:
    async with staged(idle_timeout_s=100) as stage:
        room = await stage.room()
        bob = await stage.player(room, "bob")
        now = asyncio.get_running_loop().time()
        room.tick(now + 99)
        assert bob.member.closing is None
        room.tick(now + 101)
        with pytest.raises(Unresponsive):
            await bob.types("too late")
