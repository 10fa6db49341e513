"""Deliveries on their way: claimed, signed, sent, tried again, and what came of it.

Signed as Standard Webhooks 1.0 has it. At least once: an attempt whose worker was killed is
made again, under the same id. As many workers may run as like to; each claims what it sends,
and of one host and of one user only a few at a time, so that a slow one keeps nobody else
waiting.
"""

import asyncio
import base64
import hmac
import json
import logging
import random
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from collab.database import in_database_thread
from collab.outbound import NotReached, UrlNotAllowed, post
from documents.models import Delivery, Document, Event, Webhook
from documents.webhooks import may_hear, tell_of_updates

logger = logging.getLogger(__name__)

# Seconds after each failure: a day in all. Each a little more or less, so that what failed
# together does not come back together.
RETRY_AFTER_S = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 21600, 36000)
_JITTER = 0.2
_PATIENCE = timedelta(seconds=(1 - _JITTER) * sum(RETRY_AFTER_S))
_PAUSE_S, _AWAY_S = 1.0, 5.0
_AT_ONCE = 50
_AT_ONCE_OF_HOST = 4  # whatever its ports
_AT_ONCE_OF_USER = 10  # however many hosts they name
_TIDY_EVERY_S = 3600.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt. ``status`` is None when nothing answered."""

    status: int | None
    error: str
    ms: int

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


# -- One attempt ----------------------------------------------------------------------------
def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """``v1,`` and the base64 of an HMAC-SHA256. Source: Standard Webhooks, "Signature scheme"."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


async def attempt(delivery_id: UUID) -> None:
    """Send a claimed delivery, if its user may still know of it, and write down what came of it."""
    delivery = await in_database_thread(_still_wanted)(delivery_id)
    if delivery is None:
        return
    outcome = await _send(delivery)
    await in_database_thread(record)(delivery_id, outcome, timezone.now())


def _still_wanted(delivery_id: UUID) -> Delivery | None:
    found = Delivery.objects.select_related("webhook__user__profile", "document")
    delivery = found.filter(pk=delivery_id).first()
    if delivery is None:
        return None
    document: Document | None = delivery.document
    if document is not None and not may_hear(delivery.webhook, document, Event(delivery.event)):
        _settle(delivery, error="no access to the document any more")
        return None
    return delivery


async def _send(delivery: Delivery) -> Outcome:
    conf, clock = settings.COLLAB, asyncio.get_running_loop().time
    began = clock()
    body = json.dumps(delivery.payload, ensure_ascii=False, separators=(",", ":")).encode()
    message_id, now = str(delivery.id), int(timezone.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Collab-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(delivery.webhook.secret, message_id, now, body),
    }
    status, error = None, ""
    try:
        status = await post(
            delivery.webhook.url,
            headers,
            body,
            sender=f"user:{delivery.webhook.user_id}",
            allowed=conf.webhook_allowed_networks,
            within_s=conf.webhook_timeout_s,
        )
    except (NotReached, UrlNotAllowed) as fault:
        error = str(fault)
    return Outcome(status, error, round((clock() - began) * 1000))


# -- What comes of it -----------------------------------------------------------------------
def record(delivery_id: UUID, outcome: Outcome, now: datetime) -> None:
    """Write down an attempt: delivered, to be tried again, or given up with its webhook."""
    with transaction.atomic():
        locked = Delivery.objects.select_for_update(of=("self",)).select_related("webhook")
        delivery = locked.filter(pk=delivery_id).first()
        if delivery is None:
            return
        webhook = delivery.webhook
        delivery.attempts += 1
        delivery.last_status, delivery.last_ms = outcome.status, outcome.ms
        if outcome.is_success:
            delivery.delivered_at = now
            _settle(delivery)
            Webhook.objects.filter(pk=webhook.pk).update(failing_since=None)
            return
        if delivery.event != Event.TEST and webhook.failing_since is None:
            webhook.failing_since = now
            Webhook.objects.filter(pk=webhook.pk).update(failing_since=now)
        _after_failure(delivery, outcome, now)


def _after_failure(delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    if outcome.status == _GONE:
        _settle(delivery, error="the receiver wants no more of them (410)")
        _disable(delivery.webhook, "the receiver answered 410 Gone")
    elif delivery.event == Event.TEST:
        _settle(delivery, error=outcome.error)
    elif delivery.attempts <= len(RETRY_AFTER_S):
        pause_s = RETRY_AFTER_S[delivery.attempts - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
        _settle(delivery, error=outcome.error, again_at=now + timedelta(seconds=pause_s))
    else:
        _settle(delivery, error=outcome.error)
        since = delivery.webhook.failing_since
        if since is not None and now - since >= _PATIENCE:
            _disable(delivery.webhook, f"nothing was delivered since {since:%Y-%m-%d %H:%M} UTC")


def _settle(delivery: Delivery, *, error: str = "", again_at: datetime | None = None) -> None:
    delivery.last_error, delivery.next_attempt_at = error[:200], again_at
    delivery.save()


def _disable(webhook: Webhook, reason: str) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(is_enabled=False, disabled_reason=reason)
    webhook.deliveries.update(next_attempt_at=None)
    logger.warning("webhook disabled", extra={"webhook": webhook.pk, "reason": reason})


# -- The worker -----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker is to attempt."""

    delivery_id: UUID
    host: str
    user_id: int


class InFlight:
    """The attempts that a worker has under way."""

    def __init__(self, claimed: Iterable[Claimed] = ()) -> None:
        self._hosts: Counter[str] = Counter(each.host for each in claimed)
        self._users: Counter[int] = Counter(each.user_id for each in claimed)

    def copy(self) -> "InFlight":
        """For another thread."""
        copy = InFlight()
        copy._hosts, copy._users = self._hosts.copy(), self._users.copy()
        return copy

    @property
    def total(self) -> int:
        return self._hosts.total()

    @property
    def busy_hosts(self) -> list[str]:
        return [host for host, count in self._hosts.items() if count >= _AT_ONCE_OF_HOST]

    @property
    def busy_users(self) -> list[int]:
        return [user for user, count in self._users.items() if count >= _AT_ONCE_OF_USER]

    def has_room_for(self, one: Claimed) -> bool:
        return (
            self._hosts[one.host] < _AT_ONCE_OF_HOST and self._users[one.user_id] < _AT_ONCE_OF_USER
        )

    def begin(self, one: Claimed) -> None:
        self._hosts[one.host] += 1
        self._users[one.user_id] += 1

    def end(self, one: Claimed) -> None:
        # Those with none are dropped.
        self._hosts -= Counter([one.host])
        self._users -= Counter([one.user_id])


def claim(now: datetime, *, in_flight: InFlight) -> list[Claimed]:
    """Deliveries that are due and for which there is room, now ours for a while."""
    most = _AT_ONCE - in_flight.total
    waiting = Delivery.objects.filter(next_attempt_at__lte=now, webhook__is_enabled=True)
    if not most or not waiting.exists():  # asked first: on SQLite the rest keeps writers waiting
        return []
    lease = timedelta(seconds=3 * settings.COLLAB.webhook_timeout_s)
    claimed = []
    with transaction.atomic():
        due = (
            waiting.select_for_update(skip_locked=True, of=("self",))
            .exclude(webhook__host__in=in_flight.busy_hosts)
            .exclude(webhook__user_id__in=in_flight.busy_users)
            .order_by("next_attempt_at")
            .values_list("id", "webhook__host", "webhook__user_id")
        )
        for one in (Claimed(*row) for row in due[:most]):
            if in_flight.has_room_for(one):
                in_flight.begin(one)
                claimed.append(one)
        Delivery.objects.filter(id__in=[each.delivery_id for each in claimed]).update(
            next_attempt_at=now + lease
        )
    return claimed


def forget_old(now: datetime) -> None:
    """Drop what the log need not show any more."""
    kept = timedelta(days=settings.COLLAB.webhook_log_days)
    Delivery.objects.filter(created_at__lt=now - kept).delete()


class Worker:
    """Goes on until ``stop``; then what is under way is finished."""

    def __init__(self) -> None:
        self._in_flight = InFlight()
        self._news = asyncio.Event()
        self._is_stopping = False

    def stop(self) -> None:
        self._is_stopping = True
        self._news.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            noticing = tasks.create_task(self._notice())
            while not self._is_stopping:
                self._news.clear()
                if not await self._send_due(tasks):
                    await self._wait()
            noticing.cancel()

    async def _notice(self) -> None:
        """Look for documents that have come to rest, and for deliveries too old to keep."""
        clock = asyncio.get_running_loop().time
        tidy_at = clock()
        while True:
            try:
                while await in_database_thread(tell_of_updates)(timezone.now()):
                    self._news.set()
                if clock() >= tidy_at:
                    tidy_at = clock() + _TIDY_EVERY_S
                    await in_database_thread(forget_old)(timezone.now())
            except Exception:  # the database is away: a later look will do
                logger.exception("updates not noticed")
                await asyncio.sleep(_AWAY_S)
            await asyncio.sleep(_PAUSE_S)

    async def _send_due(self, tasks: asyncio.TaskGroup) -> bool:
        """Begin with what is due; whether there was anything that may be begun."""
        try:
            claimed = await in_database_thread(claim)(
                timezone.now(), in_flight=self._in_flight.copy()
            )
        except Exception:  # likewise
            logger.exception("deliveries not claimed")
            await asyncio.sleep(_AWAY_S)
            return False
        for one in claimed:
            self._in_flight.begin(one)
            tasks.create_task(self._attempt(one))
        return bool(claimed)

    async def _attempt(self, one: Claimed) -> None:
        try:
            await attempt(one.delivery_id)
        except Exception:  # one delivery's trouble is not the others'; it is claimed again later
            logger.exception("delivery failed", extra={"delivery": one.delivery_id})
        finally:
            self._in_flight.end(one)
            self._news.set()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_PAUSE_S):
                await self._news.wait()
