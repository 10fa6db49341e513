"""Thousands of connections that do nothing: what each costs in memory, how fast they come."""

from functools import partial

from tests.bench import cores, load
from tests.bench.contestants import Contestant
from tests.bench.figures import Case, Figure
from tests.bench.load import Plan
from tests.bench.scenarios.options import Options

_SHAPES = [(5000, 50), (10_000, 50), (2000, 2)]  # connections, of each document


def cases(options: Options) -> list[Case]:
    return [
        Case(f"{count:,} idle connections, {members} a document", partial(_measure, count, members))
        for count, members in ([(1000, 50)] if options.is_short else _SHAPES)
    ]


def _measure(count: int, members: int, contestant: Contestant) -> list[Figure]:
    ways = {"dialect": contestant.dialect, "is_silent": contestant.is_silent}
    # What is loaded only once is no connection's.
    load.run(Plan(members, seconds=0.5, warmup=0), contestant.new_rooms(1), **ways)  # type: ignore[arg-type]
    contestant.rest()
    before = cores.memory_bytes(contestant.pids)
    after: list[int] = []

    def note(event: str) -> None:
        if event == "measuring":
            after.append(cores.memory_bytes(contestant.pids))

    plan = Plan(members, seconds=1, warmup=1, patience=180, at_once=100)
    try:
        rooms = contestant.new_rooms(count // members)
        result = load.run(plan, rooms, on_event=note, **ways)  # type: ignore[arg-type]
    except load.Failed:
        return [Figure("memory of each", "KB", None), Figure("handshakes", "1/s", None, True)]
    mark = "*" if result.ready.is_bound_by_generator else ""
    return [
        Figure("memory of each", "KB", (after[0] - before) / count / 1024),
        Figure("handshakes", "1/s", result.ready.handshakes_per_s, True, mark),
    ]
