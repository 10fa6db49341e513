"""The change feed as a stream: told at once, resumed, ended with a reason, bounded."""

import asyncio
import re
import socket
from contextlib import AsyncExitStack, aclosing
from typing import Any
from uuid import UUID

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from collab.accounts.principal import principal_of_user
from documents import activity
from documents.activity import Feed, HistoryGone
from documents.models import Document, LogEntry
from documents.sync import log
from tests.clients import until
from tests.servers import NewDocument, Server
from tests.streams import following


async def write(server: Server, document: NewDocument) -> int:
    """A program of alice's writes; the new head."""
    body = {"operations": [{"op": "append", "content": "x"}]}
    path = f"documents/{document.id}/content"
    answer = await asyncio.to_thread(server.api, "PATCH", path, "alice", json=body)
    head: int = answer.raise_for_status().json()["head"]
    return head


def open_streams(server: Server) -> float:
    page = httpx.get(f"{server.url}/metrics").raise_for_status().text
    (value,) = re.findall(r"^collab_streams (\S+)$", page, re.M)
    return float(value)


async def test_a_commit_is_told_at_once(server: Server) -> None:
    document = server.new_document()
    async with following(server, document) as stream:
        for _ in range(5):  # not by the look that is taken every second
            head = await write(server, document)
            event = await stream.next(within=0.5)
            assert (event.kind, event.id, event.data["head"]) == ("change", str(head), head)
            assert event.data["author"]["name"] == "alice (API)"
            assert event.data["size"] > 0
    await until(lambda: open_streams(server) == 0)


async def test_browsers_and_guests_follow_as_well(server: Server) -> None:
    document = server.new_document()
    cookie, link = server.people["carol"].cookie, f"?link={document.viewer_link}"
    async with (
        following(server, document, "", **cookie) as browser,
        following(server, document, "", link) as guest,
    ):
        await write(server, document)
        assert (await browser.next()).data["author"]["name"] == "alice (API)"
        assert (await guest.next()).data["author"] is None


async def test_another_process_is_heard_without_the_bus(new_server: Any) -> None:
    here = new_server(backend="postgres")
    there = here.another(REDIS_URL="redis://127.0.0.1:1/0")  # nobody listens there
    document = here.new_document()
    async with following(there, document) as stream:
        for _ in range(3):
            head = await write(here, document)
            assert (await stream.next(within=3)).data["head"] == head


async def test_a_reader_who_was_cut_off_misses_nothing(server: Server) -> None:
    document = server.new_document()
    await write(server, document)
    async with following(server, document, query="?since=0") as stream:
        assert await stream.heads(1) == [1]
    async with following(server, document) as stream:  # from now on
        await write(server, document)
        assert await stream.heads(1) == [2]
    for _ in range(3):
        await write(server, document)
    # As EventSource does it: the address stays, the header tells what came since.
    async with following(server, document, query="?since=0", **{"Last-Event-ID": "3"}) as stream:
        assert await stream.heads(2) == [4, 5]


async def test_many_changes_come_in_order_and_once(server: Server) -> None:
    document = server.new_document()
    code = (
        "from documents.sync import log; from uuid import UUID; "
        f"log.append({{UUID('{document.id}'): [log.Row(b'x')] * 350}})"
    )
    await asyncio.to_thread(server.run_script, code)
    async with (
        following(server, document, query="?since=0") as one,
        following(server, document, query="?since=120") as other,
    ):
        assert await one.heads(350) == list(range(1, 351))
        assert await other.heads(230) == list(range(121, 351))


async def test_a_position_that_the_log_does_not_have_is_refused_before_the_stream(
    server: Server,
) -> None:
    document = server.new_document()
    path, accept = f"documents/{document.id}/changes?since=7", {"Accept": "text/event-stream"}
    answer = await asyncio.to_thread(server.api, "GET", path, headers=accept)
    assert (answer.status_code, answer.json()["code"]) == (410, "history-gone")
    stranger = await asyncio.to_thread(server.api, "GET", path, "mallory", headers=accept)
    assert stranger.status_code == 404
    assert open_streams(server) == 0


async def test_silence_is_filled_with_comments(new_server: Any) -> None:
    server = new_server(COLLAB_HEARTBEAT_S="0.2")
    document = server.new_document()
    async with following(server, document) as stream:
        waiting = asyncio.create_task(stream.next(within=10))
        await until(lambda: stream.comments >= 3)
        await write(server, document)
        assert (await waiting).data["head"] == 1


@pytest.mark.django_db(transaction=True)
async def test_who_reads_so_slowly_that_rows_are_gone_is_told_so(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Feed, "_poll_from_now_on", lambda feed: None)  # heads come by hand
    feed = Feed()
    reader = await sync_to_async(lambda: principal_of_user(document.owner))()
    pages = feed.follow(document.id, reader, since=0, head=1, heartbeat_s=5)
    async with aclosing(pages):
        assert await anext(pages) == []
        assert [change.head for change in await anext(pages)] == [1]
        heads = await sync_to_async(log.append)({document.id: [log.Row(b"x")] * 2})
        await LogEntry.objects.filter(seq=2).adelete()
        feed.note_heads(heads)
        with pytest.raises(HistoryGone) as gone:
            await anext(pages)
        assert gone.value.head == 3


@pytest.mark.django_db(transaction=True)
async def test_a_database_that_was_away_is_asked_again(
    document: Document, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [OperationalError("away")] * 3

    def heads(asked: object) -> dict[UUID, int]:
        if failures:
            raise failures.pop()
        return {document.id: 7}

    monkeypatch.setattr(log, "heads", heads)
    monkeypatch.setattr(activity, "_POLL_S", 0.01)
    reader = await sync_to_async(lambda: principal_of_user(document.owner))()
    pages = Feed().follow(document.id, reader, since=1, head=1, heartbeat_s=5)
    async with aclosing(pages):
        assert await anext(pages) == []
        with pytest.raises(HistoryGone) as gone:  # there are no such rows: it has heard of 7
            await anext(pages)
        assert gone.value.head == 7
    assert caplog.text.count("change feed not looked after") == 1  # and not every second


# -- Ends -----------------------------------------------------------------------------------
async def test_a_reader_whose_access_ends_is_told_within_two_seconds(server: Server) -> None:
    document = server.new_document()
    bob = server.people["bob"]
    async with following(server, document) as stream, following(server, document, "carol") as other:
        path = f"documents/{document.id}/members/{bob.id}"
        await asyncio.to_thread(server.api, "DELETE", path)
        assert await stream.ended(within=2) == "no-access"
        await write(server, document)
        assert await other.heads(1) == [1]
        await asyncio.to_thread(server.api, "DELETE", f"documents/{document.id}")
        assert await other.ended(within=2) == "not-found"


async def test_a_token_that_is_revoked_or_expires_ends_its_streams(new_server: Any) -> None:
    server = new_server()
    document = server.new_document()
    token = (
        "from collab.accounts.models import ApiToken; from django.utils import timezone; "
        "from datetime import timedelta; "
        "t = ApiToken.objects.filter(user__username='{0}'); {1}"
    )
    expire = "t.update(expires_at=timezone.now() + timedelta(seconds=3))"
    await asyncio.to_thread(server.run_script, token.format("carol", expire))
    async with following(server, document) as stream, following(server, document, "carol") as other:
        await asyncio.to_thread(server.run_script, token.format("bob", "t.first().delete()"))
        assert await stream.ended() == "not-authenticated"
        assert await other.ended() == "not-authenticated"


async def test_a_process_that_stops_sends_its_readers_elsewhere(new_server: Any) -> None:
    server = new_server()
    document = server.new_document()
    async with following(server, document) as stream:
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        assert await stream.ended() == "unavailable"
        assert await stopping == 0


# -- Bounds ---------------------------------------------------------------------------------
async def test_streams_are_counted(new_server: Any) -> None:
    server = new_server(COLLAB_MAX_STREAMS_PER_USER="2", COLLAB_MAX_STREAMS_PER_ADDRESS="3")
    document = server.new_document()
    path, accept = f"documents/{document.id}/changes", {"Accept": "text/event-stream"}

    def refused(person: str) -> tuple[int, str]:
        answer = server.api("GET", path, person, headers=accept)
        return answer.status_code, answer.json()["code"]

    async with AsyncExitStack() as streams:
        for _ in range(2):
            await streams.enter_async_context(following(server, document))
        assert refused("bob") == (429, "too-many-requests")
        await streams.enter_async_context(following(server, document, "carol"))
        assert refused("carol") == (429, "too-many-requests")
        assert open_streams(server) == 3
    await until(lambda: open_streams(server) == 0)
    async with following(server, document):
        pass


async def test_streams_keep_no_database_connection(new_server: Any) -> None:
    server = new_server(backend="postgres", COLLAB_DATABASE_POOL_SIZE="2")
    document = server.new_document()
    async with AsyncExitStack() as streams:
        for person in ("alice", "bob", "carol", "victor") * 3:
            await streams.enter_async_context(following(server, document, person))
        assert open_streams(server) == 12
        for _ in range(3):
            await write(server, document)


async def test_who_does_not_read_costs_little_and_is_cut_off(new_server: Any) -> None:
    server = new_server(COLLAB_BACKLOG_TIMEOUT_S="1")
    document = server.new_document()
    code = (
        "from documents.sync import log; from uuid import UUID; "
        f"log.append({{UUID('{document.id}'): [log.Row(b'x', None, 'ä' * 100)] * 40_000}})"
    )
    await asyncio.to_thread(server.run_script, code)
    before = server.memory_bytes
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect(("127.0.0.1", server.port))
        request = (
            f"GET /api/v1/documents/{document.id}/changes?since=0 HTTP/1.1\r\nHost: localhost\r\n"
            f"Accept: text/event-stream\r\nAuthorization: Bearer {server.people['bob'].token}"
            "\r\n\r\n"
        )
        silent.sendall(request.encode())
        await until(lambda: open_streams(server) == 1)
        await until(lambda: open_streams(server) == 0, within=15)
        assert server.memory_bytes - before < 8 * 1024 * 1024
