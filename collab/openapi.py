"""The API's description of itself: what ninja derives from the code, and what it cannot know.

That is what every operation may answer besides its success: problems, by rules on its path and
method; operations add their own with ``described``. What an operation is called is the first
sentence of its docstring.
"""

import re
from http import HTTPStatus
from typing import Any

from ninja import NinjaAPI, Schema
from ninja.operation import Operation
from pydantic import ConfigDict
from pydantic.json_schema import JsonSchemaMode, models_json_schema

PROBLEM = "application/problem+json"
_REF_TEMPLATE = "#/components/schemas/{model}"
_SENTENCE = re.compile(r".+?(?=\.\s|\.?$)", re.DOTALL)
_AWAITING = "Async"  # how the names of security schemes' twins begin
_SERVERS = [{"url": "/"}]
_FIRST_STEPS = """

**Token**: in the browser under your name, or `manage.py issue_token NAME`. Send it as
`Authorization: Bearer collab_…`; `GET /api/v1/me` says who you are. Guests append `?link=` and
a share link's token.

**Errors** are `application/problem+json`; decide by `code`. What you may not see is 404.

**Limits**: so many requests a minute; then 429, and 503 when the service is busy, both with
`Retry-After` in seconds.

**ETags** number what is committed: `If-None-Match` on a snapshot, `If-Match` or `base` on a
write. `Idempotency-Key` makes it safe to send a write again.

**Lists** are `{"items", "next"}`: follow `next` until it is null.

All the rest: `docs/api.md`, and ten worked examples in `docs/examples.md`, where Collab's
source is.
"""
_SAFE = frozenset({"get", "head", "options"})
_LINK = {
    "in": "query",
    "name": "link",
    "required": False,
    "schema": {"type": "string", "maxLength": 64},
    "description": "A share link's token: opens the document to whoever has it.",
}
_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "Sent again within 24 hours, the request is answered again and not done again.",
}
_IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag that the content must still have; else 412.",
}
IDEMPOTENT = [_IDEMPOTENCY_KEY]
CONDITIONAL = [_IDEMPOTENCY_KEY, _IF_MATCH]
ETAG = {"ETag": {"schema": {"type": "string"}, "description": "Changes iff the content does."}}


class Problem(Schema):
    """RFC 9457. ``code`` is stable: programs decide by it. More members may follow."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "no such document, or it is not shared with you",
                    "code": "not-found",
                }
            ]
        }
    )
    type: str
    title: str
    status: int
    detail: str
    code: str


_components: dict[str, type[Schema]] = {}


def component(shape: type[Schema]) -> dict[str, str]:
    """A reference to a shape of bodies that Ninja itself neither reads nor writes."""
    _components[shape.__name__] = shape
    return {"$ref": _REF_TEMPLATE.format(model=shape.__name__)}


_PROBLEM_SHAPE = component(Problem)


def described(
    *statuses: int, answers: dict[int, Any] | None = None, **extra: Any
) -> dict[str, Any]:
    """``openapi_extra``: problems of an operation's own, other answers, and what else there is."""
    own = {status: _problem(status) for status in statuses}
    return {"responses": own | (answers or {}), **extra}


class DescribedAPI(NinjaAPI):
    """An API whose description names every status that it answers with."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The resource and the function: stable names for generated clients."""
        view = operation.view_func
        return f"{view.__module__.rpartition('.')[2]}_{view.__name__}"

    def get_openapi_schema(self, **options: Any) -> Any:
        schema = super().get_openapi_schema(**options)
        schema["info"]["description"] += _FIRST_STEPS
        schema["servers"] = schema["servers"] or _SERVERS
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                _complete(operation, path, method)
        components = schema["components"]
        components.setdefault("schemas", {}).update(_described_components())
        components["securitySchemes"] = _plain(components.get("securitySchemes", {}))
        return schema


def _described_components() -> dict[str, Any]:
    shapes: list[tuple[type[Schema], JsonSchemaMode]] = [
        (shape, "validation") for shape in _components.values()
    ]
    _, together = models_json_schema(shapes, ref_template=_REF_TEMPLATE)
    definitions: dict[str, Any] = together["$defs"]
    return definitions


def _plain(schemes: dict[str, Any]) -> dict[str, Any]:
    """Without the twins of operations that await: to a client they are the same."""
    return {name.removeprefix(_AWAITING): scheme for name, scheme in schemes.items()}


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    if says := _SENTENCE.match(operation.get("description", "")):
        operation["summary"] = " ".join(says[0].replace("`", "").split())
    if "security" in operation:
        operation["security"] = [_plain(each) for each in operation["security"]]
    is_of_document = "{document_id}" in path
    statuses = {400, 401, 429, 503}
    if method not in _SAFE or is_of_document:
        statuses.add(403)
    if "{" in path:
        statuses.add(404)
    if "requestBody" in operation:
        statuses |= {413, 422}
    elif operation.get("parameters"):
        statuses.add(422)
    for status in statuses:
        operation["responses"].setdefault(status, _problem(status))
    if is_of_document:
        operation["parameters"] = [*operation.get("parameters", []), _LINK]


def _problem(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM: {"schema": _PROBLEM_SHAPE}},
    }
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
        answer["headers"] = {"Retry-After": seconds}
    return answer
