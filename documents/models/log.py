"""The append-only log of each document, its compacted state, and what was refused as dangerous.

Only ``documents.sync.log`` reads and writes these tables.
"""

from django.conf import settings
from django.db import models


class LogEntry(models.Model):
    """One author's updates of one commit, merged. ``seq`` counts 1, 2, 3 … without gaps."""

    document = models.ForeignKey(
        "documents.Document",
        on_delete=models.CASCADE,
        related_name="log",
        db_index=False,  # ``gapless_log`` is one
    )
    seq = models.PositiveBigIntegerField()
    update = models.BinaryField(help_text="A Yjs update, encoding v1")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    author_name = models.CharField(max_length=100, blank=True, help_text="Guests have no user")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "seq"], name="gapless_log")]

    def __str__(self) -> str:
        return f"{self.document_id} #{self.seq}"


class Snapshot(models.Model):
    """A document's state up to ``seq``: what loading starts from."""

    document = models.OneToOneField(
        "documents.Document", on_delete=models.CASCADE, related_name="snapshot", primary_key=True
    )
    seq = models.PositiveBigIntegerField()
    state = models.BinaryField(help_text="A Yjs update, encoding v1, with what was still pending")
    created_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.document_id} up to #{self.seq}"


class Quarantine(models.Model):
    """An update that broke a replica, kept for whoever mends the cause; never applied again."""

    document = models.ForeignKey(
        "documents.Document", on_delete=models.CASCADE, related_name="quarantined"
    )
    update = models.BinaryField()
    reason = models.TextField()
    author_name = models.CharField(max_length=100, blank=True)
    ended_process = models.BooleanField(
        default=False, help_text="It crashed or stalled a process: whoever sends it is refused"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.document_id}: {self.reason[:60]}"
