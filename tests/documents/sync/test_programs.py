"""A program's write: what the room has taken is committed, and nothing else is said of it."""

import asyncio
from typing import Any

import pycrdt
import pytest

from collab.accounts.principal import Principal
from collab.errors import CollabError, NoAccess, NotAuthenticated, NotFound, Unavailable
from documents.models import Role
from documents.sync.program import Program
from documents.sync.room import Room
from presence.identity import identity_of_program
from tests.clients import until
from tests.documents.sync.stage import Stage, staged


def insertion(text: str) -> bytes:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.get("text", type=pycrdt.Text).insert(0, text)
    return doc.get_update()


async def program_in(stage: Stage, room: Room, role: Role = Role.EDITOR) -> Program:
    stage.roles = {"robot": role}
    principal = Principal(guest_id="robot", name="robot")
    program = Program(room, principal, identity_of_program(principal), role, client_id=1)
    await program.enter()
    return program


@pytest.mark.parametrize(
    "why",
    [
        Unavailable("this server is stopping; connect again"),
        NoAccess("your access to this document was withdrawn"),
        NotAuthenticated("your log-in has ended"),
    ],
)
async def test_what_was_taken_is_told_as_it_ends_whatever_comes_in_between(
    why: CollabError,
) -> None:
    async with staged() as stage:
        room = await stage.room()
        program = await program_in(stage, room)
        stage.log.may_commit.clear()
        writing = asyncio.create_task(program.write(insertion("hello")))
        await until(lambda: not room.is_settled)
        program.close(why)
        done, _ = await asyncio.wait([writing], timeout=0.1)
        assert not done, "nobody can tell yet"
        stage.log.may_commit.set()
        await writing
        assert stage.log.text == "hello"


async def test_a_room_that_fails_does_not_keep_a_program_from_hearing_of_its_commit() -> None:
    async with staged() as stage:
        room = await stage.room()
        program = await program_in(stage, room)
        stage.log.may_commit.clear()
        writing = asyncio.create_task(program.write(insertion("hello")))
        await until(lambda: not room.is_settled)
        room.fail(Unavailable("the document has to be loaded again; connect again"))
        room._journal.forget(stage.document_id)  # as the hub does when it closes a failed room
        stage.log.may_commit.set()
        await asyncio.wait_for(writing, 1)
        assert stage.log.text == "hello"


async def test_a_commit_and_a_closing_at_once_are_a_commit() -> None:
    async with staged() as stage:
        room = await stage.room()
        program = await program_in(stage, room)
        stage.log.may_commit.clear()
        writing = asyncio.create_task(program.write(insertion("hello")))
        await until(lambda: not room.is_settled)
        program.note_committed(1, b"")
        program.close(NotFound("the document was deleted"))
        await writing


@pytest.mark.parametrize(
    ("why", "told"),
    [(Unavailable("stopping"), Unavailable), (NoAccess("withdrawn"), NoAccess)],
)
async def test_who_was_sent_away_before_has_written_nothing(
    why: CollabError, told: type[CollabError]
) -> None:
    async with staged() as stage:
        room = await stage.room()
        program = await program_in(stage, room)
        program.close(why)
        with pytest.raises(told):
            await program.write(insertion("hello"))
        assert (room.is_settled, stage.log.updates) == (True, [])


async def test_who_is_sent_away_while_the_edit_is_looked_at_is_told_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with staged() as stage:
        room = await stage.room()
        program = await program_in(stage, room)
        check = room._intake.check

        async def check_and_stop(*arguments: Any, **options: Any) -> Any:
            checked = await check(*arguments, **options)
            program.close(Unavailable("this server is stopping; connect again"))
            return checked

        monkeypatch.setattr(room._intake, "check", check_and_stop)
        with pytest.raises(Unavailable, match="stopping"):
            await program.write(insertion("hello"))
        assert (room.is_settled, stage.log.updates) == (True, [])


async def test_who_may_not_write_and_who_has_nothing_to_write_into_are_told_at_once() -> None:
    async with staged() as stage:
        room = await stage.room()
        with pytest.raises(NoAccess, match="role editor"):
            await (await program_in(stage, room, Role.VIEWER)).write(insertion("hello"))
        program = await program_in(stage, room)
        stage.log.may_commit.clear()
        writing = asyncio.create_task(program.write(insertion("hello")))
        await until(lambda: not room.is_settled)
        program.close(NotFound("the document was deleted"))
        with pytest.raises(NotFound):
            await writing


async def test_what_must_hold_is_asked_when_nothing_can_come_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with staged() as stage:
        room = await stage.room()
        program, revision = await program_in(stage, room), room.revision
        bob = await stage.player(room, "bob")
        check = room._intake.check

        async def check_while_bob_types(*arguments: Any, **options: Any) -> Any:
            checked = await check(*arguments, **options)
            monkeypatch.setattr(room._intake, "check", check)
            await bob.types("mine")
            return checked

        def ensure_unchanged() -> None:
            if room.revision != revision:
                raise NoAccess("somebody was faster")

        monkeypatch.setattr(room._intake, "check", check_while_bob_types)
        with pytest.raises(NoAccess, match="faster"):
            await program.write(insertion("hello"), before_applying=ensure_unchanged)
        await until(lambda: room.is_settled)
        assert stage.log.text == "mine"
