"""Large documents: the real trace of 259,778 edits, and 2,000 blocks of rich text."""

import statistics
import time
from functools import partial
from pathlib import Path

import httpx

from tests.bench import api, climb
from tests.bench.contestants import Collab, Contestant
from tests.bench.documents import rich_text, trace
from tests.bench.figures import Case, Figure
from tests.bench.load import Plan
from tests.bench.scenarios.light import latencies
from tests.bench.scenarios.options import Options

_READERS = 10
_SNAPSHOTS = 5


def cases(options: Options) -> list[Case]:
    documents = [("2,000 blocks of rich text", rich_text())]
    if (typed := trace()) is not None:
        documents.append(("259,778 edits of one author", typed))
    else:
        print(f"259,778 edits of one author: left out: no {api.TRACE} (set EDITING_TRACES)")
    return [
        Case(
            label,
            partial(_measure, fill),
            lambda kind: not kind.is_alone_in_its_kind and not kind.is_silent,
        )
        for label, fill in documents
    ]


def _measure(fill: Path, contestant: Contestant) -> list[Figure]:
    plan = Plan(_READERS + 1, writers=1, rate=5, at_once=1, fill=fill, patience=120)
    rooms = contestant.new_rooms(1)
    step = climb.step_in(contestant, plan, rooms)
    opened = step.result.ready.synced_p50_ms if step.result else None
    figures = [Figure("open", "ms", opened), *latencies(step, "an edit")]
    if isinstance(contestant, Collab):
        figures += _snapshots(contestant, rooms[0].name)
    return figures


def _snapshots(contestant: Collab, document: str) -> list[Figure]:
    server = contestant.servers[0]
    figures = []
    path = f"{server.url}/api/v1/documents/{document}/snapshot"
    with httpx.Client(headers=server.people["alice"].bearer, timeout=60) as http:
        http.get(f"{server.url}/healthz")  # the connection is no snapshot's
        for kind in ("yjs", "markdown"):
            taken = []
            for _ in range(_SNAPSHOTS):
                began = time.perf_counter()
                http.get(path, params={"format": kind}).raise_for_status()
                taken.append((time.perf_counter() - began) * 1000)
            figures.append(Figure(f"snapshot as {kind}, first", "ms", taken[0]))
            figures.append(Figure(f"snapshot as {kind}, again", "ms", statistics.median(taken[1:])))
    return figures
