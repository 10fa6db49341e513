"""What one client may ask of a process: rates, connections; each refused in words."""

import asyncio
from contextlib import suppress
from typing import Any

from documents.protocol.messages import QueryAwareness, SyncStep1
from documents.protocol.ywebsocket import encode_message
from tests.clients import Client, connected, until


async def test_who_sends_too_many_messages_is_told_to_slow_down(new_server: Any) -> None:
    server = new_server(COLLAB_MAX_MESSAGES_PER_S="20")
    document = server.new_document()
    async with Client(server, document) as bob, Client(server, document) as carol:
        for _ in range(300):
            bob.send_frame(encode_message(QueryAwareness()))
        code, reason = await bob.end()
        assert code == 4529
        assert "20 a second" in reason
        carol.types("undisturbed")
        await bob.disconnect()
        await bob.connect()  # it may come again
        await bob.sees("undisturbed")


async def test_who_sends_too_many_bytes_is_told_to_slow_down(new_server: Any) -> None:
    server = new_server(COLLAB_MAX_BYTES_PER_S="100000", COLLAB_MAX_MESSAGE_BYTES="200000")
    document = server.new_document()
    async with Client(server, document) as bob:
        for _ in range(20):
            bob.types("x" * 100_000)
        code, reason = await bob.end()
        assert code == 4529
        assert "bytes" in reason


async def test_who_asks_for_too_much_work_is_told_to_slow_down(new_server: Any) -> None:
    server = new_server(COLLAB_MAX_WORK_SHARE="0.01")
    document = server.new_document()
    async with Client(server, document, ack="count") as bob, Client(server, document) as carol:
        bob.types("x")
        state_vector = bob.doc.get_state()
        for number in range(400):
            bob.types(f"{number} " * 100, place=0)
        await bob.all_saved()
        for _ in range(3000):
            carol.send_frame(encode_message(SyncStep1(state_vector)))
        code, reason = await carol.end(within=20)
        assert code == 4529
        assert "more work" in reason


async def gets_in(client: Client, *, within: float = 5) -> None:
    """Connect as soon as there is a place: the server may not have noticed yet who left."""
    async with asyncio.timeout(within):
        while True:
            await client.open()
            await until(lambda: client.synced.is_set() or client.closed.is_set())
            await client.disconnect()
            if client.synced.is_set():
                return


async def test_a_user_has_so_many_connections(new_server: Any) -> None:
    server = new_server(COLLAB_MAX_CONNECTIONS_PER_USER="2")
    document = server.new_document()

    def of(name: str) -> Client:
        return Client(server, document, headers=server.people[name].bearer)

    async with connected(of("bob"), of("bob")) as (first, _):
        code, reason = await (await of("bob").open()).end()
        assert code == 4529
        assert "connections of yours" in reason
        await gets_in(of("carol"))
        await first.disconnect()
        await gets_in(of("bob"))


async def test_an_address_has_so_many_connections(new_server: Any) -> None:
    server = new_server(COLLAB_MAX_CONNECTIONS_PER_ADDRESS="3")
    document = server.new_document()
    async with connected(*(Client(server, document) for _ in range(3))) as (first, _, _):
        code, reason = await (await Client(server, document).open()).end()
        assert code == 4529
        assert "network" in reason
        await first.disconnect()
        await gets_in(Client(server, document))


async def test_the_address_behind_a_proxy_is_what_the_proxy_says(new_server: Any) -> None:
    server = new_server(COLLAB_PROXIES="1", COLLAB_MAX_CONNECTIONS_PER_ADDRESS="1")
    document = server.new_document()

    def behind(*forwarded_for: str) -> Client:
        headers = {**server.people["bob"].bearer, "X-Forwarded-For": ", ".join(forwarded_for)}
        return Client(server, document, headers=headers)

    async with behind("1.2.3.4"), behind("1.2.3.5"):
        code, _ = await (await behind("9.9.9.9", "1.2.3.4").open()).end()
        assert code == 4529


async def test_a_client_that_is_not_read_from_is_still_answered_in_the_end(server: Any) -> None:
    """More messages at once than Daphne may hold for us: they wait in the network."""
    document = server.new_document()
    async with Client(server, document, ack="count") as bob:
        for number in range(2000):
            bob.types(f"{number} ")
        await bob.all_saved(within=20)


async def test_pings_are_counted_too(new_server: Any) -> None:
    """autobahn answers them by itself, into a buffer that has no bound."""
    server = new_server()
    document = server.new_document()
    async with Client(server, document) as bob, Client(server, document) as carol:
        for _ in range(50):
            await bob.ping()
        assert bob.is_connected
        with suppress(ConnectionError):  # aiohttp's, of a connection that is closing
            for _ in range(500):
                await bob.ping()
        await until(lambda: not bob.is_connected)
        assert carol.is_connected
