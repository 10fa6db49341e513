"""/healthz, /readyz, /metrics: what they say, to whom, and what they must not give away."""

import asyncio
import json
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from collab.health import Health
from tests.clients import Client, until
from tests.servers import Server


def scraped(server: Server) -> dict[str, float]:
    text = httpx.get(f"{server.url}/metrics").raise_for_status().text
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels
    }


def readiness(server: Server) -> tuple[int, dict[str, str]]:
    answer = httpx.get(f"{server.url}/readyz", timeout=10)
    return answer.status_code, answer.json()["checks"]


def test_a_healthy_process_says_so_whatever_name_it_is_called_by(server: Server) -> None:
    answer = httpx.get(f"{server.url}/healthz", headers={"Host": "10.1.2.3"})
    assert (answer.status_code, answer.text) == (200, "ok\n")
    status, checks = readiness(server)
    assert status == 200
    assert checks == {"database": "ok", "bus": "ok", "journal": "ok", "draining": "ok"}


async def test_metrics_count_what_happens(new_server: Any) -> None:
    server = new_server()
    document = server.new_document()
    async with Client(server, document, ack="count") as bob, Client(server, document) as carol:
        for _ in range(10):
            bob.types("x")
        await bob.all_saved()
        await carol.sees("x" * 10)
        counted = await asyncio.to_thread(scraped, server)
    assert counted["collab_connections"] == counted["collab_members"] == 2
    assert counted["collab_rooms"] == 1
    await until(lambda: scraped(server)["collab_connections"] == 0)
    assert counted["collab_edits_total"] == 10
    assert 1 <= counted["collab_flushes_total"] <= 10
    assert counted["collab_commit_seconds_count"] >= 1
    assert 1 <= counted["collab_apply_seconds_count"] <= 10
    assert counted["collab_frames_in_total"] >= 14
    assert counted["collab_bytes_out_total"] > 100
    assert counted["collab_journal_bytes"] == 0


def test_metrics_are_for_allowed_addresses_only(new_server: Any) -> None:
    server = new_server(COLLAB_METRICS_ALLOWED="10.0.0.0/8")
    assert httpx.get(f"{server.url}/metrics").status_code == 403
    # No proxy was announced, so that what the header says is the client's own word.
    forged = {"X-Forwarded-For": "10.1.1.1"}
    assert httpx.get(f"{server.url}/metrics", headers=forged).status_code == 403


def test_a_proxy_that_nobody_told_us_of_does_not_make_the_world_local(new_server: Any) -> None:
    server = new_server()
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    assert httpx.get(f"{server.url}/metrics").status_code == 200
    assert httpx.get(f"{server.url}/metrics", headers=forwarded).status_code == 403


def test_behind_a_proxy_the_clients_address_counts(new_server: Any) -> None:
    server = new_server(COLLAB_PROXIES="1", COLLAB_METRICS_ALLOWED="10.0.0.0/8")
    for chain, status in [("10.1.1.1", 200), ("10.1.1.1, 203.0.113.9", 403)]:
        headers = {"X-Forwarded-For": chain}
        assert httpx.get(f"{server.url}/metrics", headers=headers).status_code == status


async def test_a_draining_process_is_not_ready(new_server: Any) -> None:
    server = new_server(COLLAB_DRAIN_S="3")
    document = server.new_document()
    async with httpx.AsyncClient() as browser, Client(server, document), Client(server, document):
        assert (await browser.get(f"{server.url}/readyz")).status_code == 200
        server.signal(signal.SIGTERM)
        await until(lambda: server.log_lines("stopping"))
        answer = await browser.get(f"{server.url}/readyz")  # on the connection that it has
        assert answer.status_code == 503
        assert answer.json()["checks"]["draining"] == "yes"


@pytest.mark.parametrize(("name", "check"), [("redis", "bus"), ("postgres", "database")])
async def test_what_is_away_is_named_and_comes_back(
    new_service: Any, name: str, check: str
) -> None:
    service = new_service()
    (server,) = service.servers
    backend = getattr(service, name)
    assert readiness(server)[0] == 200
    backend.kill()
    await until_ready(server, check, is_ready=False)
    backend.start()
    await until_ready(server, check, is_ready=True)


async def nothing_more() -> dict[str, Any]:
    """A client that has said all."""
    return {"type": "http.request", "body": b"", "more_body": False}


class HangingDatabase:
    """Takes every question and answers none before ``answer``."""

    def __init__(self) -> None:
        self.questions = 0
        self._may_answer = threading.Event()

    def ask(self) -> None:
        self.questions += 1
        self._may_answer.wait(10)

    def answer(self) -> None:
        self._may_answer.set()


@pytest.fixture
def hanging_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingDatabase]:
    database = HangingDatabase()
    monkeypatch.setattr(Health, "_ask_database", lambda _: database.ask())
    monkeypatch.setattr("collab.health._CHECK_S", 0.1)
    yield database
    database.answer()


@pytest.fixture
def ask() -> Callable[..., Any]:
    """Asks one /readyz of this process; the answer's status and checks."""
    health = Health(None)

    async def ask() -> tuple[int, dict[str, str]]:
        said: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        await health({"path": "/readyz", "headers": []}, nothing_more, send)
        return said[0]["status"], json.loads(said[1]["body"])["checks"]

    return ask


@pytest.mark.django_db(transaction=True)
async def test_however_many_ask_a_database_that_hangs_is_asked_once(
    ask: Callable[..., Any], hanging_database: HangingDatabase
) -> None:
    for status, checks in await asyncio.gather(*(ask() for _ in range(50))):
        assert (status, checks["database"]) == (503, "does not work")
    assert hanging_database.questions == 1


@pytest.mark.django_db(transaction=True)
async def test_an_answer_that_took_longer_than_it_is_kept_is_kept_all_the_same(
    ask: Callable[..., Any], hanging_database: HangingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[None] = []

    async def check_bus() -> None:
        checked.append(None)

    monkeypatch.setattr("collab.health._check_bus", check_bus)
    monkeypatch.setattr("collab.health._CHECK_S", 1.2)
    for _ in range(3):
        await ask()
    assert len(checked) == 1


@pytest.mark.django_db(transaction=True)
async def test_a_database_that_hangs_keeps_one_thread_however_often_it_is_asked(
    ask: Callable[..., Any], hanging_database: HangingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collab.health._CACHED_S", 0)
    for _ in range(5):
        assert (await ask())[0] == 503
    assert hanging_database.questions == 1
    hanging_database.answer()
    async with asyncio.timeout(5):
        while (await ask())[0] != 200:
            pass


@pytest.mark.django_db(transaction=True)
async def test_an_asker_who_goes_away_leaves_the_others_their_answer(
    ask: Callable[..., Any], hanging_database: HangingDatabase
) -> None:
    impatient, patient = asyncio.create_task(ask()), asyncio.create_task(ask())
    await until(lambda: hanging_database.questions)
    impatient.cancel()
    assert (await patient)[0] == 503


@pytest.mark.parametrize(
    ("address", "may"),
    [
        *[(address, True) for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1")],
        *[(address, False) for address in ("203.0.113.9", "::ffff:203.0.113.9", "", "nonsense")],
    ],
)
async def test_an_address_is_allowed_in_either_notation(address: str, may: bool) -> None:
    said: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    scope = {"path": "/metrics", "headers": [], "client": [address, 1]}
    await Health(None)(scope, nothing_more, send)
    assert said[0]["status"] == (200 if may else 403)


async def until_ready(server: Server, check: str, *, is_ready: bool) -> None:
    async with asyncio.timeout(20):
        while True:
            status, checks = await asyncio.to_thread(readiness, server)
            if (status == 200, checks[check] == "ok") == (is_ready, is_ready):
                return
            await asyncio.sleep(0.1)
