"""Programs may ask who has a document open, wherever they are connected."""

from typing import Any

import httpx

from tests.clients import Client, until
from tests.servers import Server, Service


def present(url: str, server: Server, document: Any, person: str = "victor") -> httpx.Response:
    return httpx.get(
        f"{url}/api/v1/documents/{document.id}/presence", headers=server.people[person].bearer
    )


def names(answer: httpx.Response) -> list[str]:
    return [each["name"] for each in answer.raise_for_status().json()["items"]]


async def here(server: Server, document: Any, person: str) -> Client:
    """Somebody's window, with a cursor."""
    client = await Client(server, document, headers=server.people[person].bearer).connect()
    client.points_at(1)
    return client


async def test_everybody_is_named_once(server: Server) -> None:
    document = server.new_document()
    assert names(present(server.url, server, document)) == []
    clients = [await here(server, document, who) for who in ("alice", "alice", "bob")]
    await until(lambda: names(present(server.url, server, document)) == ["alice", "bob"])
    (first, _) = present(server.url, server, document).json()["items"]
    assert (first["is_guest"], first["is_program"]) == (False, False)
    assert first["id"].startswith("user:")
    for client in clients:
        await client.disconnect()
    await until(lambda: names(present(server.url, server, document)) == [])


def test_strangers_do_not_learn_who_is_here(server: Server) -> None:
    document = server.new_document()
    assert present(server.url, server, document, "mallory").status_code == 404


async def test_a_process_that_has_nobody_asks_the_others(new_service: Any) -> None:
    service: Service = new_service(processes=2)
    one, other = service.servers
    document = one.new_document()
    alice = await here(one, document, "alice")
    await until(lambda: names(present(one.url, one, document)) == ["alice"])
    assert names(present(other.url, other, document)) == ["alice"]
    await alice.disconnect()
