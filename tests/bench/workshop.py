"""What is made before anything is measured: the generator, its edits; all kept in ``var/bench``.

Made again when their sources are newer. Knows nothing of servers.
"""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SHED = ROOT / "var" / "bench"
PEERS = ROOT / "tests" / "bench" / "peers"
GENERATOR = ROOT / "tests" / "bench" / "generator"
# Hocuspocus asks for a newer Node than many systems have; its lock brings one.
NODE = PEERS / "node" / "node_modules" / ".bin" / "node"

_BUILD_S = 300


class NotMade(Exception):
    """Something cannot be built or generated here; the text says what is missing."""


def prepare() -> None:
    """Install what can be installed; what could not be is printed."""
    SHED.mkdir(parents=True, exist_ok=True)
    subprocess.run([ROOT / "tests" / "bench" / "prepare.sh"], check=True, cwd=ROOT)


@cache
def generator() -> Path:
    sources = [path for path in sorted(GENERATOR.glob("*.c")) if path.name != "reflector.c"]
    return _compile("load", sources)


@cache
def reflector() -> Path:
    return _compile(
        "reflector", [GENERATOR / f"{name}.c" for name in ("reflector", "buffer", "fail")]
    )


def _compile(name: str, sources: list[Path]) -> Path:
    program = SHED / name
    if _is_newer(program, [*sources, *GENERATOR.glob("*.h")]):
        return program
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"]
    SHED.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["gcc", *flags, "-o", program, *sources], check=True, timeout=_BUILD_S)
    except FileNotFoundError:
        raise NotMade("no gcc: install the packages gcc and libc6-dev") from None
    return program


@cache
def edits() -> Path:
    """For each of 200 writers a stream of updates, made by Yjs."""
    return made_by_node("updates.mjs", SHED / "updates")


def made_by_node(script: str, file: Path, *arguments: str) -> Path:
    source = PEERS / "node" / script
    if _is_newer(file, [source]):
        return file
    if not NODE.exists():
        raise NotMade("no Node packages: edits are made by Yjs (install npm)")
    unfinished = file.with_suffix(".unfinished")
    subprocess.run([NODE, source, unfinished, *arguments], check=True, timeout=_BUILD_S)
    unfinished.rename(file)
    return file


def _is_newer(product: Path, sources: list[Path]) -> bool:
    if not product.exists():
        return False
    return product.stat().st_mtime > max(source.stat().st_mtime for source in sources)
