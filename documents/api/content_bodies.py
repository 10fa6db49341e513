"""The bodies of writes: what they look like, and what they say.

Ninja would parse them on the event loop and before anybody has asked for the sender's role.
Here they are parsed by whoever converts them, in that thread, and described for OpenAPI.
"""

import json
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest
from ninja import Schema
from ninja.errors import ValidationError
from pydantic import ConfigDict, Field
from pydantic import ValidationError as Invalid

from collab.errors import CollabError, ProtocolError, TooLarge
from collab.openapi import component
from documents import content
from documents.api.block_shapes import WholeContent
from documents.content import Format
from documents.formats.blocks import characters_in
from documents.formats.inline import check_text
from documents.formats.operations import Operation

_FORMATS = {
    "text/markdown": Format.MARKDOWN,
    "text/html": Format.HTML,
    "text/plain": Format.TEXT,
}
_JSON = "application/json"
_MOST_OPERATIONS = 100
_WRITTEN = ("markdown", "html", "text", "blocks")
_BYTES_A_CHARACTER = 8  # escapes, and what blocks have beside their text
_AT = ("body", "body")  # where Ninja says that a fault is


class UnsupportedMediaType(CollabError):
    """A body in a form that this resource does not read."""

    status, code = 415, "unsupported-media-type"


class OperationIn(Schema):
    """One change; ``content`` in ``format``, ``block`` is a block's id."""

    model_config = ConfigDict(extra="forbid")
    op: Literal[
        "append",
        "prepend",
        "insert_before",
        "insert_after",
        "replace_block",
        "delete_block",
        "replace_text",
    ]
    content: Any = None
    format: Literal["markdown", "html", "text", "blocks"] = "markdown"
    block: str = ""
    find: str = ""
    replace: str = ""
    all: bool = False


_CONTENT = frozenset({"content", "format"})
_TAKES = {
    "append": _CONTENT,
    "prepend": _CONTENT,
    "insert_before": _CONTENT | {"block"},
    "insert_after": _CONTENT | {"block"},
    "replace_block": _CONTENT | {"block"},
    "delete_block": frozenset({"block"}),
    "replace_text": frozenset({"find", "replace", "all"}),
}


class ContentChange(Schema):
    """Operations: all are carried out, or none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"operations": [{"op": "append", "content": "- 14:02 deployed **v1.4**"}]},
                {"operations": [{"op": "replace_text", "find": "TODO", "replace": "done"}]},
            ]
        },
    )
    operations: Annotated[list[OperationIn], Field(min_length=1, max_length=_MOST_OPERATIONS)]


# -- For OpenAPI ----------------------------------------------------------------------------
def _change_schema() -> dict[str, Any]:
    schema = ContentChange.model_json_schema()
    schema["properties"]["operations"]["items"] = schema.pop("$defs")[OperationIn.__name__]
    return schema


_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_WHOLE: dict[str, Any] = {"schema": component(WholeContent)}
WHOLE_BODY = {"required": True, "content": {**dict.fromkeys(_FORMATS, _TEXT), _JSON: _WHOLE}}
CHANGE_BODY = {"required": True, "content": {_JSON: {"schema": _change_schema()}}}
UPDATE_BODY = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}


# -- Reading --------------------------------------------------------------------------------
def most_bytes() -> int:
    """How long a body can be that is within ``max_content_bytes``."""
    return _BYTES_A_CHARACTER * int(settings.COLLAB.max_content_bytes)


def format_of(request: HttpRequest) -> Format | None:
    """By the Content-Type; None for JSON, which says it itself. Raises UnsupportedMediaType."""
    kind = request.content_type or ""
    if kind != _JSON and kind not in _FORMATS:
        raise UnsupportedMediaType(f"send {', '.join(_FORMATS)} or {_JSON}")
    return _FORMATS.get(kind)


def whole_content(body: bytes, given: Format | None) -> tuple[Any, Format]:
    """A whole document and its format. Raises ProtocolError."""
    try:
        if given is not None:
            return body.decode(), given
        said = json.loads(body)
        content, name = said["content"], said.get("format", "markdown")
    except UnicodeDecodeError:
        raise ProtocolError("a text must be UTF-8") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ProtocolError("JSON must be {content, format}") from None
    if name not in _WRITTEN:
        raise ProtocolError(f"format must be one of {', '.join(_WRITTEN)}")
    return content, Format(name)


def operations_in(body: bytes) -> list[Operation]:
    """What is to be done, converted. Raises ProtocolError, ValidationError, TooLarge …"""
    try:
        change = ContentChange.model_validate(json.loads(body))
    except Invalid as invalid:
        faults = invalid.errors(include_url=False, include_context=False, include_input=False)
        raise ValidationError([{**fault, "loc": _AT + fault["loc"]} for fault in faults]) from None
    except (ValueError, RecursionError):
        raise ProtocolError("the body must be JSON") from None
    limit = settings.COLLAB.max_content_bytes
    if sum(characters_in(each.content) for each in change.operations) > limit:
        raise TooLarge(f"all contents together may have {limit:,} characters")
    return [_operation(each, number) for number, each in enumerate(change.operations)]


def _operation(given: OperationIn, number: int) -> Operation:
    at = f"operations[{number}]"
    for name in given.model_fields_set - _TAKES[given.op] - {"op"}:
        raise ProtocolError(f"{at}: {given.op} takes no {name}")  # it would be taken for a limit
    for name in ("block", "find", "replace"):
        check_text(getattr(given, name), f"{at}.{name}")
    needs_block = given.op in {"insert_before", "insert_after", "replace_block", "delete_block"}
    if needs_block and not given.block:
        raise ProtocolError(f"{at}: {given.op} needs a block")
    if given.op == "replace_text":
        if not given.find:
            raise ProtocolError(f"{at}: replace_text needs a text to find")
        return Operation(given.op, find=given.find, replace=given.replace, all=given.all)
    if given.op == "delete_block":
        return Operation(given.op, block=given.block)
    if given.content is None:
        raise ProtocolError(f"{at}: {given.op} needs content")
    blocks = content.parsed_to_insert(given.content, Format(given.format))
    return Operation(given.op, content=blocks, block=given.block)
