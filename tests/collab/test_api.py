from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_api_describes_itself():
    schema = Client().get("/api/v1/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    assert "/api/v1/documents/{document_id}/members" in schema["paths"]
    assert Client().get("/api/v1/docs").status_code == 200


def test_an_unknown_path_is_a_problem(browser_of):
    for path in ("nowhere", "documents/not-a-uuid", "documents/%0A"):
        response = browser_of(None).send("POST", path, {})
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["code"] == "not-found"


def test_a_method_that_a_path_does_not_know_is_a_problem_and_says_which_it_does(
    alice, document, browser_of
):
    of_document = f"documents/{document.id}"
    for method, path, allowed in [
        ("DELETE", "documents", "GET, HEAD, POST"),
        ("PUT", of_document, "DELETE, GET, HEAD, PATCH"),
        ("POST", f"{of_document}/snapshot", "GET, HEAD"),
        ("POST", f"{of_document}/changes", "GET, HEAD"),  # async
        ("HEAD", f"{of_document}/restore", "POST"),
    ]:
        response = browser_of(alice).send(method, path)
        assert (response.status_code, response["Allow"]) == (405, allowed)
        assert response["Content-Type"] == "application/problem+json"
        assert method == "HEAD" or response.json()["code"] == "method-not-allowed"


def test_a_problem_says_what_is_wrong_and_where(alice, browser_of):
    response = browser_of(alice).send("POST", "documents", {"title": "x" * 201})
    problem = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert (response.status_code, problem["status"], problem["code"]) == (422, 422, "invalid")
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["errors"][0]["at"] == "title"


def test_a_body_that_is_no_json_is_a_problem(alice, browser_of):
    client = browser_of(alice).client
    response = client.post("/api/v1/documents", b"{", content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "malformed")


def test_a_bad_token_is_401_even_with_a_session(alice, browser_of):
    client = browser_of(alice).client
    response = client.get("/api/v1/me", headers={"Authorization": "Bearer collab_wrong"})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_cookie_alone_changes_nothing(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    refused = client.post("/api/v1/documents", {}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")

    client.get("/accounts/logout/")
    token = client.cookies["csrftoken"].value
    accepted = client.post(
        "/api/v1/documents", {}, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert accepted.status_code == 201


def test_a_read_token_only_reads(alice, document, program_of):
    reader = program_of(alice, "read")
    assert reader.get("documents")[0] == 200
    status, problem = reader.post("documents", {"title": "x"})
    assert (status, problem["code"]) == (403, "read-scope")
    assert reader.delete(f"documents/{document.id}")[0] == 403


def test_what_fails_here_is_noted_and_not_shown(alice, browser_of, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("documents.api.documents._described", fail)
    status, problem = browser_of(alice).get("documents")
    assert (status, problem["code"]) == (500, "internal")
    assert "secret" not in problem["detail"]
    assert "request failed" in caplog.text


def test_a_database_that_is_away_is_said_and_may_be_tried_again(alice, browser_of):
    with patch("documents.api.documents._listed", side_effect=OperationalError("gone")):
        answer = browser_of(alice).send("GET", "documents")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer["Retry-After"]) > 0
