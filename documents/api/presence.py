"""presence: who has the document open at this moment, in whichever process."""

from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict
from pydantic.config import JsonDict

from collab.database import in_request_thread
from documents.api.authorize import open_document
from documents.api.shapes import ANNA
from documents.sync.hub import current_hub

router = Router()


_ANNA: JsonDict = {**ANNA, "is_guest": False, "is_program": False}


class Present(Schema):
    """``is_program``: something that writes over this API."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ANNA]})
    id: str
    name: str
    color: str
    is_guest: bool
    is_program: bool


class PresentList(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_ANNA], "next": None}]})
    items: list[Present]
    next: str | None = None


@router.get("/{uuid:document_id}/presence", response=PresentList)
async def list_present(request: HttpRequest, document_id: UUID) -> PresentList:
    """Everybody who is here, once each, in the order of their names."""
    await in_request_thread(open_document)(request, document_id)
    room = await current_hub().open(document_id)
    present = [
        Present(
            id=user["id"],
            name=user["name"],
            color=user["color"],
            is_guest=user.get("guest", False),
            is_program=user.get("program", False),
        )
        for user in await room.who_is_here()
    ]
    return PresentList(items=sorted(present, key=lambda each: (each.name, each.id)))
