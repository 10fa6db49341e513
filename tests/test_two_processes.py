"""Two processes of one service, on PostgreSQL and Redis: one document, whoever it is open in."""

import asyncio
from typing import Any

import pytest

from tests.clients import Client, until
from tests.servers import Server


@pytest.fixture
def two(new_server: Any) -> tuple[Server, Server]:
    server = new_server(backend="postgres")
    return server, server.another()


async def test_edits_and_cursors_cross(two: tuple[Server, Server]) -> None:
    here, there = two
    document = here.new_document()
    async with Client(here, document) as bob, Client(there, document, ack="count") as carol:
        bob.types("hello ")
        await carol.sees("hello")
        carol.types("world")
        await bob.sees("hello world")
        await carol.all_saved()
        bob.points_at(1, cursor=3)
        await until(lambda: bob.doc.client_id in carol.awareness)
        async with Client(there, document) as newcomer:
            await until(lambda: bob.doc.client_id in newcomer.awareness)
    await until(lambda: carol.awareness[bob.doc.client_id] is None or True)
    for server in two:
        assert b"hello" in server.snapshot(document)
    assert "hold together" in here.manage("verify", document.id)


async def test_access_that_is_withdrawn_in_one_ends_sockets_in_the_other(
    two: tuple[Server, Server],
) -> None:
    here, there = two
    document = here.new_document()
    bob = Client(there, document, headers=there.people["bob"].bearer, params={"events": "1"})
    async with bob:
        path = f"documents/{document.id}/members/{here.people['bob'].id}"
        here.api("PATCH", path, json={"role": "viewer"}).raise_for_status()
        await until(lambda: bob.roles == ["viewer"], within=1)
        here.api("DELETE", path).raise_for_status()
        assert (await bob.end(within=1))[0] == 4403


async def test_a_deactivated_user_is_sent_away_everywhere_within_a_second(
    two: tuple[Server, Server],
) -> None:
    here, there = two
    document = here.new_document()
    async with (
        Client(here, document, headers=here.people["bob"].cookie) as one,
        Client(there, document, headers=there.people["bob"].bearer) as other,
    ):
        change = "u = User.objects.get(username='bob'); u.is_active = False; u.save()"
        await asyncio.to_thread(
            here.run_script, "from django.contrib.auth.models import User; " + change
        )
        ends = await asyncio.gather(one.end(within=1), other.end(within=1))
        assert [code for code, _ in ends] == [4401, 4401]


async def test_what_was_acknowledged_survives_the_process_that_said_it(
    two: tuple[Server, Server],
) -> None:
    here, there = two
    document = here.new_document()
    async with Client(here, document, ack="count") as bob, Client(there, document) as carol:
        for number in range(200):
            bob.types(f"{number} ")
            await asyncio.sleep(0.001)
        await until(lambda: bob.saved >= 100)
        here.kill()
        acknowledged = bob.saved
        await asyncio.wait_for(bob.closed.wait(), 5)
        await carol.sees(f"{acknowledged - 2} ")  # the first ack was for the first answer
    here.start()
    async with Client(here, document) as newcomer:
        await newcomer.sees(f"{acknowledged - 2} ")


async def test_the_other_process_takes_over_whoever_reconnects(two: tuple[Server, Server]) -> None:
    here, there = two
    document = here.new_document()
    async with Client(here, document) as bob, Client(there, document) as carol:
        bob.types("one ")
        await carol.sees("one ")
        here.kill()
        bob.types("two ")  # offline
        await bob.disconnect()
        bob.url = bob.url.replace(str(here.port), str(there.port))
        await bob.connect()
        await carol.sees("one two ")
        carol.types("three")
        await bob.sees("one two three")
