"""The servers that are compared: how each is started, and where its documents are.

Each as its documentation starts it, on one core; none is tuned, ours neither.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

from tests.backends import Postgres, Redis, binary, free_port, missing_backends
from tests.bench import cores
from tests.bench.load import Room
from tests.bench.workshop import NODE, PEERS, ROOT, SHED, reflector
from tests.servers import Server, Template, make_postgres_template, make_template

_START_S = 30
_PYTHON = SHED / "venv" / "bin" / "python"
_ASGI = SHED / "asgi" / "bin"  # our own application's packages, and other servers for it


class Contestant(ABC):
    """One server, running while it is entered. A document is made by going there."""

    name: ClassVar[str]
    keeps: ClassVar[str] = "nothing"  # what of an edit is on disk when it is told to others
    dialect: ClassVar[str] = "ywebsocket"
    is_silent: ClassVar[bool] = False  # relays sync messages to everybody: none are sent to it
    is_alone_in_its_kind: ClassVar[bool] = False  # takes part only where it is asked for by name

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True)
        self._ends = ExitStack()
        self._count = self._starts = 0

    @classmethod
    def missing(cls) -> str:
        """What would have to be installed; empty if nothing."""
        return ""

    @classmethod
    @abstractmethod
    def version(cls) -> str: ...

    @abstractmethod
    def start(self) -> None: ...

    @property
    @abstractmethod
    def pids(self) -> list[int]: ...

    @abstractmethod
    def new_rooms(self, count: int) -> list[Room]: ...

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def end(self) -> None:
        self._ends.close()

    def start_anew(self) -> None:
        """As it was at first: what it has still to do must not fall to the next step."""
        self.end()
        self._starts += 1
        self.directory = self.directory.with_name(f"again-{self._starts}")
        self.directory.mkdir()
        self.start()

    def rest(self) -> bool:
        """Wait until it has nothing left to do; whether that came about."""
        return cores.wait_until_idle(self.pids, within_s=15)


_VERSIONS = """
import platform, sys
from importlib.metadata import version
said = [f"{name} {version(name)}" for name in sys.argv[1:]]
print(*said, f"Python {platform.python_version()}", sep=", ")
"""


def _versions(python: str | Path, *packages: str) -> str:
    """The versions of this interpreter and of packages that are installed for it."""
    said = subprocess.run(
        [python, "-c", _VERSIONS, *packages], stdout=subprocess.PIPE, text=True, check=True
    )
    return said.stdout.strip()


def database_versions() -> str:
    """The versions of PostgreSQL and Redis, of those that are installed, in their own words."""
    said = [
        subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
        for path in map(binary, ("postgres", "redis-server"))
        if path is not None
    ]
    return "; ".join(map(str.strip, said))


# -- Ours ---------------------------------------------------------------------------------
# A connection here writes what a crowd would: what limits a single client is off.
_UNLIMITED = {"COLLAB_MAX_MESSAGES_PER_S": "0", "COLLAB_MAX_WORK_SHARE": "0"}
_WORKERS = {"COLLAB_COMPACT_WORKER": "1", "COLLAB_WEBHOOK_WORKER": "1"}
_MORE_DOCUMENTS = """
import json
from django.contrib.auth.models import User
from documents.models import Document, Role, ShareLink

alice = User.objects.get(username="alice")
documents = [Document(title="bench", owner=alice) for _ in range(COUNT)]
Document.objects.bulk_create(documents)
links = [ShareLink(document=document, role=Role.EDITOR) for document in documents]
ShareLink.objects.bulk_create(links)
print(json.dumps([[str(link.document_id), link.token] for link in links]))
"""
_STOCK = 600


@cache
def _template() -> Template:
    """Migrated and peopled once; ended with this process."""
    folder = tempfile.TemporaryDirectory(prefix="collab-bench-")
    atexit.register(folder.cleanup)
    return make_template(Path(folder.name))


class Collab(Contestant):
    name = "collab"
    keeps = "every edit (SQLite, fdatasync)"
    query = ""  # what else its addresses say
    python: ClassVar[str | Path] = sys.executable
    server_packages: ClassVar[tuple[str, ...]] = ("daphne", "twisted")

    def start(self) -> None:
        self._serve(Server(self.directory, _template(), **_WORKERS, **_UNLIMITED))

    def _serve(self, server: Server) -> None:
        with cores.on(cores.SERVER_CORE):
            self.servers = [self._ends.enter_context(server)]
        self._stock: list[tuple[str, str]] = []

    @classmethod
    def version(cls) -> str:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        packages = _versions(cls.python, "pycrdt", "django", "channels", *cls.server_packages)
        return f"{said.stdout.strip() or '?'} with {packages}"

    @property
    def pids(self) -> list[int]:
        return [server.pid for server in self.servers]

    def new_rooms(self, count: int) -> list[Room]:
        while len(self._stock) < count:
            script = _MORE_DOCUMENTS.replace("COUNT", str(_STOCK))
            self._stock += json.loads(self.servers[0].run_script(script))
        taken, self._stock = self._stock[:count], self._stock[count:]
        return [
            Room(
                document,
                tuple(
                    (server.port, f"/ws/documents/{document}?token={token}{self.query}")
                    for server in self.servers
                ),
            )
            for document, token in taken
        ]


class CollabPostgres(Collab):
    name = "collab-postgres"
    keeps = "every edit (PostgreSQL, fsync)"

    @classmethod
    def missing(cls) -> str:
        return ", ".join(missing_backends())

    def start(self) -> None:
        postgres = self._ends.enter_context(Postgres(self.directory / "postgres"))
        redis = self._ends.enter_context(Redis(self.directory / "redis"))
        template = make_postgres_template(postgres)
        url = postgres.create("service", str(template.database))
        settings = {"REDIS_URL": redis.url, **_WORKERS, **_UNLIMITED}
        self._serve(Server(self.directory, template, database_url=url, **settings))


class CollabTwo(Collab):
    """Two processes and their Redis on the servers' core; PostgreSQL on the other."""

    name = "collab-two"
    keeps = CollabPostgres.keeps
    is_alone_in_its_kind = True

    @classmethod
    def missing(cls) -> str:
        return ", ".join(missing_backends())

    def start(self) -> None:
        postgres = self._ends.enter_context(Postgres(self.directory / "postgres"))
        template = make_postgres_template(postgres)
        url = postgres.create("service", str(template.database))
        with cores.on(cores.SERVER_CORE):
            redis = self._ends.enter_context(Redis(self.directory / "redis"))
            settings = {"REDIS_URL": redis.url, **_WORKERS, **_UNLIMITED}
            self._serve(Server(self.directory, template, database_url=url, **settings))
            self.servers.append(self.servers[0].another())


class CollabUvicorn(Collab):
    """Under another server: without ``manage.py serve``'s limits, drain and workers."""

    name = "collab-uvicorn"
    python = _ASGI / "python"
    server_packages = ("uvicorn", "uvloop", "websockets")
    program: ClassVar[tuple[str, ...]] = (
        *("uvicorn", "collab.asgi:application", "--ws", "websockets-sansio"),
        *("--loop", "uvloop", "--lifespan", "off", "--log-level", "warning"),
    )

    @classmethod
    def missing(cls) -> str:
        return _missing_pip("asgi")

    def start(self) -> None:
        template = make_template(self.directory)
        program = (str(self.python), "-m", *self.program)
        self._serve(Server(self.directory, template, program=program, **_UNLIMITED))


class CollabGranian(CollabUvicorn):
    name = "collab-granian"
    server_packages = ("granian", "uvloop")
    program = (
        *("granian", "collab.asgi:application", "--interface", "asginl"),
        *("--workers", "1", "--loop", "uvloop", "--no-log"),
    )

    @property
    def pids(self) -> list[int]:
        """Its worker's too: the process that was started only watches."""
        started = super().pids
        children = Path(f"/proc/{started[0]}/task/{started[0]}/children").read_text().split()
        return started + [int(pid) for pid in children]

    def end(self) -> None:
        # Killed, it would leave its worker behind.
        for server in self.servers:
            server.stop()
        super().end()


# -- Peers --------------------------------------------------------------------------------
class Peer(Contestant):
    """A server in one process that makes a document of whatever name it is asked for."""

    command: ClassVar[list[str | Path]]
    prefix: ClassVar[str] = "/"

    def start(self) -> None:
        self.port = free_port()
        self._process = self._launch(self.port)

    def _launch(self, port: int, **settings: str) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.environ["PATH"],
            "NODE_ENV": "production",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            **settings,
        }
        log = self.directory / f"{port}.log"
        with log.open("wb") as file, cores.on(cores.SERVER_CORE):
            process = subprocess.Popen(
                self.command, cwd=self.directory, env=environment,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        self._ends.callback(_end, process)
        deadline = time.monotonic() + _START_S
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)
        return process

    @property
    def pids(self) -> list[int]:
        return [self._process.pid]

    @property
    def ports(self) -> list[int]:
        return [self.port]

    def new_rooms(self, count: int) -> list[Room]:
        names = [f"bench-{self._count + number}" for number in range(count)]
        self._count += count
        return [
            Room(name, tuple((port, f"{self.prefix}{name}") for port in self.ports))
            for name in names
        ]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(_START_S)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _npm_version(folder: str, package: str) -> str:
    path = PEERS / folder / "node_modules" / package / "package.json"
    return str(json.loads(path.read_text())["version"])


def _missing_npm(folder: str, package: str) -> str:
    if not NODE.exists():
        return "no Node packages (npm is missing, or has failed)"
    is_there = (PEERS / folder / "node_modules" / package).exists()
    return "" if is_there else f"npm has not installed {package}"


def node_version() -> str:
    return subprocess.run(
        [NODE, "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()


class Hocuspocus(Peer):
    name = "hocuspocus"
    dialect = "hocuspocus"
    command = [NODE, PEERS / "node" / "hocuspocus.mjs"]

    @classmethod
    def missing(cls) -> str:
        return _missing_npm("node", "@hocuspocus/server")

    @classmethod
    def version(cls) -> str:
        return f"{_npm_version('node', '@hocuspocus/server')} on Node {node_version()}"


class HocuspocusTwo(Hocuspocus):
    """Two processes with its Redis extension, and the Redis, on the servers' core."""

    name = "hocuspocus-two"
    is_alone_in_its_kind = True

    @classmethod
    def version(cls) -> str:
        redis = _npm_version("node", "@hocuspocus/extension-redis")
        return f"{super().version()} with extension-redis {redis}"

    @classmethod
    def missing(cls) -> str:
        redis = ", ".join(name for name in missing_backends() if name == "redis-server")
        return redis or _missing_npm("node", "@hocuspocus/extension-redis")

    def start(self) -> None:
        with cores.on(cores.SERVER_CORE):
            redis = self._ends.enter_context(Redis(self.directory / "redis"))
        self._ports = [free_port(), free_port()]
        self._processes = [self._launch(port, REDIS_PORT=str(redis.port)) for port in self._ports]

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    @property
    def ports(self) -> list[int]:
        return self._ports


class YWebsocket(Peer):
    name = "y-websocket"
    command = [
        NODE,
        PEERS / "ywebsocket" / "node_modules" / "@y" / "websocket-server" / "src" / "server.js",
    ]

    @classmethod
    def missing(cls) -> str:
        return _missing_npm("ywebsocket", "@y/websocket-server")

    @classmethod
    def version(cls) -> str:
        own = _npm_version("ywebsocket", "@y/websocket-server")
        return f"{own} with yjs {_npm_version('ywebsocket', 'yjs')} on Node {node_version()}"


def _missing_pip(venv: str = "venv") -> str:
    return "" if (SHED / venv / ".installed").exists() else "pip has not installed its packages"


class PycrdtAsgi(Peer):
    name = "pycrdt-asgi"
    command = [_PYTHON, PEERS / "python" / "asgi_server.py"]

    @classmethod
    def missing(cls) -> str:
        return _missing_pip()

    @classmethod
    def version(cls) -> str:
        return _versions(_PYTHON, "pycrdt-websocket", "pycrdt", "uvicorn", "uvloop")


class _OnDaphne(Peer):
    """The application of peers/python/channels_app.py."""

    is_silent = True
    layer: ClassVar[str] = "channels.layers.InMemoryChannelLayer"
    needs_redis: ClassVar[bool] = False

    @classmethod
    def missing(cls) -> str:
        needs = missing_backends() if cls.needs_redis else []
        return _missing_pip() or ", ".join(name for name in needs if name == "redis-server")

    def start(self) -> None:
        self.port = free_port()
        self.command = [_PYTHON.with_name("daphne"), "-v", "0", "-p", str(self.port)]  # type: ignore[misc]
        self.command.append("channels_app:application")
        settings = {"LAYER": self.layer, "PYTHONPATH": str(PEERS / "python")}
        if self.needs_redis:
            redis = self._ends.enter_context(Redis(self.directory / "redis"))
            settings["REDIS_URL"] = redis.url
        self._process = self._launch(self.port, **settings)


class PycrdtChannels(_OnDaphne):
    name = "pycrdt-channels"
    prefix = "/yjs/"

    @classmethod
    def version(cls) -> str:
        return _versions(_PYTHON, "pycrdt-websocket", "pycrdt", "channels", "daphne")


class NaiveMemory(_OnDaphne):
    name = "naive-memory"
    prefix = "/relay/"

    @classmethod
    def version(cls) -> str:
        return _versions(_PYTHON, "channels", "channels-redis", "daphne")


class NaiveRedis(NaiveMemory):
    name = "naive-redis"
    layer = "channels_redis.core.RedisChannelLayer"
    needs_redis = True


class NaivePubSub(NaiveMemory):
    name = "naive-pubsub"
    layer = "channels_redis.pubsub.RedisPubSubChannelLayer"
    needs_redis = True


class Reflector(Peer):
    """The least that a server can do, in C: the generator's own ceiling. One document at once."""

    name = "reflector"
    is_silent = True
    is_alone_in_its_kind = True

    @classmethod
    def version(cls) -> str:
        return "the generator's ceiling"

    def start(self) -> None:
        self.port = free_port()
        self.command = [reflector(), str(self.port)]  # type: ignore[misc]
        self._process = self._launch(self.port)


CONTESTANTS: dict[str, type[Contestant]] = {
    each.name: each
    for each in (
        Collab,
        CollabPostgres,
        CollabUvicorn,
        CollabGranian,
        Hocuspocus,
        YWebsocket,
        PycrdtAsgi,
        PycrdtChannels,
        NaiveMemory,
        NaiveRedis,
        NaivePubSub,
        CollabTwo,
        HocuspocusTwo,
        Reflector,
    )
}
