"""The cast: alice owns, bob edits, carol comments, victor views, mallory is a stranger."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import connection, connections
from django.test import Client

from collab import database
from collab.accounts.models import ApiToken
from documents.creation import create_document
from documents.models import Document, Membership, Role

pytest_plugins = ["tests.servers", "tests.receivers"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What shows only where many write at once is for PostgreSQL: ``tests.run`` runs both."""
    if connection.vendor == "sqlite":
        one_writer = [item for item in items if item.get_closest_marker("many_writers")]
        items[:] = [item for item in items if item not in one_writer]
        config.hook.pytest_deselected(items=one_writer)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The tests' database cannot be dropped while anybody keeps a connection to it."""
    yield
    database._WRITER.submit(connections.close_all).result()
    connections.close_all()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def unlimited(settings: Any) -> None:
    """All tests come from one address. What is limited says so itself."""
    limits = {"api_per_token": 0, "api_per_user": 0, "api_per_address": 0}
    settings.COLLAB = settings.COLLAB.model_copy(update=limits)


@pytest.fixture(autouse=True)
def attachments_dir(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Uploaded files of this test. Never the folder of whoever runs the tests."""
    base = tmp_path_factory.getbasetemp() / "attachments"
    location = base / str(next(_NUMBERS))
    settings.STORAGES = {
        **settings.STORAGES,
        "attachments": {"BACKEND": "collab.files.LocalFiles", "OPTIONS": {"location": location}},
    }
    return location


_NUMBERS = count()


def _person(name: str) -> User:
    return User.objects.create_user(name, f"{name}@example.org")


@pytest.fixture
def alice(db: None) -> User:
    return _person("alice")


@pytest.fixture
def bob(db: None) -> User:
    return _person("bob")


@pytest.fixture
def carol(db: None) -> User:
    return _person("carol")


@pytest.fixture
def victor(db: None) -> User:
    return _person("victor")


@pytest.fixture
def mallory(db: None) -> User:
    return _person("mallory")


@pytest.fixture
def document(alice: User, bob: User, carol: User, victor: User) -> Document:
    """Alice's document, shared with everybody of the cast but mallory."""
    document = create_document(alice, "Plan")
    for user, role in [(bob, Role.EDITOR), (carol, Role.COMMENTER), (victor, Role.VIEWER)]:
        Membership.objects.create(document=document, user=user, role=role)
    return document


class Caller:
    """Somebody who calls the API: ``status, body = caller.get("documents")``."""

    def __init__(self, client: Client, **headers: str) -> None:
        self.client = client
        self._headers = headers

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """The whole response."""
        return self.client.generic(
            method,
            path if path.startswith("http") else f"/api/v1/{path}",
            b"" if body is None else json.dumps(body),
            content_type="application/json",
            headers=self._headers,
        )

    def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        response = self.send(method, path, body)
        is_json = response.content and response.get("Content-Type", "").startswith(
            ("application/json", "application/problem+json")
        )
        return response.status_code, response.json() if is_json else response.content

    def upload(self, path: str, content: bytes, name: str) -> tuple[int, Any]:
        """A file, as a form sends it."""
        response = self.client.post(
            f"/api/v1/{path}", {"file": ContentFile(content, name)}, headers=self._headers
        )
        return response.status_code, response.json()

    def get(self, path: str) -> tuple[int, Any]:
        return self._ask("GET", path)

    def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        return self._ask("POST", path, body)

    def patch(self, path: str, body: Any) -> tuple[int, Any]:
        return self._ask("PATCH", path, body)

    def delete(self, path: str) -> tuple[int, Any]:
        return self._ask("DELETE", path)


@pytest.fixture
def browser_of(db: None) -> Callable[[User | None], Caller]:
    """The API as the browser of somebody who is logged in; of None: of a stranger."""

    def browser_of(user: User | None) -> Caller:
        client = Client()
        if user is not None:
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return Caller(client)

    return browser_of


@pytest.fixture
def program_of(db: None) -> Callable[..., Caller]:
    """The API as a program with a person's token."""

    def program_of(user: User, scope: str = "write") -> Caller:
        _, text = ApiToken.issue(user.pk, scope=scope)
        return Caller(Client(enforce_csrf_checks=True), Authorization=f"Bearer {text}")

    return program_of


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> Any:
    """Collects what rooms are told: ``with told() as messages``."""

    @contextmanager
    def told() -> Any:
        messages: list[tuple[str, dict[str, Any]]] = []

        class Layer:
            async def group_send(self, group: str, message: dict[str, Any]) -> None:
                messages.append((group, message))

        monkeypatch.setattr("documents.announce.channel_layers", {"default": Layer()})
        with django_capture_on_commit_callbacks(execute=True):
            yield messages

    return told
