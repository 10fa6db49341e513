"""What is shipped under docker/ works: the very files, with this machine's ports and paths."""

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.backends import binary, free_port
from tests.clients import Client, connected, until
from tests.proxy import Nginx
from tests.servers import Server, environment, manage, skip_without
from tests.streams import following

ROOT = Path(__file__).resolve().parent.parent
DOCKER = ROOT / "docker"
TOOLS = Path(sys.executable).parent


# -- The files ------------------------------------------------------------------------------
def test_the_dockerfile_has_no_faults() -> None:
    subprocess.run([TOOLS / "hadolint", DOCKER / "Dockerfile"], check=True, timeout=60)


def test_the_compose_file_is_one() -> None:
    subprocess.run(
        [
            TOOLS / "check-jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            DOCKER / "compose.yaml",
        ],
        check=True,
        timeout=60,
        capture_output=True,
    )


def test_the_image_gets_what_it_copies() -> None:
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.M)
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    for name in " ".join(copied).split():
        assert (ROOT / name).exists()
        assert name in allowed


def test_the_units_are_understood(tmp_path: Path) -> None:
    skip_without([] if shutil.which("systemd-analyze") else ["systemd-analyze"])
    (tmp_path / "opt").mkdir()
    for unit in (DOCKER / "systemd").iterdir():
        # Only what this machine cannot have is replaced: the user and the installed program.
        text = unit.read_text().replace("/opt/collab/.venv/bin/python", sys.executable)
        text = text.replace("User=collab\n", "").replace("/opt/collab", str(ROOT))
        (tmp_path / unit.name).write_text(text)
    units = [
        tmp_path / name
        for name in ("collab@.service", "collab-compact.service", "collab-webhooks.service")
    ]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    ours = [line for line in done.stderr.splitlines() if "collab" in line]
    assert not ours, "\n".join(ours)


# -- The commands ---------------------------------------------------------------------------
def run_until_it_serves(command: list[str], env: dict[str, str], port: int, cwd: Path) -> None:
    """Start a server, ask it whether it is ready, stop it; it must end by itself, cleanly."""
    process = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL)
    try:
        for _ in range(400):
            assert process.poll() is None, "it ended"
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/readyz")
            except httpx.TransportError:
                asyncio.run(asyncio.sleep(0.05))
            else:
                break
        assert answer.status_code == 200, answer.text
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()


@pytest.fixture
def migrated(tmp_path: Path) -> dict[str, str]:
    env = environment(
        f"sqlite:///{tmp_path / 'collab.sqlite3'}", COLLAB_STATE_DIR=str(tmp_path / "state")
    )
    manage(env, "migrate", "--verbosity", "0")
    return env


def test_what_systemd_starts_serves(migrated: dict[str, str]) -> None:
    unit = (DOCKER / "systemd" / "collab@.service").read_text()
    (line,) = re.findall(r"^ExecStart=(.+)$", unit, re.M)
    port = free_port()
    line = line.replace("%i", str(port)).replace("/opt/collab/.venv/bin/python", sys.executable)
    (settings,) = re.findall(r"^Environment=(.+)$", unit, re.M)
    extra = dict(each.split("=", 1) for each in settings.split())
    extra["COLLAB_STATE_DIR"] = migrated["COLLAB_STATE_DIR"]
    run_until_it_serves(shlex.split(line), migrated | extra, port, ROOT)


def test_what_the_image_starts_serves_with_secrets_from_files(
    migrated: dict[str, str], tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "secret_key").write_text(migrated.pop("SECRET_KEY") + "\n")
    (secrets / "postgres_password").write_text("unused here")
    dockerfile = (DOCKER / "Dockerfile").read_text()
    (entrypoint,) = re.findall(r'^ENTRYPOINT \["(.+)"\]$', dockerfile, re.M)
    (command,) = re.findall(r"^CMD \[(.+)\]$", dockerfile, re.M)
    port = free_port()
    words = [entrypoint, *(word.strip('" ') for word in command.split(","))]
    words = [str(port) if word == "8000" else word for word in words]
    env = {**migrated, "SECRETS_DIR": str(secrets), "PATH": f"{TOOLS}:{migrated['PATH']}"}
    run_until_it_serves(words, env, port, ROOT)
    (secrets / "secret_key").unlink()
    done = subprocess.run(
        [entrypoint, "check"], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "SECRET_KEY must be set" in done.stderr


def test_the_image_is_healthy_by_its_own_check(server: Server) -> None:
    (check,) = re.findall(r'urllib.request as r; (.+?)"\]', (DOCKER / "Dockerfile").read_text())
    code = "import urllib.request as r; " + check.replace("8000", str(server.port))
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
    gone = code.replace(str(server.port), str(free_port()))
    assert (
        subprocess.run(
            [sys.executable, "-c", gone], check=False, timeout=20, capture_output=True
        ).returncode
        != 0
    )


def test_static_files_are_collected_for_the_proxy(migrated: dict[str, str], tmp_path: Path) -> None:
    manage(
        {**migrated, "STATIC_ROOT": str(tmp_path / "static")},
        "collectstatic",
        "--no-input",
        "--clear",
        "--verbosity",
        "0",
    )
    assert (tmp_path / "static" / "manifest.json").exists()
    assert (tmp_path / "static" / "admin").is_dir()


# -- The proxy ------------------------------------------------------------------------------
@pytest.fixture
def two(new_server: Any) -> tuple[Server, Server]:
    skip_without([] if binary("nginx") else ["nginx"])
    server = new_server(backend="postgres", COLLAB_PROXIES="1")
    return server, server.another()


@pytest.fixture
def nginx(two: tuple[Server, Server], tmp_path: Path) -> Iterator[Nginx]:
    static = tmp_path / "files"
    manage(
        {**two[0].environment, "STATIC_ROOT": str(static / "static")},
        "collectstatic",
        "--no-input",
        "--verbosity",
        "0",
    )
    with Nginx(tmp_path / "nginx", [server.port for server in two], static_root=static) as proxy:
        yield proxy


def through(proxy: Nginx, server: Server, document: Any, **options: Any) -> Client:
    client = Client(server, document, **options)
    client.url = f"{proxy.socket_url}/{document.id}"
    return client


def test_the_shipped_configuration_is_one(tmp_path: Path) -> None:
    skip_without([] if binary("nginx") else ["nginx"])
    assert "test is successful" in Nginx(tmp_path / "nginx", [1]).check()


async def test_a_document_is_in_one_process_and_all_are_spread(
    nginx: Nginx, two: tuple[Server, Server]
) -> None:
    documents = [two[0].new_document() for _ in range(12)]
    for document in documents:
        clients = [through(nginx, two[0], document) for _ in range(3)]
        async with connected(*clients) as (bob, carol, dave):
            bob.types("hello")
            await carol.sees("hello")
            await dave.sees("hello")
        opened = [server.log_lines("room opened", document.id) for server in two]
        assert sorted(len(lines) for lines in opened) == [0, 1]
    shares = [len(server.log_lines("room opened")) for server in two]
    assert min(shares) >= 1


async def test_it_holds_when_the_hash_does_not(nginx: Nginx, two: tuple[Server, Server]) -> None:
    here, there = two
    document = here.new_document()
    clients = [
        through(nginx, here, document, ack="count"),
        Client(here, document),
        Client(there, document),
    ]
    async with connected(*clients) as (bob, carol, dave):
        bob.types("hello")
        await asyncio.gather(carol.sees("hello"), dave.sees("hello"))
        bob.points_at(1, cursor=1)
        await until(lambda: all(bob.doc.client_id in each.awareness for each in (carol, dave)))
        path = f"documents/{document.id}/links"
        link = next(
            each for each in here.api("GET", path).json()["items"] if each["role"] == "editor"
        )
        changed = here.api("PATCH", f"{path}/{link['id']}", json={"enabled": False})
        changed.raise_for_status()
        ends = await asyncio.gather(*(each.end(within=1) for each in clients))
        assert [code for code, _ in ends] == [4403] * 3


async def test_when_a_process_dies_the_other_takes_over(
    nginx: Nginx, two: tuple[Server, Server]
) -> None:
    document = two[0].new_document()
    async with through(nginx, two[0], document, ack="count") as bob:
        bob.types("one ")
        await bob.all_saved()
        home = next(each for each in two if each.log_lines("room opened", document.id))
        home.kill()
        await asyncio.wait_for(bob.closed.wait(), 5)
        bob.types("two")
        await bob.disconnect()
        await bob.connect()
        await bob.all_saved()
    other = next(each for each in two if each is not home)
    async with Client(other, document) as newcomer:
        assert str(newcomer.text) == "one two"


async def test_streams_of_changes_come_at_once_and_unbuffered(
    nginx: Nginx, two: tuple[Server, Server]
) -> None:
    document = two[0].new_document()
    path, body = (
        f"documents/{document.id}/content",
        {"operations": [{"op": "append", "content": "x"}]},
    )
    async with following(two[0], document, url=nginx.url) as stream:
        for head in (1, 2):
            written = await asyncio.to_thread(two[1].api, "PATCH", path, json=body)
            written.raise_for_status()
            assert (await stream.next(within=3)).data["head"] == head


def test_tags_of_snapshots_stay_strong(nginx: Nginx, two: tuple[Server, Server]) -> None:
    document = two[0].new_document()
    path = f"{nginx.url}/api/v1/documents/{document.id}"
    with httpx.Client(headers=two[0].people["alice"].bearer) as program:
        kind = {"Content-Type": "text/plain"}
        program.put(f"{path}/content", content="word " * 1000, headers=kind).raise_for_status()
        for wanted in ("blocks", "html", "text", "markdown"):
            read = program.get(f"{path}/snapshot?format={wanted}")
            assert read.headers["ETag"] == '"1"'
            known = {"If-None-Match": read.headers["ETag"]}
            again = program.get(f"{path}/snapshot?format={wanted}", headers=known)
            assert again.status_code == 304
        written = program.put(
            f"{path}/content", content="new", headers={**kind, "If-Match": read.headers["ETag"]}
        )
        assert written.status_code == 200


def test_pages_files_and_refusals(nginx: Nginx, two: tuple[Server, Server]) -> None:
    with httpx.Client(base_url=nginx.url) as browser:
        page = browser.get("/accounts/login/")
        assert page.status_code == 200
        assert "nginx/" not in page.headers["Server"]
        scripts = (ROOT / "static" / "dist").rglob("*.js")
        largest = max(scripts, key=lambda path: path.stat().st_size)
        script = f"/static/{largest.relative_to(ROOT / 'static' / 'dist')}"
        answer = browser.get(script, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "gzip"
        assert browser.get("/static/manifest.json").headers["Cache-Control"].startswith("public")
        assert browser.get("/d/x?link=a-share-links-token").status_code == 404
        assert browser.get("/metrics").status_code == 404
        assert browser.get("/readyz").status_code == 200
        # A request is logged after its answer, and before the next one of its connection.
        assert "/d/x" in nginx.log
        assert "a-share-links-token" not in nginx.log
        too_large = browser.post("/api/v1/documents", content=b"x" * (65 << 20))
        assert too_large.status_code == 413
        answers = [browser.get("/accounts/login/").status_code for _ in range(40)]
        assert 429 in answers, "log-ins are limited"


async def test_the_address_is_the_clients_and_cannot_be_forged(
    nginx: Nginx, two: tuple[Server, Server]
) -> None:
    third = two[0].another(COLLAB_MAX_CONNECTIONS_PER_ADDRESS="1", COLLAB_PROXIES="1")
    document = third.new_document()
    with Nginx(nginx.directory / "strict", [third.port]) as strict:
        async with through(strict, third, document):
            forged = {"X-Forwarded-For": "203.0.113.9", **third.people["bob"].bearer}
            second = await through(strict, third, document, headers=forged).open()
            assert (await second.end())[0] == 4529
            await second.disconnect()
