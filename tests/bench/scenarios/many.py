"""Many documents with two members each, of whom one writes."""

from functools import partial

from tests.bench.climb import Climber
from tests.bench.figures import Case
from tests.bench.load import Plan
from tests.bench.scenarios.fanout import highest_rate
from tests.bench.scenarios.options import Options


def cases(options: Options) -> list[Case]:
    plan = Plan(members=2, writers=1, rate=options.rate, seconds=options.seconds)
    return [
        Case(
            f"{documents} documents, 2 members each, 1 writing",
            partial(highest_rate, Climber(plan, documents, is_brief=options.is_short)),
        )
        for documents in ([50] if options.is_short else [50, 500])
    ]
