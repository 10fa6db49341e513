"""What the command line says about all scenarios."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    is_short: bool
    members: list[int]  # empty: those of the scenario
    writers: list[int]
    seconds: float
    rate: float  # 0: search for the highest
    shed: Path
