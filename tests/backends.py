"""Throw-away PostgreSQL and Redis for the tests: installed binaries, private ports, own folders.

PostgreSQL refuses to run as root: then it runs as ``nobody``, and Redis with it. Nothing here
ever touches a server that it did not start.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

START_S = 30
_UNPRIVILEGED = "nobody"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def binary(name: str) -> str | None:
    """Where a program is installed; Debian keeps PostgreSQL's out of the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *map(str, folders)])
    return shutil.which(name, path=path)


def missing_backends() -> list[str]:
    """What would have to be installed for tests on PostgreSQL and Redis."""
    return [name for name in ("initdb", "postgres", "redis-server") if binary(name) is None]


class _Backend:
    """One server process and its children; ``with`` starts and ends it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self._user: str | None = _UNPRIVILEGED
            shutil.chown(directory, _UNPRIVILEGED)
            _let_in(directory)
        else:
            self._user = None

    def start(self) -> Self:
        assert self._process is None, "it runs"
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdout=log,
                stderr=log,
                cwd=self.directory,
                user=self._user,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self.directory / "log").read_text(errors="replace")
                self.kill()
                raise AssertionError(f"it did not start:\n{said[-2000:]}")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """Cleanly, without waiting for whoever is connected."""
        self._end(lambda process: process.send_signal(signal.SIGINT))

    def kill(self) -> None:
        """SIGKILL for the server and all its children."""
        self._end(lambda process: self._signal(signal.SIGKILL))

    def _end(self, send: Callable[[subprocess.Popen[bytes]], None]) -> None:
        process = self._process
        assert process is not None, "it does not run"
        send(process)
        process.wait(START_S)
        self._process = None

    def restart(self) -> Self:
        if self._process is not None:
            self.stop()
        return self.start()

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        # PostgreSQL's backends have sessions of their own: by parent, not by group.
        for pid in [self._process.pid, *_children_of(self._process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self.kill()

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _as_user(self, *command: str) -> None:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            cwd=self.directory,
            user=self._user,
            timeout=60,
        )


class Postgres(_Backend):
    """``fsync=False`` is quicker, for tests that do not kill it."""

    def __init__(self, directory: Path, *, fsync: bool = True) -> None:
        super().__init__(directory)
        self._data = directory / "data"
        self._fsync = "on" if fsync else "off"

    def start(self) -> Self:
        if not self._data.exists():
            initdb = binary("initdb")
            assert initdb is not None
            self._as_user(
                initdb,
                "-D",
                str(self._data),
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            )
        # A lock file that a killed server left is not in its way; that of another data folder is.
        return super().start()

    def _command(self) -> list[str]:
        postgres = binary("postgres")
        assert postgres is not None
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": self._fsync,
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [postgres, "-D", str(self._data), *flags]

    def _answers(self) -> bool:
        try:
            self.execute("select 1")
        except Exception:
            return False
        return True

    def url(self, database: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=2) as link:
            link.execute(statement)  # type: ignore[arg-type]

    def create(self, database: str, template: str | None = None) -> str:
        """Create a database; return its URL."""
        self.execute(
            f'CREATE DATABASE "{database}"' + (f' TEMPLATE "{template}"' if template else "")
        )
        return self.url(database)


class Redis(_Backend):
    """Keeps nothing on disk."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _command(self) -> list[str]:
        redis = binary("redis-server")
        assert redis is not None
        return [
            redis,
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            str(self.directory),
        ]

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                link.sendall(b"PING\r\n")
                return link.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self) -> None:
        self._end(lambda process: process.terminate())


def _children_of(pid: int) -> list[int]:
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            if int((each / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(each.name))
    return found


def _let_in(directory: Path) -> None:
    """Let the unprivileged user walk to its folder through those of ours that are temporary."""
    user = pwd.getpwnam(_UNPRIVILEGED)
    for folder in directory.parents:
        info: Any = folder.stat()
        if info.st_uid == os.geteuid() and info.st_uid != user.pw_uid and not info.st_mode & 0o001:
            folder.chmod(info.st_mode | 0o011)
