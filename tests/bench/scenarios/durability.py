"""From an edit to its acknowledgement, which says that it is on disk. No peer has one.

Beside it what the disk itself takes: one small write and its fdatasync, again and again.
"""

import os
import statistics
import time
from functools import partial
from pathlib import Path

from tests.bench import climb
from tests.bench.contestants import Collab, Contestant
from tests.bench.figures import Case, Figure
from tests.bench.load import Plan
from tests.bench.scenarios.options import Options

_WRITES = 200
_BYTES = 4096  # a page of a database


def cases(options: Options) -> list[Case]:
    loads = [(5, 25, 8)] if options.is_short else [(5, 25, 20), (50, 500, 8)]
    return [
        Case(
            f"50 members, {writers} writing, {rate}/s in all: edit to commit",
            partial(_measure, Plan(50, writers, rate, seconds=max(options.seconds, seconds))),
            _is_ours,
        )
        for writers, rate, seconds in loads
    ]


def _is_ours(kind: type[Contestant]) -> bool:
    return issubclass(kind, Collab) and not kind.is_alone_in_its_kind


def _measure(plan: Plan, contestant: Contestant) -> list[Figure]:
    assert isinstance(contestant, Collab)
    contestant.query = "&ack=count"
    floor = fdatasync_ms(contestant.directory)
    result = climb.step(contestant, plan).result
    floor += fdatasync_ms(contestant.directory)
    all_came = result is not None and result.acknowledged == result.sent
    return [
        Figure("acknowledged, p50", "ms", result.ack_p50_ms if result and all_came else None),
        Figure("acknowledged, p99", "ms", result.ack_p99_ms if result and all_came else None),
        Figure("fdatasync of this disk, p50", "ms", statistics.median(floor)),
        Figure("fdatasync of this disk, p99", "ms", sorted(floor)[len(floor) * 99 // 100]),
    ]


def fdatasync_ms(directory: Path) -> list[float]:
    took = []
    file = os.open(directory / "floor", os.O_CREAT | os.O_WRONLY)
    try:
        os.write(file, bytes(_WRITES * _BYTES))  # so that no write makes it longer
        os.fsync(file)
        for number in range(_WRITES):
            began = time.perf_counter()
            os.pwrite(file, b"x" * _BYTES, number * _BYTES)
            os.fdatasync(file)
            took.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(file)
    return took
