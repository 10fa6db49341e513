"""The journal commits everything it is owed, in batches, and says so only afterwards."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from collab.errors import Unavailable
from documents.sync.journal import Journal, Owed
from documents.sync.log import Row

NOVEL, LETTER = uuid4(), uuid4()


class Database:
    """Stands in for the log: keeps what is committed, fails or waits when told to."""

    def __init__(self) -> None:
        self.commits: list[dict[UUID, list[Row]]] = []
        self.is_away = False
        self.poisoned: set[UUID] = set()
        self.gone: set[UUID] = set()
        self.may_commit = asyncio.Event()
        self.may_commit.set()

    async def append(self, batch: Mapping[UUID, Sequence[Row]]) -> dict[UUID, int]:
        await self.may_commit.wait()
        if self.is_away or self.poisoned & batch.keys():
            raise ConnectionError("the database is away")
        self.commits.append({key: list(rows) for key, rows in batch.items()})
        return {key: len(self.commits) for key in batch.keys() - self.gone}

    def updates(self, document_id: UUID) -> bytes:
        return b"".join(
            row.update for commit in self.commits for row in commit.get(document_id, [])
        )


@asynccontextmanager
async def running(database: Database, **limits: int) -> AsyncIterator[Journal]:
    journal = Journal(
        database.append,
        b"".join,
        interval_s=0,
        max_pending_bytes=limits.get("max_pending_bytes", 1000),
    )
    task = asyncio.create_task(journal.run())
    yield journal
    task.cancel()


async def settled(journal: Journal) -> None:
    await asyncio.wait_for(journal.wait_until_settled(), 5)


async def test_an_update_is_committed_and_then_acknowledged() -> None:
    database, told = Database(), []
    async with running(database) as journal:
        database.may_commit.clear()
        journal.owe(NOVEL, Owed(b"a", settle=lambda: told.append("a")))
        await asyncio.sleep(0.01)
        assert told == []
        database.may_commit.set()
        await settled(journal)
    assert told == ["a"]
    assert database.updates(NOVEL) == b"a"


async def test_what_gathers_during_a_commit_is_committed_together() -> None:
    database = Database()
    async with running(database) as journal:
        database.may_commit.clear()
        journal.owe(NOVEL, Owed(b"1"))
        await asyncio.sleep(0.01)
        for digit in b"234":
            journal.owe(NOVEL, Owed(bytes([digit])))
            journal.owe(LETTER, Owed(bytes([digit])))
        database.may_commit.set()
        await settled(journal)
    assert database.commits == [
        {NOVEL: [Row(b"1")]},
        {NOVEL: [Row(b"234")], LETTER: [Row(b"234")]},
    ]


async def test_each_author_has_a_row_of_their_own() -> None:
    database = Database()
    async with running(database) as journal:
        journal.owe(NOVEL, Owed(b"a", author_id=1, author_name="Alice"))
        journal.owe(NOVEL, Owed(b"b", author_id=2, author_name="Bob"))
        journal.owe(NOVEL, Owed(b"A", author_id=1, author_name="Alice"))
        await settled(journal)
    assert database.commits == [{NOVEL: [Row(b"aA", 1, "Alice"), Row(b"b", 2, "Bob")]}]


async def test_while_the_database_is_away_nothing_is_acknowledged_and_nothing_lost() -> None:
    database, told = Database(), []
    async with running(database) as journal:
        database.is_away = True
        journal.owe(NOVEL, Owed(b"a", settle=lambda: told.append("a")))
        await asyncio.sleep(0.05)
        assert told == []
        assert journal.is_failing
        assert journal.pending(NOVEL) == [b"a"]
        journal.owe(NOVEL, Owed(b"b", settle=lambda: told.append("b")))
        database.is_away = False
        await settled(journal)
    assert told == ["a", "b"]
    assert database.updates(NOVEL) == b"ab"
    assert journal.pending_bytes == 0


async def test_one_document_that_cannot_be_committed_does_not_hold_up_the_others() -> None:
    database, told = Database(), []
    async with running(database) as journal:
        database.poisoned = {NOVEL}
        journal.owe(NOVEL, Owed(b"a", settle=lambda: told.append("novel")))
        journal.owe(LETTER, Owed(b"b", settle=lambda: told.append("letter")))
        await asyncio.sleep(0.05)
        assert told == ["letter"]
        database.poisoned = set()
        await settled(journal)
    assert told == ["letter", "novel"]


async def test_others_who_come_later_are_committed_while_one_document_cannot_be() -> None:
    database, told = Database(), []
    async with running(database) as journal:
        database.poisoned = {NOVEL}
        journal.owe(NOVEL, Owed(b"1", settle=lambda: told.append("first")))
        await asyncio.sleep(0.05)
        journal.owe(NOVEL, Owed(b"2", settle=lambda: told.append("second")))
        journal.owe(LETTER, Owed(b"b", settle=lambda: told.append("letter")))
        await asyncio.sleep(0.05)
        assert told == ["letter"]
        assert journal.pending(NOVEL) == [b"1", b"2"]
        database.poisoned = set()
        await settled(journal)
    assert told == ["letter", "first", "second"]
    assert database.updates(NOVEL) == b"12"


async def test_a_full_memory_refuses_new_work() -> None:
    async with running(Database(), max_pending_bytes=10) as journal:
        journal.ensure_capacity(10)
        journal.owe(NOVEL, Owed(b"123456"))
        with pytest.raises(Unavailable):
            journal.ensure_capacity(5)
        await settled(journal)
        journal.ensure_capacity(10)


async def test_an_empty_debt_is_settled_only_after_what_came_before() -> None:
    database, told = Database(), []
    async with running(database) as journal:
        database.may_commit.clear()
        journal.owe(NOVEL, Owed(b"a", settle=lambda: told.append("a")))
        await asyncio.sleep(0.01)
        journal.owe(NOVEL, Owed(b"", settle=lambda: told.append("nothing new")))
        assert told == []
        database.may_commit.set()
        await settled(journal)
    assert told == ["a", "nothing new"]
    assert len(database.commits) == 1


async def test_a_deleted_document_is_reported_and_never_acknowledged() -> None:
    database, told, heads = Database(), [], []
    async with running(database) as journal:
        database.gone = {NOVEL}
        journal.register(NOVEL, lambda head, rows: heads.append((head, rows)))
        journal.owe(NOVEL, Owed(b"a", settle=lambda: told.append("a")))
        await settled(journal)
    assert heads == [(None, 1)]
    assert told == []


async def test_listeners_hear_of_every_commit_and_end_nothing_by_failing() -> None:
    database, heard = Database(), []

    def fails(heads: Mapping[UUID, int]) -> None:
        raise RuntimeError

    async with running(database) as journal:
        journal.listen(fails)
        journal.listen(heard.append)
        for number in (1, 2):
            journal.owe(NOVEL, Owed(b"a"))
            await settled(journal)
            assert heard[-1] == {NOVEL: number}
