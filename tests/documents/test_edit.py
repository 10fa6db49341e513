"""A program's edit of a room that does not stand still."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from threading import Event, current_thread
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings

from collab.accounts.principal import Principal
from collab.errors import Unavailable
from documents import content
from documents.content import PreconditionFailed, Written
from documents.models import Role
from documents.sync.replica import Replica, ReplicaBroken
from documents.sync.room import Room
from tests.clients import until
from tests.documents.sync.stage import Player, Stage, staged

# The heads are the stage's; but the thread that asks may have a connection of a test before.
pytestmark = pytest.mark.django_db

ROBOT = Principal(guest_id="robot", name="robot")


@dataclass
class Hub:
    """One room, and whatever is to be done later never."""

    room: Room

    async def open(self, document_id: Any) -> Room:
        return self.room

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        pass


class Writer:
    """Writes into one room as ``content.edit`` does in a process."""

    def __init__(self, stage: Stage, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        stage.roles = {"robot": Role.EDITOR}
        self._document_id = stage.document_id
        monkeypatch.setattr(content, "current_hub", lambda: Hub(room))
        monkeypatch.setattr(
            content.log, "heads", lambda ids: {stage.document_id: len(stage.log.updates)}
        )

    async def appends(self, text: str, **options: Any) -> Written:
        def change(old: list[Any]) -> list[Any]:
            return [*old, {"type": "paragraph", "content": text}]

        return await content.write(self._document_id, ROBOT, Role.EDITOR, change, **options)


async def test_it_is_said_what_an_edit_was_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged() as stage:
        writer = Writer(stage, await stage.room(), monkeypatch)
        assert await writer.appends("one") == Written(head=1, is_changed=True, made_of=0)
        assert await writer.appends("two") == Written(head=2, is_changed=True, made_of=1)
        unchanged = await content.edit(
            stage.document_id, ROBOT, Role.EDITOR, lambda parts, client_id: b"\x00\x00"
        )
        assert unchanged == Written(head=2, is_changed=False, made_of=2)


async def test_an_edit_beside_others_is_said_to_be_made_of_nothing_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with staged() as stage:
        room = await stage.room()
        writer, bob = Writer(stage, room, monkeypatch), await stage.player(room, "bob")

        written = await writer.appends("one", note=while_types(bob))
        assert (written.is_changed, written.made_of) == (True, None)
        # Before it, and not committed yet when the state was taken.
        stage.log.may_commit.clear()
        await bob.types("before")
        assert (await writer.appends("two", note=once_committed(stage, room))).made_of is None
        # What somebody else noted under the same key is not this edit.
        theirs = bob.inserts("theirs")
        assert (await writer.appends("three", note=lambda mine: _answer(theirs))).made_of is None


def while_types(player: Player) -> Callable[[bytes], Awaitable[bytes]]:
    """Somebody types between the edit's making and its writing."""

    async def types(update: bytes) -> bytes:
        await player.types("meanwhile")
        return update

    return types


def once_committed(stage: Stage, room: Room) -> Callable[[bytes], Awaitable[bytes]]:
    """What is on its way to the log gets there between the edit's making and its writing."""

    async def commits(update: bytes) -> bytes:
        stage.log.may_commit.set()
        await until(lambda: room.is_settled)
        return update

    return commits


async def _answer(update: bytes) -> bytes:
    return update


async def test_rows_of_another_process_in_between_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with staged() as stage:
        here, there = await stage.room(), await stage.room()  # that do not hear one another
        writer, bob = Writer(stage, here, monkeypatch), await stage.player(there, "bob")

        async def bob_types_there(update: bytes) -> bytes:
            await bob.types("elsewhere")
            await until(lambda: there.is_settled)
            return update

        written = await writer.appends("one", note=bob_types_there)
        assert (len(stage.log.updates), written.made_of) == (2, None)


async def test_a_condition_holds_until_the_edit_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged() as stage:
        room = await stage.room()
        writer, bob = Writer(stage, room, monkeypatch), await stage.player(room, "bob")
        await writer.appends("one")

        only_if = frozenset([str(room.head)])
        with pytest.raises(PreconditionFailed):
            await writer.appends("two", only_if=only_if, note=while_types(bob))
        with pytest.raises(PreconditionFailed):
            await writer.appends("two", only_if=only_if)
        await until(lambda: room.is_settled)
        assert (await writer.appends("two", only_if=frozenset([str(room.head)]))).is_changed


async def test_what_was_noted_is_written_later_on_the_same_condition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with staged() as stage:
        room = await stage.room()
        writer, bob = Writer(stage, room, monkeypatch), await stage.player(room, "bob")
        await writer.appends("one")
        only_if = frozenset([str(room.head)])
        noted: list[bytes] = []

        async def note(update: bytes) -> bytes:
            noted.append(update)
            await bob.types("meanwhile")
            return update

        async def again() -> Written:
            (update,) = noted
            return await content.merge_update(
                stage.document_id, ROBOT, Role.EDITOR, update, only_if=only_if
            )

        with pytest.raises(PreconditionFailed):
            await writer.appends("two", only_if=only_if, note=note)
        with pytest.raises(PreconditionFailed):  # not committed yet
            await again()
        await until(lambda: room.is_settled)
        with pytest.raises(PreconditionFailed):
            await again()
        assert "two" not in str(content.blocks_in(room.settled_parts()))


async def test_a_room_that_is_being_loaded_again_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged() as stage:
        writer = Writer(stage, await stage.room(), monkeypatch)
        for broken in ("state_vector", "settled_parts"):
            with (
                patch.object(Replica, broken, side_effect=ReplicaBroken("panic")),
                pytest.raises(Unavailable, match="loaded again"),
            ):
                await writer.appends("one")


async def test_whole_states_are_merged_where_nobody_waits_for_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with staged() as stage:
        writer, merge = Writer(stage, await stage.room(), monkeypatch), content.merge
        threads: list[str] = []

        def merge_and_note(parts: Any) -> bytes:
            threads.append(current_thread().name)
            return merge(parts)

        monkeypatch.setattr(content, "merge", merge_and_note)
        await writer.appends("one")
        assert threads
        assert all(name.startswith("conversion") for name in threads)


async def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged() as stage:
        room = await stage.room()
        writer = Writer(stage, room, monkeypatch)
        conf = settings.COLLAB.model_copy(update={"conversion_timeout_s": 0.1})
        monkeypatch.setattr(settings, "COLLAB", conf)
        may_end = Event()

        def never(parts: Any, client_id: int) -> bytes:
            may_end.wait()
            return b"\x00\x00"

        with pytest.raises(Unavailable, match=r"within 0\.1 seconds"):
            await content.edit(stage.document_id, ROBOT, Role.EDITOR, never)
        may_end.set()
        assert room.is_settled
        assert (await writer.appends("one")).is_changed
