"""A hundred people open a large document at once."""

from functools import partial

from tests.bench import climb, cores
from tests.bench.contestants import Contestant
from tests.bench.documents import paragraphs
from tests.bench.figures import Case, Figure
from tests.bench.load import Plan
from tests.bench.scenarios.options import Options


def cases(options: Options) -> list[Case]:
    joiners = 20 if options.is_short else 100
    return [
        Case(
            f"{joiners} open a document of {megabytes} MB at once",
            partial(_measure, joiners, megabytes),
            lambda kind: not kind.is_alone_in_its_kind and not kind.is_silent,
        )
        for megabytes in ([1] if options.is_short else [1, 5])
    ]


def _measure(joiners: int, megabytes: int, contestant: Contestant) -> list[Figure]:
    fill = paragraphs(megabytes * 1_000_000)
    plan = Plan(joiners + 1, seconds=0, warmup=0, at_once=joiners, patience=120, fill=fill)
    cores.forget_peak(contestant.pids)
    step = climb.step(contestant, plan)
    peak = cores.peak_bytes(contestant.pids)
    result = step.result
    is_whole = result is not None and result.ready.bytes >= joiners * fill.stat().st_size * 0.9
    mark = "*" if result and result.ready.is_bound_by_generator else ""
    p95_ms = result.ready.synced_p95_ms if result and is_whole else None
    return [
        Figure("synced, p95", "ms", p95_ms, mark=mark),
        Figure("most memory meanwhile", "MB", peak / 1e6),
    ]
