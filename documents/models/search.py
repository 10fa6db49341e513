"""What a document's text was when it was last looked at, for searching. ``documents.search``'s."""

from django.db import models


class SearchText(models.Model):
    """Apart from the document's row, which is read far more often than anybody searches."""

    document = models.OneToOneField(
        "documents.Document", on_delete=models.CASCADE, related_name="search_text", primary_key=True
    )
    text = models.TextField(blank=True, help_text="Casefolded: databases differ in what case is")
    head = models.PositiveBigIntegerField(default=0, help_text="The last log row that it holds")
    looked_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.document_id}: text of #{self.head}"
