"""Throw-away servers: real ``manage.py serve`` processes, each on a database of its own.

The database is a copy of a template that is migrated and peopled once per test run: the cast
(alice owns, bob edits, carol comments, victor views, mallory is a stranger) and a stock of
empty documents, so that a test gets a document without waiting. An SQLite file without a Redis,
or, with ``COLLAB_TEST_BACKEND=postgres`` or on demand, in a throw-away PostgreSQL and with a
Redis (see ``tests.backends``). Touches no other database.

A pytest plugin, loaded by ``tests/conftest.py``. A module that defines ``begin_early`` has it
called before the first test, and its tests run last: for what takes long and only waits.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from tests.backends import Postgres, Redis, free_port, missing_backends

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
START_S = 30
STOP_S = 30
COMMAND_S = 120
BACKEND = os.environ.get("COLLAB_TEST_BACKEND", "sqlite")

_STOCK = 300
_PEOPLE = """
import json
from django.contrib.auth.models import User
from django.test import Client
from collab.accounts.models import ApiToken
from documents.models import Document, Membership, Role, ShareLink

people = {}
for name in ("alice", "bob", "carol", "victor", "mallory"):
    user = User.objects.create(username=name, email=name + "@example.org")
    browser = Client()
    browser.force_login(user)
    people[name] = {
        "id": user.pk,
        "token": ApiToken.issue(user.pk)[1],
        "session": browser.cookies["sessionid"].value,
    }
roles = {"bob": Role.EDITOR, "carol": Role.COMMENTER, "victor": Role.VIEWER}
documents = [Document(title="test", owner_id=people["alice"]["id"]) for _ in range(STOCK)]
Document.objects.bulk_create(documents)
Membership.objects.bulk_create(
    Membership(document=document, user_id=people[name]["id"], role=role)
    for document in documents
    for name, role in roles.items()
)
stock = []
for document in documents:
    links = [ShareLink(document=document, role=role) for role in (Role.EDITOR, Role.VIEWER)]
    ShareLink.objects.bulk_create(links)
    stock.append({"id": str(document.id), "links": {link.role.key: link.token for link in links}})
print(json.dumps({"people": people, "stock": stock}))
""".replace("STOCK", str(_STOCK))


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    token: str  # an API token, scope write
    session: str  # the log-in cookie

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"sessionid={self.session}"}


@dataclass(frozen=True, slots=True)
class NewDocument:
    """An empty document of alice's with two share links."""

    id: str
    editor_link: str
    viewer_link: str


@dataclass(frozen=True, slots=True)
class Template:
    database: Path | str  # an SQLite file, or the name of a database in the shared PostgreSQL
    people: dict[str, Person]
    stock: tuple[NewDocument, ...]


def environment(database_url: str, **settings: str) -> dict[str, str]:
    """Nothing of the caller's settings: only what a process needs to run, and ours."""
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return {
        **inherited,
        "DATABASE_URL": database_url,
        "SECRET_KEY": "of the tests, and of nothing else",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "COLLAB_COMPACT_WORKER": "0",
        "COLLAB_WEBHOOK_WORKER": "0",
        "COLLAB_DRAIN_S": "0.5",
        "COLLAB_API_PER_TOKEN": "0",
        "COLLAB_API_PER_USER": "0",
        "COLLAB_API_PER_ADDRESS": "0",
        "LOG_FORMAT": "text",
        **settings,
    }


def manage(env: dict[str, str], *arguments: str) -> str:
    """Run a management command; return what it printed. Raises with its stderr if it fails."""
    done = subprocess.run(
        [PYTHON, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"manage.py {arguments[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def make_template(directory: Path) -> Template:
    database = directory / "template.sqlite3"
    template = _people(database, f"sqlite:///{database}")
    with suppress(FileNotFoundError):  # all of it is in the file itself once the last one left
        Path(f"{database}-wal").unlink()
    return template


def make_postgres_template(postgres: Postgres) -> Template:
    return _people("template", postgres.create("template"))


def _people(database: Path | str, url: str) -> Template:
    env = environment(url)
    manage(env, "migrate", "--verbosity", "0")
    said = json.loads(manage(env, "shell", "--verbosity", "0", "-c", _PEOPLE))
    return Template(
        database,
        {name: Person(**person) for name, person in said["people"].items()},
        tuple(
            NewDocument(each["id"], each["links"]["editor"], each["links"]["viewer"])
            for each in said["stock"]
        ),
    )


class Server:
    """One process of a service and, while it runs, what it is connected to."""

    def __init__(
        self,
        directory: Path,
        template: Template,
        *,
        database_url: str = "",
        program: tuple[str, ...] = (PYTHON, "manage.py", "serve"),
        **settings: str,
    ) -> None:
        """Without ``database_url``: on a copy of the template's SQLite file."""
        self.directory = directory
        self.people = template.people
        self._stock = list(template.stock)
        if not database_url:
            database = directory / "collab.sqlite3"
            shutil.copy(template.database, database)
            database_url = f"sqlite:///{database}"
        settings = {
            "COLLAB_STATE_DIR": str(directory / "state"),
            "ATTACHMENTS_DIR": str(directory / "attachments"),
            **settings,
        }
        self.environment = environment(database_url, **settings)
        self._program = program
        self._template = template
        self._others: list[Server] = []
        self._log_file = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def another(self, **settings: str) -> "Server":
        """Start another process of the same service: same data, same Redis, a port of its own."""
        directory = self.directory / f"process-{len(self._others) + 2}"
        directory.mkdir()
        settings = {**self.environment, **settings}
        other = Server(
            directory, self._template, database_url=settings.pop("DATABASE_URL"), **settings
        )
        other._stock = self._stock  # shared: what one gives out the other does not
        self._others.append(other)
        return other.start()

    # -- Life -------------------------------------------------------------------------------
    def start(self) -> Self:
        assert self._process is None, "it runs"
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._program, "--host", "127.0.0.1", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the server did not start:\n{self.logs()}")
            time.sleep(0.02)
        return self

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> int:
        """SIGTERM and wait; the exit code."""
        process = self._running()
        process.terminate()
        try:
            code = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no exit within {STOP_S} s of SIGTERM:\n{self.logs()}") from None
        self._process = None
        return code

    def wait_for_exit(self, within: float) -> int:
        """Wait until the process ends by itself; its exit code."""
        code = self._running().wait(within)
        self._process = None
        return code

    @property
    def pid(self) -> int:
        return self._running().pid

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing flushed."""
        process = self._running()
        process.kill()
        process.wait(STOP_S)
        self._process = None

    def signal(self, number: signal.Signals) -> None:
        self._running().send_signal(number)

    def restart(self) -> Self:
        """On the same data and the same port."""
        if self._process is not None:
            self.stop()
        return self.start()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it does not run"
        return self._process

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def memory_bytes(self) -> int:
        status = Path(f"/proc/{self._running().pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.end()

    def end(self) -> None:
        """Kill what still runs of it, its other processes too."""
        for each in (*self._others, self):
            if each._process is not None:
                each.signal(signal.SIGCONT)
                each.kill()

    # -- Logs -------------------------------------------------------------------------------
    def logs(self) -> str:
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    def log_lines(self, *parts: str) -> list[str]:
        """The lines of the log in which all ``parts`` occur."""
        return [line for line in self.logs().splitlines() if all(part in line for part in parts)]

    # -- Its data ---------------------------------------------------------------------------
    def new_document(self) -> NewDocument:
        """An empty document that no other test of this server has."""
        return self._stock.pop()

    def manage(self, *arguments: str) -> str:
        return manage(self.environment, *arguments)

    def run_script(self, code: str) -> str:
        """Run Python with the service's models; return what it prints."""
        return self.manage("shell", "--verbosity", "0", "-c", code)

    # -- Addresses --------------------------------------------------------------------------
    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        """What y-websocket calls the server URL: without the document's id."""
        return f"ws://127.0.0.1:{self.port}/ws/documents"

    def api(self, method: str, path: str, person: str = "alice", **options: Any) -> httpx.Response:
        """One request to ``/api/v1/…`` with a person's API token."""
        headers = {**self.people[person].bearer, **options.pop("headers", {})}
        return httpx.request(
            method, f"{self.url}/api/v1/{path}", headers=headers, timeout=30, **options
        )

    def snapshot(self, document: NewDocument, person: str = "alice") -> bytes:
        """The committed state as a Yjs update."""
        path = f"documents/{document.id}/snapshot?format=yjs"
        return self.api("GET", path, person).raise_for_status().content


class Service:
    """Some processes with a PostgreSQL and a Redis of their own, which may be stopped."""

    def __init__(self, directory: Path, *, processes: int = 1, **settings: str) -> None:
        skip_without(missing_backends())
        self._ends = ExitStack()
        self.postgres = self._ends.enter_context(Postgres(directory / "postgres"))
        self.redis = self._ends.enter_context(Redis(directory / "redis"))
        template = make_postgres_template(self.postgres)
        (directory / "server").mkdir()
        first = Server(
            directory / "server",
            template,
            database_url=self.postgres.create("service", str(template.database)),
            **{"REDIS_URL": self.redis.url, **settings},
        )
        self._ends.enter_context(first)
        self.servers = [first, *(first.another() for _ in range(processes - 1))]

    def close(self) -> None:
        self._ends.close()

    def logged(self, *parts: str) -> int:
        """In how many lines of all their logs all ``parts`` occur."""
        return sum(len(server.log_lines(*parts)) for server in self.servers)


class Servers:
    """Makes servers in one temporary directory and ends them all, and what they run on."""

    def __init__(self) -> None:
        self._ends = ExitStack()
        self._directory = Path(
            self._ends.enter_context(tempfile.TemporaryDirectory(prefix="collab-tests-"))
        )
        self._templates: dict[str, Template] = {}
        self._postgres: Postgres | None = None
        self._count = 0

    def make(self, *, backend: str = BACKEND, **settings: str) -> Server:
        """A running server with these environment variables; ended with the test run."""
        directory = self.directory()
        if backend == "sqlite":
            template = self._template("sqlite", lambda: make_template(self._directory))
            return self._ends.enter_context(Server(directory, template, **settings))
        postgres = self.postgres()
        template = self._template("postgres", lambda: make_postgres_template(postgres))
        url = postgres.create(f"service-{self._count}", str(template.database))
        # One each: their documents have the same ids, and pub/sub knows no database numbers.
        redis = self._ends.enter_context(Redis(directory / "redis"))
        settings = {"REDIS_URL": redis.url, **settings}
        return self._ends.enter_context(Server(directory, template, database_url=url, **settings))

    def directory(self) -> Path:
        """A new folder for something that runs."""
        self._count += 1
        directory = self._directory / str(self._count)
        directory.mkdir()
        return directory

    def postgres(self) -> Postgres:
        """The PostgreSQL of this test run, for tests that do not stop it."""
        if self._postgres is None:
            skip_without(missing_backends())
            postgres = Postgres(self._directory / "postgres", fsync=False)
            self._postgres = self._ends.enter_context(postgres)
        return self._postgres

    def _template(self, name: str, make: Callable[[], Template]) -> Template:
        if name not in self._templates:
            self._templates[name] = make()
        return self._templates[name]

    def close(self) -> None:
        self._ends.close()


@pytest.fixture
def new_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Makes services whose PostgreSQL and Redis the test may stop."""
    made: list[Service] = []

    def make(**options: Any) -> Service:
        made.append(Service(tmp_path / f"service-{len(made)}", **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def skip_without(missing: list[str]) -> None:
    """Skip, with the reason, where something is not installed; in CI nothing is skipped."""
    if missing:
        reason = f"not installed: {', '.join(missing)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@cache
def all_servers() -> Servers:
    """The servers of this test run."""
    return Servers()


@cache
def shared_server() -> Server:
    """One running server for all tests that do not change how it runs."""
    return all_servers().make()


@pytest.fixture(scope="session")
def server() -> Server:
    return shared_server()


@pytest.fixture
def new_server() -> Iterator[Callable[..., Server]]:
    """Makes servers of the test's own; settings as keywords, as in the environment."""
    made: list[Server] = []

    def make(**settings: str) -> Server:
        made.append(all_servers().make(**settings))
        return made[-1]

    yield make
    for each in made:
        each.end()


# -- Hooks ----------------------------------------------------------------------------------
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    early = {item: getattr(getattr(item, "module", None), "begin_early", None) for item in items}
    items.sort(key=lambda item: early[item] is not None)
    if config.option.collectonly or not any(early.values()):
        return
    for begin in {begin for begin in early.values() if begin is not None}:
        begin(shared_server())


def pytest_unconfigure() -> None:
    if all_servers.cache_info().currsize:
        all_servers().close()
