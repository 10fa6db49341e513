"""Whom to tell over HTTP when something happens, and what they were told: the log of deliveries."""

import base64
import secrets
import uuid

from django.conf import settings
from django.db import models

_SECRET_BYTES = 32


class Event(models.TextChoices):
    """What can be subscribed to; ``TEST`` comes by the test button alone."""

    UPDATED = "document.updated"
    SHARED = "document.shared"
    DELETED = "document.deleted"
    RESTORED = "document.restored"
    TEST = "test"


def _new_secret() -> str:
    """As Standard Webhooks has it: easily told from other secrets."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


class Webhook(models.Model):
    """An address of somebody's, for one document or (null) for all that they own or are in.

    The secret signs, so it is kept as it is; the API shows it once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks"
    )
    document = models.ForeignKey(
        "documents.Document", on_delete=models.CASCADE, null=True, related_name="webhooks"
    )
    url = models.CharField(max_length=2000)
    host = models.CharField(max_length=255, db_index=True, help_text="Of the url, without its port")
    secret = models.CharField(max_length=100, default=_new_secret)
    events = models.JSONField(default=list)
    is_enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=200, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"webhook {self.pk} to {self.host}"


class Delivery(models.Model):
    """One message to one webhook; its id is the ``webhook-id`` by which receivers know repeats.

    ``next_attempt_at`` is null when there is nothing left to do. While an attempt is under way
    it says when others may take over from a worker that was killed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    document = models.ForeignKey(
        "documents.Document", on_delete=models.CASCADE, null=True, related_name="+"
    )
    event = models.CharField(max_length=30, choices=Event)
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True, db_index=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)
    last_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook_id}"
