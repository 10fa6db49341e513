"""People at work: pairs of whom one types, and meetings. What that costs the server.

At such rates each edit is a flush and a row of its own, where in other scenarios many share one.
"""

from dataclasses import dataclass
from functools import partial

from tests.bench import climb
from tests.bench.contestants import Contestant
from tests.bench.figures import Case, Figure
from tests.bench.load import Plan
from tests.bench.scenarios.light import latencies
from tests.bench.scenarios.options import Options

_EDITS_PER_S = 3.0  # of each who types


@dataclass(frozen=True, slots=True)
class _Crowd:
    documents: int
    members: int
    writers: int
    with_cursors: bool = False  # as many moves as edits, of all members in turn

    @property
    def label(self) -> str:
        cursors = ", and as many moves of cursors" if self.with_cursors else ""
        return (
            f"{self.documents} documents, {self.members} members each, "
            f"{self.writers} writing {_EDITS_PER_S:.0f}/s{cursors}"
        )

    def plan(self, seconds: float) -> Plan:
        edits_per_s = _EDITS_PER_S * self.writers  # in each document
        return Plan(
            self.members,
            self.writers,
            edits_per_s * self.documents,
            awareness=edits_per_s / self.members if self.with_cursors else 0.0,
            warmup=2,
            seconds=seconds,
            patience=120,
            at_once=50,
        )


_CROWDS = (
    _Crowd(500, 2, 1),
    _Crowd(1000, 2, 1),
    _Crowd(500, 2, 1, with_cursors=True),
    _Crowd(10, 50, 10),
    _Crowd(10, 50, 10, with_cursors=True),
)


def cases(options: Options) -> list[Case]:
    crowds = [_Crowd(100, 2, 1)] if options.is_short else _CROWDS
    seconds = max(options.seconds, 8)
    return [Case(crowd.label, partial(_measure, crowd, seconds)) for crowd in crowds]


def _measure(crowd: _Crowd, seconds: float, contestant: Contestant) -> list[Figure]:
    climb.run_in(contestant)
    step = climb.step(contestant, crowd.plan(seconds), crowd.documents)
    return [
        *latencies(step),
        *_cpu(step),
    ]


def _cpu(step: climb.Step) -> list[Figure]:
    if step.result is None:
        return [Figure("server's core", "%", None)]
    return [
        Figure("server's core", "%", step.server_cpu * 100),
        Figure("of that, work that waits", "%", step.nice_cpu * 100, is_compared=False),
    ]
