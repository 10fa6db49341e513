"""Versions: states of a document that are kept for people, and where the search for them stands.

``documents.versions`` keeps, names and restores them; ``documents.review`` finds where they begin.
"""

from django.conf import settings
from django.db import models


class Version(models.Model):
    """What the log said at row ``seq``. ``number`` counts 1, 2, 3 … and is never given twice."""

    class Kind(models.TextChoices):
        SESSION = "session", "the end of a session"
        NAMED = "named", "named by somebody"
        BEFORE_RESTORE = "before-restore", "before a version was restored"
        BEFORE_DELETION = "before-deletion", "before much was deleted"

    document = models.ForeignKey(
        "documents.Document", on_delete=models.CASCADE, related_name="versions"
    )
    number = models.PositiveIntegerField()
    seq = models.PositiveBigIntegerField(help_text="The last log row that it holds")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    label = models.CharField(max_length=200, blank=True, help_text="With one it is kept for ever")
    authors = models.JSONField(
        default=list, help_text="Who wrote since the version before: [{user, name}]"
    )
    created_at = models.DateTimeField(help_text="When the document was in this state")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_by_name = models.CharField(max_length=100, blank=True, help_text="Guests have no user")
    size = models.PositiveBigIntegerField(help_text="Bytes of the state, not compressed")
    state = models.BinaryField(help_text="A Yjs update, encoding v1, compressed with zstd")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="one_version_each")
        ]
        indexes = [models.Index(fields=["document", "seq", "number"], name="history_in_order")]

    def __str__(self) -> str:
        return f"{self.document_id} v{self.number}: {self.label or self.kind}"


class History(models.Model):
    """How far a document's log has been looked at for versions; made when that is first done."""

    document = models.OneToOneField(
        "documents.Document", on_delete=models.CASCADE, related_name="history", primary_key=True
    )
    last_number = models.PositiveIntegerField(default=0, help_text="Of the newest version ever")
    reviewed = models.PositiveBigIntegerField(
        default=0, help_text="The last row that was looked at; no later one is folded"
    )
    kept = models.PositiveBigIntegerField(
        default=0, help_text="The last row of the last session that has ended"
    )
    reviewed_at = models.DateTimeField(null=True)
    thin_at = models.DateTimeField(null=True, db_index=True, help_text="Empty: nothing to thin")

    def __str__(self) -> str:
        return f"{self.document_id}: reviewed up to #{self.reviewed}"
