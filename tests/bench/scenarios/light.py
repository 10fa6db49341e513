"""A meeting: fifty in a document, five of them typing. How long an edit takes to the others."""

from functools import partial

from tests.bench import climb
from tests.bench.contestants import Contestant
from tests.bench.figures import Case, Figure
from tests.bench.load import Plan
from tests.bench.scenarios.options import Options


def cases(options: Options) -> list[Case]:
    seconds = 3.0 if options.is_short else max(options.seconds, 8)
    plan = Plan(members=50, writers=5, rate=25, seconds=seconds)
    return [Case("50 members, 5 writing 5/s each", partial(_measure, plan))]


def _measure(plan: Plan, contestant: Contestant) -> list[Figure]:
    climb.run_in(contestant)
    return latencies(climb.step(contestant, plan))


def latencies(step: climb.Step, what: str = "from writer to reader") -> list[Figure]:
    result = step.result if step.result and not step.result.lost else None
    return [
        Figure(f"{what}, p50", "ms", result.p50_ms if result else None),
        Figure(f"{what}, p99", "ms", result.p99_ms if result else None),
    ]
