"""What is done to the servers: a module for each scenario, which says its cases."""

from collections.abc import Callable

from tests.bench.figures import Case
from tests.bench.scenarios import (
    awareness,
    big,
    cluster,
    durability,
    fanout,
    idlers,
    joiners,
    light,
    many,
    people,
)
from tests.bench.scenarios.options import Options

SCENARIOS: dict[str, Callable[[Options], list[Case]]] = {
    "fanout": fanout.cases,
    "many": many.cases,
    "people": people.cases,
    "awareness": awareness.cases,
    "join": joiners.cases,
    "idle": idlers.cases,
    "light": light.cases,
    "big": big.cases,
    "durability": durability.cases,
    "two": cluster.cases,
}
