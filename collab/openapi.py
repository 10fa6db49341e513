"""The API's description of itself: what ninja derives from the code, and what it cannot know.

That is what every operation may answer besides its success: problems, by rules on its path and
method; operations add their own with ``described``.
"""

from http import HTTPStatus
from typing import Any

from ninja import NinjaAPI, Schema
from ninja.operation import Operation
from pydantic import ConfigDict

PROBLEM = "application/problem+json"
_REF = {"$ref": "#/components/schemas/Problem"}
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
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                _complete(operation, path, method)
        schemas = schema["components"].setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema()
        return schema


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
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
        "content": {PROBLEM: {"schema": _REF}},
    }
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
        answer["headers"] = {"Retry-After": seconds}
    return answer
