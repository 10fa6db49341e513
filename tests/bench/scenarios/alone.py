"""What most documents are like: one person types, another looks on. What that costs the server.

Each edit is a flush and a row of its own, where in the other scenarios many share one.
"""

from functools import partial

from tests.bench import climb
from tests.bench.contestants import Contestant
from tests.bench.figures import Case, Figure
from tests.bench.load import Plan
from tests.bench.scenarios.light import latencies
from tests.bench.scenarios.options import Options

_PER_S = 3.0


def cases(options: Options) -> list[Case]:
    return [
        Case(
            f"{documents} documents, 2 members each, 1 writing {_PER_S:.0f}/s",
            partial(_measure, documents, max(options.seconds, 8)),
        )
        for documents in ([100] if options.is_short else [500, 1000])
    ]


def _measure(documents: int, seconds: float, contestant: Contestant) -> list[Figure]:
    plan = Plan(2, 1, _PER_S * documents, warmup=2, seconds=seconds, patience=120, at_once=50)
    step = climb.step(contestant, plan, documents)
    return [
        *latencies(step),
        *_cpu(step),
    ]


def _cpu(step: climb.Step) -> list[Figure]:
    if step.result is None:
        return [Figure("server's core", "%", None)]
    serving = (step.server_cpu - step.nice_cpu) * 100
    return [
        Figure("server's core", "%", serving),
        Figure("the same for work that waits", "%", step.nice_cpu * 100, is_compared=False),
    ]
