"""Two processes over Redis, half of the members at each. All three share the servers' core."""

from functools import partial

from tests.bench.climb import Climber
from tests.bench.contestants import CollabTwo, HocuspocusTwo
from tests.bench.figures import Case
from tests.bench.load import Plan
from tests.bench.scenarios.fanout import highest_rate
from tests.bench.scenarios.options import Options


def cases(options: Options) -> list[Case]:
    members = options.members[0] if options.members else 50
    plan = Plan(members, members, options.rate, seconds=options.seconds)
    return [
        Case(
            f"2 processes, {members} members, all writing",
            partial(highest_rate, Climber(plan, is_brief=options.is_short)),
            lambda kind: kind in (CollabTwo, HocuspocusTwo),
        )
    ]
