"""Cursors that move five times a second, and nobody writes: what that costs the server."""

from functools import partial

from tests.bench import climb
from tests.bench.contestants import Contestant
from tests.bench.figures import Case, Figure
from tests.bench.load import Plan
from tests.bench.scenarios.options import Options

_PER_S = 5.0


def cases(options: Options) -> list[Case]:
    seconds = 2.0 if options.is_short else options.seconds
    sizes = options.members or ([50] if options.is_short else [50, 200])
    return [
        Case(
            f"cursors of {members} members, {_PER_S:.0f}/s each",
            partial(_measure, Plan(members, awareness=_PER_S, seconds=seconds)),
        )
        for members in sizes
    ]


def _measure(plan: Plan, contestant: Contestant) -> list[Figure]:
    climb.run_in(contestant)
    step = climb.step(contestant, plan)
    result = step.result
    pairs = plan.members * (plan.members - 1)
    return [
        Figure("server's core", "%", step.server_cpu * 100 if result else None),
        Figure("from who moves to who sees, p99", "ms", result.cursor_p99_ms if result else None),
        Figure(
            "members that missed another's last cursor", "%",
            100 * result.stale_cursors / pairs if result else None,
        ),
    ]  # fmt: skip
