"""The shape of a block, for OpenAPI: what snapshots answer with and bodies of blocks hold.

Only described here: whether blocks are right is said by ``documents.formats.blocks``.
"""

from typing import Annotated, Any

from ninja import Schema
from pydantic import ConfigDict, Field, GetJsonSchemaHandler, TypeAdapter
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from collab.openapi import component
from documents.formats.blocks import PROPS

BLOCK: JsonDict = {
    "id": "0d5b7c1e-6a2f-4f0e-b1c9-7e8d3a5f2b64",
    "type": "heading",
    "props": {"level": 1, "textAlignment": "left"},
    "content": [{"type": "text", "text": "Plan", "styles": {}}],
    "children": [],
}


class Block(Schema):
    """As the editor's ``editor.document`` gives it; in a body all but ``type`` may be left out.

    ``props`` depend on the type. ``content``: a text, or a list of runs ``{"type": "text",
    "text", "styles"}`` and links; of tables an object with ``rows``; files have none.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [BLOCK]})
    id: str = ""
    type: Annotated[str, Field(json_schema_extra={"enum": [*sorted(PROPS)]})]
    props: dict[str, Any] = {}
    content: str | list[Any] | dict[str, Any] | None = None
    children: list["Block"] = []


class _AsContent:
    """Shows what is looked at only when it is converted, in a thread."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(TypeAdapter(str | list[Block] | None).core_schema)


Content = Annotated[Any, _AsContent()]
BLOCKS: dict[str, Any] = {"type": "array", "items": component(Block)}


class WholeContent(Schema):
    """All that a document is to say, in ``format``: a list for ``blocks``, else a text."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"content": "# Plan\n\n- [ ] milk"},
                {"content": [BLOCK], "format": "blocks"},
            ]
        }
    )
    content: str | list[Block]
    format: Annotated[
        str, Field(json_schema_extra={"enum": ["markdown", "html", "text", "blocks"]})
    ] = "markdown"
