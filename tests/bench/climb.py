"""The search for the highest rate at which nobody loses anything and nobody waits long.

Doubles from a rate that everybody manages, in short steps; then halves the distance between
what passed and what did not, in full ones. Every step has a fresh document.
"""

import sys
import time
from dataclasses import dataclass, replace

from tests.bench import cores, load
from tests.bench.contestants import Contestant
from tests.bench.load import Plan, Result, Room

WAIT_MS = 250.0  # for 99 of 100 deliveries

_FIRST_DELIVERIES_PER_S = 1500
_SHORT = {"warmup": 0.5, "seconds": 1.5, "drain": 2.0}
_DRAIN_S = 5.0  # of a full step: what comes later came too late anyway
_PRECISION, _PRECISION_IF_BRIEF = 1.11, 2.01  # what fails, by what passes, at the end
_HEAD_START = 32  # of a brief search
_LOWEST = 0.5
# Shares of the rate that comes next to a server just started: the first time it had come there step
# by step. Hocuspocus fails at 21,000 edits/s when it is cold, and passes 25,000 when it is warm.
_WARMING = (0.125, 0.25, 0.5)
# Before figures at one rate, so that what compiles as it runs has done so.
_RUN_IN = Plan(10, 10, 500, awareness=5, warmup=0, seconds=3, drain=_DRAIN_S)


@dataclass(frozen=True, slots=True)
class Step:
    rate: float
    result: Result | None  # None: the generator could not go on
    trouble: str
    server_cpu: float  # shares of the server's core: its own,
    others_cpu: float  # and everybody else's, who make a figure worth less
    nice_cpu: float = 0.0  # what of its own stands back for whoever wants the core

    @property
    def passes(self) -> bool:
        result = self.result
        return (
            result is not None
            and result.timed > 0
            and not result.lost
            and not result.closed
            and result.p99_ms <= WAIT_MS
        )

    def __str__(self) -> str:
        if self.result is None:
            return f"{self.rate:8.0f}/s  {self.trouble}"
        result = self.result
        times = f"p50 {result.p50_ms:7.1f} ms  p99 {result.p99_ms:8.1f} ms"
        return (
            f"{self.rate:8.0f}/s  {times if result.timed else 'nothing came':31}  "
            f"lost {result.lost}  twice {result.duplicates}  closed {result.closed}  "
            f"server {self.server_cpu:4.0%}, others there {self.others_cpu:.0%}  "
            f"generator {result.cpu:4.0%}  "
            f"{'passes' if self.passes else 'FAILS'} {result.trouble}"
        )


def run_in(contestant: Contestant) -> None:
    """Give a server just started some seconds of load that nobody judges."""
    step(contestant, _RUN_IN)
    contestant.rest()


def step(contestant: Contestant, plan: Plan, documents: int = 1) -> Step:
    """One run at one rate, on fresh documents."""
    return step_in(contestant, plan, contestant.new_rooms(documents))


def step_in(contestant: Contestant, plan: Plan, rooms: list[Room]) -> Step:
    used: list[tuple[float, float, float, float]] = []

    def note(event: str) -> None:
        if event in ("measuring", "measured"):
            own = cores.cpu_seconds(contestant.pids)
            nice = cores.cpu_seconds(contestant.pids, only_nice=True)
            busy = cores.busy_seconds(cores.SERVER_CORE)
            used.append((own, nice, busy, time.monotonic()))

    try:
        result = load.run(
            plan,
            rooms,
            dialect=contestant.dialect,
            is_silent=contestant.is_silent,
            on_event=note,
        )
    except load.Failed as failure:
        return Step(plan.rate, None, str(failure), 0.0, 0.0)
    own, nice, busy, took = (after - before for before, after in zip(*used, strict=True))
    took = max(took, 0.001)  # a plan may be only to connect
    return Step(plan.rate, result, "", own / took, max(0.0, busy - own) / took, nice / took)


class Climber:
    """Searches again and again, each time from near to what it found for that server before."""

    def __init__(self, plan: Plan, documents: int = 1, *, is_brief: bool = False) -> None:
        self._plan = plan
        self._documents = documents
        self._is_brief = is_brief
        self._precision = _PRECISION_IF_BRIEF if is_brief else _PRECISION
        deliveries = _FIRST_DELIVERIES_PER_S * (_HEAD_START if is_brief else 1)
        self._first = deliveries / (plan.members - 1)
        self._found: dict[str, float] = {}
        self.lacked_edits = False  # in the last search, which would have gone on
        self._is_cold = False  # just started, and the next rate is not its first

    def highest(self, contestant: Contestant) -> Step | None:
        """The step at the highest rate that passed, or None if nothing did."""
        self.lacked_edits = False
        self._is_cold = bool(self._plan.rate) or contestant.name in self._found
        if self._plan.rate:  # it was asked for
            return self._attempt(contestant, self._plan.rate)
        low, high = self._bracket(contestant)
        best: Step | None = None
        is_promising = True  # the lower of the two: a short step passed there
        while low >= _LOWEST and (best is None or high / low > self._precision):
            is_near = high / low <= self._precision
            rate = low if is_near or not is_promising else (low * high) ** 0.5
            taken = self._attempt(contestant, rate, drain=_DRAIN_S)
            if taken.passes:
                best, low, is_promising = taken, rate, True
            elif rate > low:
                high = rate
            else:
                low, high, is_promising = low / 1.5, low, False
        if best is not None:
            self._found[contestant.name] = best.rate
        return best

    def _bracket(self, contestant: Contestant) -> tuple[float, float]:
        """A rate that passes and twice that, which does not; in short steps."""
        found = self._found.get(contestant.name)
        rate = found / 1.5 if found else self._first
        if self._attempt(contestant, rate, **_SHORT).passes:
            while self._attempt(contestant, rate * 2, **_SHORT).passes:
                rate *= 2
            return rate, rate * 2
        while rate >= _LOWEST and not self._attempt(contestant, rate / 2, **_SHORT).passes:
            rate /= 2
        return rate / 2, rate

    def _attempt(self, contestant: Contestant, rate: float, **changes: float) -> Step:
        """Once more if it fails, whoever it is and however it failed: it may have been a hiccup.

        Not so in a brief search.
        """
        plan = replace(self._plan, rate=rate, **changes)  # type: ignore[arg-type]
        for _ in range(1 if self._is_brief else 2):
            taken = self._take(contestant, plan)
            if taken.passes or self.lacked_edits:
                break
        return taken

    def _take(self, contestant: Contestant, plan: Plan) -> Step:
        if self._is_cold:
            self._warm_up(contestant, replace(plan, **_SHORT))  # type: ignore[arg-type]
            self._is_cold = False
        try:
            taken = step(contestant, plan, self._documents)
        except load.OutOfEdits as lack:
            self.lacked_edits = True
            taken = Step(plan.rate, None, str(lack), 0.0, 0.0)
        print(f"    {taken}", file=sys.stderr, flush=True)
        has_time = taken.passes or not self._is_brief
        if not (has_time and contestant.rest()):
            contestant.start_anew()
            self._is_cold = True
        return taken

    def _warm_up(self, contestant: Contestant, plan: Plan) -> None:
        """Bring a server that was started just now to its rate, in steps that nobody judges.

        If it does not come to rest on that way, it is started anew, and judged cold.
        """
        for share in _WARMING:
            try:
                step(contestant, replace(plan, rate=plan.rate * share), self._documents)
            except load.OutOfEdits:
                return
            if not contestant.rest():
                contestant.start_anew()
                return
