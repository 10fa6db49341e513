"""What everybody's edits rest on is away: editing goes on, nothing is called saved, it recovers."""

import asyncio
import os
import resource
from functools import partial
from typing import Any

from tests.clients import Client, connected, until
from tests.servers import Server, Service

AWAY_S = 20 if os.environ.get("CI") else 6


async def away(seconds: float = AWAY_S) -> None:
    """The outage itself: time that has to pass, not something that is waited for."""
    await asyncio.sleep(seconds)


async def edit_while_away(bob: Client, carol: Client, words: str) -> int:
    """Both see the edit; returns how much of Bob's was saved before."""
    saved = bob.saved
    bob.types(words)
    await carol.sees(words)
    return saved


async def test_the_database_is_away(new_service: Any) -> None:
    service: Service = new_service()
    (server,) = service.servers
    document = server.new_document()
    async with connected(
        Client(server, document, ack="count"), Client(server, document, ack="count")
    ) as (bob, carol):
        bob.types("before. ")
        await bob.all_saved()
        service.postgres.kill()
        saved = await edit_while_away(bob, carol, "during. ")
        await away()
        await edit_while_away(bob, carol, "still away. ")
        assert bob.saved == saved
        service.postgres.start()
        await bob.all_saved(within=15)
        assert bob.is_connected
        assert carol.is_connected
        async with Client(server, document) as newcomer:
            assert str(newcomer.text) == "before. during. still away. "
    assert "hold together" in server.manage("verify", document.id)


async def test_the_database_hangs(new_service: Any) -> None:
    """It answers nobody and refuses nobody: harder to notice than one that is gone."""
    service: Service = new_service()
    (server,) = service.servers
    document = server.new_document()
    async with connected(
        Client(server, document, ack="count"), Client(server, document, ack="count")
    ) as (bob, carol):
        service.postgres.pause()
        try:
            saved = await edit_while_away(bob, carol, "during. ")
            newcomers = [Client(server, document) for _ in range(30)]  # they have to wait …
            await asyncio.gather(*(each.open() for each in newcomers))
            await away()
            await edit_while_away(bob, carol, "x" * 50_000)  # … and take nothing of the others
            assert bob.saved <= saved + 1
        finally:
            service.postgres.resume()
        await bob.all_saved(within=15)
        for each in newcomers:  # … or are told to come again
            await until(partial(is_in_or_sent_away, each), within=30)
            await each.disconnect()
            await each.connect()
            await each.disconnect()


def is_in_or_sent_away(client: Client) -> bool:
    return client.synced.is_set() or client.close_code == 4503


async def test_redis_is_away(new_service: Any) -> None:
    service: Service = new_service(processes=2)
    here, there = service.servers
    document = here.new_document()
    async with connected(
        Client(here, document, ack="count"),
        Client(here, document),
        Client(there, document, ack="count"),
    ) as (bob, carol, dave):
        bob.types("before. ")
        await dave.sees("before. ")
        service.redis.kill()
        await edit_while_away(bob, carol, "during. ")
        await bob.all_saved()  # the log does not need the bus
        await dave.sees("during. ", within=8)  # by the sweep
        async with Client(there, document) as newcomer:
            await newcomer.sees("during. ")
        other = here.new_document()
        async with Client(there, other, ack="count") as first:  # a room that has no bus
            first.types("opened without a bus")
            await first.all_saved()
            await away()
            service.redis.start()
            async with Client(here, other) as second:
                await second.sees("opened without a bus")
                first.types(", heard again")
                await second.sees("heard again", within=15)
        dave.types("after. ")
        await bob.sees("after. ", within=15)
        await dave.all_saved()
        assert all(each.is_connected for each in (bob, carol, dave))


async def test_the_disk_is_full(new_server: Any) -> None:
    server: Server = new_server(backend="sqlite")
    document = server.new_document()
    async with connected(
        Client(server, document, ack="count"), Client(server, document, ack="count")
    ) as (bob, carol):
        bob.types("before. ")
        await bob.all_saved()
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, hard))
        try:
            saved = await edit_while_away(bob, carol, "during. ")
            await away(3)
            assert bob.saved == saved
        finally:
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))
        await bob.all_saved(within=15)
        await until(lambda: bob.is_connected and carol.is_connected)
    assert "hold together" in server.manage("verify", document.id)
