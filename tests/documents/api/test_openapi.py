"""The API answers whatever its OpenAPI allows, and no status or shape that it does not name."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from collab.api import api
from tests.servers import Server

# As a client would get it: with strings for keys.
DESCRIBED = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/")))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
schema = schemathesis.openapi.from_dict(DESCRIBED)


@pytest.mark.parametrize("person", ["alice", None], ids=["alice", "nobody"])
@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_what_the_description_allows_is_answered_as_it_says(
    case: Any, person: str | None, documents: dict[str, str], server: Server
) -> None:
    if "document_id" in (case.path_parameters or {}):
        case.path_parameters["document_id"] = documents[case.operation.label]
    headers = server.people[person].bearer if person is not None else {}
    response = case.call(base_url=server.url, headers=headers, timeout=30)
    case.validate_response(response, checks=CHECKS)


@pytest.fixture(scope="module")
def documents(server: Server) -> Iterator[dict[str, str]]:
    """One for each operation: some of them put it into the trash."""
    yield defaultdict(lambda: server.new_document().id)
    # Nobody may have more than so many, and others share the server.
    server.run_script("from documents.models import Webhook; Webhook.objects.all().delete()")


OPERATIONS = [
    (method, path, operation)
    for path, operations in DESCRIBED["paths"].items()
    for method, operation in operations.items()
]


@pytest.mark.parametrize("name", ["operationId", "summary"])
def test_operations_have_names_of_their_own(name: str) -> None:
    names = [operation[name] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_operation_says_what_it_is_and_how_it_fails(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    assert operation["description"], "its docstring"
    assert {"401", "429"} <= operation["responses"].keys()
    if "{document_id}" in path:
        assert {"403", "404"} <= operation["responses"].keys()
    if "requestBody" in operation:
        assert "422" in operation["responses"]


def _shapes_of(operation: dict[str, Any]) -> Iterator[str]:
    """The names of what it takes and returns as JSON; of a list, what it is a list of."""
    for message in [operation.get("requestBody", {}), *operation["responses"].values()]:
        for kind, content in message.get("content", {}).items():
            if kind.endswith("json") and "$ref" in (
                shape := content["schema"].get("items", content["schema"])
            ):
                yield shape["$ref"].rpartition("/")[2]


COMPONENTS = DESCRIBED["components"]["schemas"]
SHAPES = sorted({name for _, _, operation in OPERATIONS for name in _shapes_of(operation)})


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_has_an_example_that_is_right(name: str) -> None:
    # Formats too, as far as jsonschema knows them: "uuid" it does.
    validator = Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": DESCRIBED["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    assert COMPONENTS[name]["examples"]
    for example in COMPONENTS[name]["examples"]:
        validator.validate(example)


def test_no_body_of_json_is_left_without_a_name() -> None:
    """Or with an example of its own."""
    nameless = [
        (method, path)
        for method, path, operation in OPERATIONS
        for message in [operation.get("requestBody", {}), *operation["responses"].values()]
        for kind, content in message.get("content", {}).items()
        if kind.endswith("json") and not {"$ref", "items", "examples"} & content["schema"].keys()
    ]
    assert nameless == []


def test_security_schemes_are_those_that_operations_name() -> None:
    named = {name for _, _, op in OPERATIONS for each in op["security"] for name in each}
    assert named == DESCRIBED["components"]["securitySchemes"].keys()
    assert named == {"ApiTokenAuth", "SessionAuth"}
