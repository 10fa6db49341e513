"""That somebody has put a document among those they want at hand."""

from django.conf import settings
from django.db import models


class Star(models.Model):
    """Theirs alone: nobody else sees it, and it gives no access."""

    document = models.ForeignKey(
        "documents.Document", on_delete=models.CASCADE, related_name="stars"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="stars"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "user"], name="one_star_each")]

    def __str__(self) -> str:
        return f"{self.user_id} has starred {self.document_id}"
