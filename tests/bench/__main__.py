"""``make bench``: the service beside its peers, in one table.

``python -m tests.bench [SCENARIO…] [--short] [--rounds 3] [--servers collab,hocuspocus]``, and
for single steps ``python -m tests.bench fanout --members 50 --writers 50 --rate 500 --rounds 1``.
Each figure is the median of the rounds. Every case of every round starts its server anew.
"""

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collab.settings")
os.environ.setdefault("DEBUG", "1")  # or the settings ask for a secret; the servers have their own
django.setup()

from tests.bench import cores, workshop
from tests.bench.contestants import CONTESTANTS, Contestant, database_versions
from tests.bench.figures import Case, Results
from tests.bench.report import in_digits, table
from tests.bench.scenarios import SCENARIOS
from tests.bench.scenarios.options import Options

_SHORT_SCENARIOS = ["fanout", "awareness", "join", "idle", "light", "durability"]
_BUSY = 0.1  # of the servers' core, by others
_SHORT_SERVERS = ["collab", "hocuspocus", "y-websocket", "pycrdt-asgi"]


def main() -> None:
    chosen = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or its servers would go on
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    workshop.prepare()
    workshop.generator()
    workshop.edits()
    cores.stay_off_the_servers()
    options = Options(
        is_short=chosen.short,
        members=chosen.members,
        writers=chosen.writers,
        seconds=chosen.seconds,
        rate=chosen.rate,
        shed=workshop.SHED,
    )
    servers = _present(chosen.servers or (_SHORT_SERVERS if chosen.short else list(CONTESTANTS)))
    names = chosen.scenarios or (_SHORT_SCENARIOS if chosen.short else list(SCENARIOS))
    cases = [case for name in names for case in SCENARIOS[name](options)]
    results = Results()
    began = time.monotonic()
    for number in range(chosen.rounds or (1 if chosen.short else 3)):
        for case in cases:
            for kind in servers:
                if case.suits(kind):
                    _try(case, kind, results, number + 1)
        (workshop.SHED / "results.json").write_text(json.dumps(results.as_json(), indent=1))
    print(f"\n{table(results, [kind.name for kind in servers])}")
    for failure in results.failures:
        print(f"\nCould not be measured: {failure}")
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    print(f"\nIn {minutes} min {seconds} s. {_caveat(is_short=chosen.short)}")


def _try(case: Case, kind: type[Contestant], results: Results, number: int) -> None:
    _say(f"  round {number}: {case.label}: {kind.name}")
    try:
        _measure(case, kind, results)
    except Exception:  # of one server: the others are to be measured all the same
        traceback.print_exc()
        results.note_failure(case.label, kind.name)


def _measure(case: Case, kind: type[Contestant], results: Results) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="collab-bench-") as folder,
        kind(Path(folder) / "server") as contestant,
    ):
        contestant.rest()
        for figure in case.measure(contestant):
            results.add(case.label, kind.name, figure)
            value = "none" if figure.value is None else f"{in_digits(figure.value)} {figure.unit}"
            _say(f"    {figure.what}: {value}{figure.mark}")


def _present(names: list[str]) -> list[type[Contestant]]:
    """Those that can be started here. Says their versions, and what is missing."""
    print(cores.machine())
    if databases := database_versions():
        print(databases)
    print(f"servers on core {cores.SERVER_CORE}, generator and databases on {cores.OTHER_CORE}")
    if cores.SERVER_CORE == cores.OTHER_CORE:
        print("only one core: the generator takes from the servers")
    if (busy := cores.busy_share(cores.SERVER_CORE)) > _BUSY:
        print(f"others use {busy:.0%} of the servers' core: repeat this on a quiet machine")
    present = []
    for name in names:
        kind = CONTESTANTS[name]
        if missing := kind.missing():
            print(f"{name}: left out: {missing}")
        else:
            print(f"{name}: {kind.version()}; keeps {kind.keeps}")
            present.append(kind)
    sys.stdout.flush()
    return present


def _caveat(*, is_short: bool) -> str:
    doubled = "Highest rates are searched in steps of two. " if is_short else ""
    return doubled + (
        "In brackets: how many times better collab is (below 1: worse). –: does not apply. "
        "*: limited by the generator. Peers keep nothing on disk, and know nobody's rights."
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=[[], *SCENARIOS])
    parser.add_argument("--short", action="store_true", help="in about five minutes")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--servers", type=lambda names: names.split(","), default=[])
    parser.add_argument("--members", type=_numbers, default=[])
    parser.add_argument("--writers", type=_numbers, default=[])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each step")
    parser.add_argument("--rate", type=float, default=0.0, help="one step, instead of a search")
    return parser.parse_args()


def _numbers(words: str) -> list[int]:
    return [int(word) for word in words.split(",")]


if __name__ == "__main__":
    main()
