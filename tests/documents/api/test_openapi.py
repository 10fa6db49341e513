"""The API answers whatever its OpenAPI allows, and no status or shape that it does not name."""

import json
from collections import defaultdict
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
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
def documents(server: Server) -> dict[str, str]:
    """One for each operation: some of them put it into the trash."""
    return defaultdict(lambda: server.new_document().id)


OPERATIONS = [
    (method, path, operation)
    for path, operations in DESCRIBED["paths"].items()
    for method, operation in operations.items()
]


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_operation_says_what_it_is_and_how_it_fails(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    assert {"401", "429"} <= operation["responses"].keys()
    if "{document_id}" in path:
        assert {"403", "404"} <= operation["responses"].keys()
    if "requestBody" in operation:
        assert "422" in operation["responses"]
