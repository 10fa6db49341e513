"""One document: how many edits a second reach all its members, until somebody waits too long."""

from functools import partial

from tests.bench import climb
from tests.bench.contestants import Contestant
from tests.bench.figures import Case, Figure
from tests.bench.load import Plan
from tests.bench.scenarios.options import Options

_SHAPES = [(2, 1), (2, 2), (10, 1), (10, 10), (50, 1), (50, 50), (200, 1), (200, 50), (200, 200)]


def cases(options: Options) -> list[Case]:
    shapes = [(50, 50)] if options.is_short else _SHAPES
    if options.members:
        writers = options.writers or [0]
        shapes = [(members, few or members) for members in options.members for few in writers]
        shapes += [(members, 1) for members in options.members if not options.writers]
    return [_case(options, members, writers) for members, writers in shapes]


def _case(options: Options, members: int, writers: int) -> Case:
    who = "all" if members == writers else str(writers)
    plan = Plan(members, writers, options.rate, seconds=options.seconds)
    return Case(
        f"1 document, {members} members, {who} writing",
        partial(highest_rate, climb.Climber(plan, is_brief=options.is_short)),
        lambda kind: not kind.is_alone_in_its_kind or kind.name == "reflector",
    )


def highest_rate(climber: climb.Climber, contestant: Contestant) -> list[Figure]:
    best = climber.highest(contestant)
    if best is None or best.result is None:
        return [Figure("edits with p99 ≤ 250 ms and no loss", "1/s", None, more_is_better=True)]
    mark = "*" if best.result.is_bound_by_generator or climber.lacked_edits else ""
    return [
        Figure("edits with p99 ≤ 250 ms and no loss", "1/s", best.rate, True, mark),
        Figure("server's core at that rate", "%", best.server_cpu * 100, is_compared=False),
    ]
