"""The load generator as a function: a plan in, what it measured out. Its C is in ``generator/``."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import workshop

_BUSY = 0.9  # of its core: then the generator may be what is measured
_SPARE_S = 60  # beyond the plan: connecting, draining


@dataclass(frozen=True, slots=True)
class Room:
    """A document at a server: its name, and for each of its entrances port and HTTP target."""

    name: str
    entrances: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """See generator/plan.h."""

    members: int
    writers: int = 0
    rate: float = 0.0  # edits a second, all writers of all documents together
    awareness: float = 0.0  # states a second of each member
    warmup: float = 1.0
    seconds: float = 4.0
    patience: float = 60.0
    at_once: int = 20
    drain: float = 20.0  # how long the last edits may take
    fill: Path | None = None
    updates: Path | None = None  # instead of those of workshop.edits


@dataclass(frozen=True, slots=True)
class Ready:
    members: int
    seconds: float
    handshakes_per_s: float
    bytes: int
    synced_p50_ms: float
    synced_p95_ms: float
    synced_max_ms: float
    cpu: float  # of the generator meanwhile

    @property
    def is_bound_by_generator(self) -> bool:
        return self.cpu > _BUSY


@dataclass(frozen=True, slots=True)
class Result:
    """What the generator counted. Times are from when an edit was due, not from when it went."""

    ready: Ready
    sent: int
    expected: int
    delivered: int
    lost: int
    duplicates: int
    strange: int
    closed: int
    trouble: str
    p50_ms: float
    p99_ms: float
    max_ms: float
    timed: int
    acknowledged: int
    ack_p50_ms: float
    ack_p99_ms: float
    cursors_sent: int
    cursors_seen: int
    stale_cursors: int
    cursor_p99_ms: float
    frames: int
    bytes: int
    late_ms: float
    cpu: float  # of the generator, as a share of its core

    @property
    def is_bound_by_generator(self) -> bool:
        return self.cpu > _BUSY


class Failed(Exception):
    """The generator could not carry out its plan; the text is what it said."""


class OutOfEdits(Exception):
    """There were not enough edits for this rate: that says nothing about a server."""


def run(
    plan: Plan,
    rooms: list[Room],
    *,
    dialect: str,
    is_silent: bool = False,
    on_event: Callable[[str], None] = lambda event: None,
) -> Result:
    """``on_event`` is called at the beginning of each phase: ready, measuring, measured."""
    with subprocess.Popen(
        [workshop.generator()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(_written(plan, rooms, dialect, is_silent))
        process.stdin.close()
        said: dict[str, dict[str, Any]] = {}
        for line in process.stdout:
            event = json.loads(line)
            name = event.pop("event")
            said[name] = event
            on_event(name)
        trouble = process.stderr.read()
        if process.wait(_SPARE_S) != 0:
            raise OutOfEdits(trouble) if "generate more" in trouble else Failed(trouble.strip())
    return Result(ready=Ready(**said["ready"]), **said["done"])


def _written(plan: Plan, rooms: list[Room], dialect: str, is_silent: bool) -> str:
    words = {
        "dialect": dialect,
        "silent": int(is_silent),
        "members": plan.members,
        "writers": plan.writers,
        "rate": plan.rate,
        "awareness": plan.awareness,
        "warmup": plan.warmup,
        "seconds": plan.seconds,
        "patience": plan.patience,
        "at_once": plan.at_once,
        "drain": plan.drain,
    }
    if plan.writers:
        words["updates"] = str(plan.updates or workshop.edits())
    if plan.fill:
        words["fill"] = str(plan.fill)
    lines = [f"{word} {value}" for word, value in words.items()]
    for room in rooms:
        entrances = " ".join(f"{port} {target}" for port, target in room.entrances)
        lines.append(f"document {room.name} {entrances}")
    return "\n".join(lines) + "\n"
