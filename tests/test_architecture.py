"""Imports run one way; what is pure stays pure; the tree is the architecture.

A layer may import the layers above it and itself. The offending line is printed.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("collab", "documents", "presence")

# From the bottom of the building to its roof. The longest prefix decides.
LAYERS: list[set[str]] = [
    {"collab.errors"},
    {
        "collab.lib0",
        "collab.conf",
        "collab.layer",
        "collab.metrics",
        "collab.files",
        "collab.flag",
        "collab.flow",
        "collab.frames",
        "collab.garbage",
        "collab.inbox",
        "collab.workers",
        "collab.rates",
        "collab.rounds",
        "collab.shares",
        "collab.addresses",
        "collab.openapi",
        "collab.outbound",
        "collab.paging",
    },
    {"collab.logs", "collab.database", "collab.socket"},
    {"collab.accounts"},
    {"collab.throttle"},
    {"presence"},
    {"documents.protocol", "documents.formats"},
    {"documents.models"},
    {"documents.access"},
    {"documents.sync"},
    {"documents.announce", "documents.conversion", "documents.webhooks"},
    {
        "documents.sharing",
        "documents.tokens",
        "documents.creation",
        "documents.content",
        "documents.idempotency",
        "documents.activity",
        "documents.delivery",
        "documents.withdrawal",
        "documents.thinning",
        "documents.media",
    },
    {"documents.versions", "documents.search"},
    {"documents.review"},
    {"documents.attachments"},
    {"documents.orphans", "documents.apps"},
    {"documents.lifecycle", "documents.admission"},
    {
        "collab.accounts.api",
        "documents.consumers",
        "documents.routing",
        "documents.api",
        "documents.views",
        "documents.urls",
        "documents.admin",
        "documents.management",
    },
    {"collab"},
]
# A few names that only some rooms may use.
CONFINED = {
    "pycrdt": {
        "documents.sync.replica",
        "documents.sync.guard",
        "documents.sync.compaction",
        "documents.formats.tree",
        "documents.formats.difference",
    },
    "channels": {
        "collab.asgi",
        "collab.database",
        "collab.health",
        "collab.server",
        "collab.socket",
        "documents.announce",
        "documents.sync.hub",
    },
    "httpcore": {"collab.outbound"},
    "filetype": {"documents.media"},
    "imagesize": {"documents.media"},
    "django": {"-documents.protocol", "-documents.formats", "-presence.awareness"},
    "asyncio": {"-documents.protocol", "-documents.formats", "-presence.awareness"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                yield name.removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # ``from documents import sharing`` imports a module, and so do we read it.
            is_package = node.module in PACKAGES
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}" if is_package else node.module


def layer_of(module: str) -> int:
    matches = [
        (len(prefix), index)
        for index, layer in enumerate(LAYERS)
        for prefix in layer
        if module == prefix or module.startswith(f"{prefix}.")
    ]
    return max(matches)[1]


@pytest.mark.parametrize(("module", "path"), modules(), ids=str)
def test_imports_run_one_way(module: str, path: Path) -> None:
    for line, imported in imports(path):
        if imported.split(".")[0] in PACKAGES:
            assert layer_of(imported) <= layer_of(module), (
                f"{path.relative_to(ROOT)}:{line}: {module} may not import {imported}"
            )


@pytest.mark.parametrize(("module", "path"), modules(), ids=str)
def test_some_libraries_stay_in_their_rooms(module: str, path: Path) -> None:
    for line, imported in imports(path):
        rooms = CONFINED.get(imported.split(".")[0])
        if rooms is None:
            continue
        banned = {room[1:] for room in rooms if room.startswith("-")}
        is_allowed = (
            not any(module.startswith(room) for room in banned) if banned else (module in rooms)
        )
        assert is_allowed, f"{path.relative_to(ROOT)}:{line}: {module} may not use {imported}"


def test_presence_knows_nothing_of_documents() -> None:
    for module, path in modules():
        if module.startswith("presence"):
            assert not any(name.startswith("documents") for _, name in imports(path)), module
