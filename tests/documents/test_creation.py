import pycrdt
import pytest

from documents.creation import create_document
from documents.formats.tree import new_document_update
from documents.models import LogEntry
from documents.sync import log

pytestmark = pytest.mark.django_db


def test_a_document_begins_with_row_1_by_its_owner(alice):
    document = create_document(
        alice, "Plan", new_document_update([{"type": "heading", "content": "Hello"}])
    )
    assert (document.head, document.title, document.owner) == (1, "Plan", alice)
    entry = LogEntry.objects.get(document=document)
    assert (entry.seq, entry.author, entry.author_name) == (1, alice, "alice")

    doc = pycrdt.Doc()
    doc.apply_update(log.read(document.id).updates[0])
    assert "Hello" in str(doc.get("content", type=pycrdt.XmlFragment))
