"""star: the documents that somebody wants at hand; ``GET documents?filter=starred`` lists them."""

from uuid import UUID

from django.http import HttpRequest
from ninja import Router
from ninja.responses import Status

from documents.api.authorize import open_document, signed_in
from documents.models import Star

router = Router()


@router.put("/{uuid:document_id}/star", response={204: None})
def star(request: HttpRequest, document_id: UUID) -> Status[None]:
    """Star a document: put it among those that you want at hand; twice is once."""
    document, _ = open_document(request, document_id, in_trash=True)
    Star.objects.get_or_create(document=document, user=signed_in(request))
    return Status(204, None)


@router.delete("/{uuid:document_id}/star", response={204: None})
def unstar(request: HttpRequest, document_id: UUID) -> Status[None]:
    """Unstar a document: take it from among those; twice is once."""
    document, _ = open_document(request, document_id, in_trash=True)
    Star.objects.filter(document=document, user=signed_in(request)).delete()
    return Status(204, None)
