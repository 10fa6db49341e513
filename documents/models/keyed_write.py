"""Writes that came with an Idempotency-Key."""

from django.db import models


class KeyedWrite(models.Model):
    """What a write with this key does, noted before it is done; and how it was answered."""

    asker = models.CharField(max_length=100, help_text="Identity.id: keys are everybody's own")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the request")
    update = models.BinaryField(help_text="The Yjs update; empty if there was nothing to change")
    answer = models.JSONField(null=True, help_text="The body of the answer; null: never given")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["asker", "key"], name="one_write_a_key")]

    def __str__(self) -> str:
        return f"{self.asker}: {self.key}"
