"""/healthz, /readyz and /metrics: for supervisors, proxies and Prometheus.

Plain ASGI before Django: no host name to match, no thread to wait for, no middleware. Says
what works and nothing else; only /metrics is closed to strangers.
"""

import asyncio
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from collab import metrics
from collab.addresses import address_of
from collab.database import in_database_thread
from documents.sync.bus import PEOPLE_GROUP
from documents.sync.hub import Hub, current_hub

logger = logging.getLogger(__name__)

_CHECK_S = 2.0
_CACHED_S = 1.0  # so that nobody can load the database by asking
_JOURNAL_MAY_WAIT_S = 10.0

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Any  # an ASGI application; Django types its own more narrowly


class Health:
    """Answers its three paths, and hands everything else to ``application``."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._readiness: tuple[float, dict[str, str]] | None = None
        self._asking: asyncio.Task[dict[str, str]] | None = None
        self._probe: asyncio.Future[None] | None = None
        self._is_migrated = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["path"]:
            case "/healthz":
                await _answer(send, 200, b"ok\n")
            case "/readyz":
                await self._answer_readiness(send)
            case "/metrics":
                await _answer_metrics(scope, send)
            case _:
                await self._application(scope, receive, send)

    async def _answer_readiness(self, send: Send) -> None:
        checks = await self._checks()
        is_ready = all(said == "ok" for said in checks.values())
        body = json.dumps({"status": "ready" if is_ready else "not ready", "checks": checks})
        await _answer(send, 200 if is_ready else 503, body.encode(), b"application/json")

    async def _checks(self) -> dict[str, str]:
        # Draining is not cached: whoever asks must not send anybody here any more.
        return {**await self._backends(), **_state_of(current_hub())}

    async def _backends(self) -> dict[str, str]:
        """What was found within the last second; else found out, once for all who ask now."""
        loop = asyncio.get_running_loop()
        if self._readiness is not None and loop.time() - self._readiness[0] < _CACHED_S:
            return self._readiness[1]
        if self._asking is None or self._asking.done():
            self._asking = loop.create_task(self._ask_backends())
        return await asyncio.shield(self._asking)  # that one asker goes must not stop the others

    async def _ask_backends(self) -> dict[str, str]:
        database, bus = await asyncio.gather(
            _outcome("database", self._check_database()), _outcome("bus", _check_bus())
        )
        said = {"database": database, "bus": bus}
        # From the end on: checks that hang for longer than that would never be kept.
        self._readiness = asyncio.get_running_loop().time(), said
        return said

    async def _check_database(self) -> None:
        # A thread outlives its timeout: a database that hangs may keep one of them, not all.
        if self._probe is None or self._probe.done():
            self._probe = asyncio.ensure_future(in_database_thread(self._ask_database)())
        await asyncio.shield(self._probe)

    def _ask_database(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not self._is_migrated:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                raise RuntimeError("migrations are missing")
            self._is_migrated = True


def _state_of(hub: Hub) -> dict[str, str]:
    waits = hub.journal.is_failing or hub.journal.oldest_pending_s > _JOURNAL_MAY_WAIT_S
    return {
        "journal": "edits wait to be stored" if waits else "ok",
        "draining": "yes" if hub.is_draining else "ok",
    }


async def _check_bus() -> None:
    await get_channel_layer().group_send(PEOPLE_GROUP, {"type": "are.you.there"})


async def _outcome(name: str, check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(_CHECK_S):
            await check
    except Exception as error:  # whatever it is, it does not work
        logger.warning("not ready", extra={"check": name, "error": f"{error!r:.200}"})
        return "does not work"
    return "ok"


async def _answer_metrics(scope: Scope, send: Send) -> None:
    address = address_of(scope, settings.COLLAB.proxies)
    # A proxy that nobody told us of must not make the world look local.
    is_forwarded = any(name == b"x-forwarded-for" for name, _ in scope["headers"])
    if not _may_read_metrics(address) or (is_forwarded and not settings.COLLAB.proxies):
        await _answer(send, 403, b"not from your address\n")
        return
    _measure(current_hub())
    await _answer(send, 200, generate_latest(), CONTENT_TYPE_LATEST.encode())


def _may_read_metrics(address: str) -> bool:
    try:
        client = ipaddress.ip_address(address)
    except ValueError:
        return False
    # Who listens on "::" sees callers by IPv4 as ::ffff:127.0.0.1.
    client = getattr(client, "ipv4_mapped", None) or client
    return any(client in ipaddress.ip_network(each) for each in settings.COLLAB.metrics_allowed)


def _measure(hub: Hub) -> None:
    """What need not be counted while it changes."""
    metrics.ROOMS.set(len(hub.rooms))
    metrics.MEMBERS.set(sum(len(room.members) for room in hub.rooms.values()))
    metrics.JOURNAL_BYTES.set(hub.journal.pending_bytes)
    metrics.JOURNAL_AGE_S.set(hub.journal.oldest_pending_s)


async def _answer(
    send: Send, status: int, body: bytes, content_type: bytes = b"text/plain; charset=utf-8"
) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
