"""A document: its name, its owner, and where its log stands."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models

from documents.models.sharing import Role


class Document(models.Model):
    """``head``, ``folded`` and ``announced`` are positions in the log.

    ``documents.sync.log`` alone moves them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=200, blank=True)
    folded_title = models.CharField(  # a character becomes three at most
        max_length=600, blank=True, editable=False, help_text="Casefolded, for searching"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="documents"
    )
    general_role = models.PositiveSmallIntegerField(
        choices=Role.choices,
        null=True,
        blank=True,
        help_text="What everybody may do; empty: nothing",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now_add=True, db_index=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    head = models.PositiveBigIntegerField(
        default=0, help_text="Sequence number of the last log row"
    )
    folded = models.PositiveBigIntegerField(
        default=0, help_text="The last sequence number that the snapshot holds"
    )
    announced = models.PositiveBigIntegerField(
        default=0, help_text="The last sequence number that webhooks were told of"
    )
    size = models.PositiveBigIntegerField(
        default=0, help_text="Bytes: the snapshot and the log rows after it"
    )

    class Meta:
        indexes = [
            # Of the few that webhooks are to be told of, so that looking for them costs nothing.
            models.Index(
                fields=["updated_at"],
                condition=models.Q(head__gt=models.F("announced")),
                name="unannounced",
            )
        ]

    def __str__(self) -> str:
        return self.title or str(self.id)

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        """With the title's other form, whoever changes the title."""
        self.folded_title = self.title.casefold()
        if update_fields is not None and "title" in update_fields:
            update_fields = [*update_fields, "folded_title"]
        super().save(*args, update_fields=update_fields, **options)

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None
