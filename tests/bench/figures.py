"""What is measured: figures of cases, and all rounds' figures of all servers together. Pure."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.bench.contestants import Contestant


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. ``value`` None: it does not apply, or was not reached at all."""

    what: str
    unit: str
    value: float | None
    more_is_better: bool = False
    mark: str = ""  # "*": the generator was what limited it
    is_compared: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table, or a few: what is done to each server that it suits."""

    label: str
    measure: Callable[[Contestant], list[Figure]]
    suits: Callable[[type[Contestant]], bool] = lambda kind: not kind.is_alone_in_its_kind


@dataclass(slots=True)
class Row:
    case: str
    what: str
    unit: str
    more_is_better: bool
    is_compared: bool
    values: dict[str, list[float | None]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)

    def median(self, server: str) -> float | None:
        """Of all rounds; one in which it was not reached counts as worse than any other."""
        worst = -math.inf if self.more_is_better else math.inf
        values = [worst if value is None else value for value in self.values.get(server, [])]
        median = statistics.median(values) if values else worst
        return median if math.isfinite(median) else None

    def rounds(self, server: str) -> tuple[int, int]:
        """In how many of how many rounds it was reached."""
        values = self.values.get(server, [])
        return sum(value is not None for value in values), len(values)

    def ratio(self, ours: str, peer: str) -> float | None:
        """How many times better ours is; below 1: worse."""
        if not self.is_compared:
            return None
        own, other = self.median(ours), self.median(peer)
        if not own or not other:
            return None
        return own / other if self.more_is_better else other / own


class Results:
    """Figures as they come, by case and what they say."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self.failures: list[str] = []

    def add(self, case: str, server: str, figure: Figure) -> None:
        key = (case, figure.what)
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = Row(
                case, figure.what, figure.unit, figure.more_is_better, figure.is_compared
            )
        row.values.setdefault(server, []).append(figure.value)
        if figure.mark:
            row.marks[server] = figure.mark

    def note_failure(self, case: str, server: str) -> None:
        self.failures.append(f"{case}: {server}")

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {"case": row.case, "what": row.what, "unit": row.unit, "values": row.values}
            for row in self.rows.values()
        ]
