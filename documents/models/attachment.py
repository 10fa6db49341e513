"""A file that belongs to a document: what is known of it. Its bytes are in the storage."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class Attachment(models.Model):
    """``name`` is for people alone: neither the type nor the place of the file comes from it.

    The last three fields are ``documents.orphans``' own.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    document = models.ForeignKey(
        "documents.Document", on_delete=models.CASCADE, related_name="attachments"
    )
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=100, help_text="Media type, by content")
    size = models.PositiveBigIntegerField(help_text="Bytes")
    width = models.PositiveIntegerField(null=True, help_text="Pixels, of a picture")
    height = models.PositiveIntegerField(null=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    unreferenced_since = models.DateTimeField(
        null=True, default=timezone.now, help_text="Since when no content refers to it"
    )
    checked_at = models.DateTimeField(default=timezone.now, db_index=True)
    checked_head = models.PositiveBigIntegerField(
        default=0, help_text="The document's head when that was last looked at"
    )

    class Meta:
        indexes = [models.Index(fields=["document", "created_at", "id"], name="attachment_list")]

    def __str__(self) -> str:
        return f"{self.id}: {self.type}, {self.size:,} bytes"

    @property
    def key(self) -> str:
        """The file's name in the storage: random, in one of 256 folders."""
        return key_of(self.id)


def key_of(attachment_id: uuid.UUID) -> str:
    """Where the bytes of an attachment are, or would be."""
    return f"{attachment_id.hex[:2]}/{attachment_id.hex}"
