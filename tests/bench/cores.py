"""Which processor runs what: servers on one, everything else on another.

And what a server's processes used of it: CPU time and memory, from ``/proc``.
"""

import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, OTHER_CORE = CORES[0], CORES[-1]

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def machine() -> str:
    """What all this runs on."""
    models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = models[0] if models else platform.machine()
    system = f"{platform.system()} {platform.release()}"
    return f"{model}, {len(CORES)} cores, {memory:.0f} GiB, {system}"


def stay_off_the_servers() -> None:
    """This process, the generator, PostgreSQL and Redis: whatever is started without `on`."""
    os.sched_setaffinity(0, {OTHER_CORE})


@contextmanager
def on(core: int) -> Iterator[None]:
    """What is started meanwhile stays on this core, with all its threads and children."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(pids: list[int]) -> list[int]:
    """These processes and all that descends from them."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int(_stat(int(path.name))[1])
            children.setdefault(parent, []).append(int(path.name))
    found = list(pids)
    for pid in found:
        found += children.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields after the program's name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pids: list[int], *, only_nice: bool = False) -> float:
    """``only_nice``: of those among them that stand back for others (see ``nice(2)``)."""
    ticks = 0
    for pid in family(pids):
        with suppress(OSError):
            fields = _stat(pid)
            if int(fields[16]) > 0 or not only_nice:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_S


def busy_seconds(core: int) -> float:
    """How long this core has worked for anybody."""
    lines = Path("/proc/stat").read_text().splitlines()
    fields = next(line for line in lines if line.startswith(f"cpu{core} ")).split()[1:]
    user, nice, system, _idle, _waiting, irq, softirq, *_ = map(int, fields)
    return (user + nice + system + irq + softirq) / _TICKS_PER_S


def busy_share(core: int) -> float:
    """How much of it was used in the last second."""
    before = busy_seconds(core)
    time.sleep(1)
    return busy_seconds(core) - before


def memory_bytes(pids: list[int]) -> int:
    """What they have of their own, with pages that they share counted once; and of the files that
    they run what the largest of them has, whoever else runs those."""
    members = family(pids)
    own = sum(_kilobytes(pid, "smaps_rollup", "Pss_Anon:") for pid in members)
    files = max((_kilobytes(pid, "status", "RssFile:") for pid in members), default=0)
    return (own + files) * 1024


def peak_bytes(pids: list[int]) -> int:
    """The most at once since `forget_peak`, if all processes were at their most together."""
    above = sum(
        _kilobytes(pid, "status", "VmHWM:") - _kilobytes(pid, "status", "VmRSS:")
        for pid in family(pids)
    )
    return memory_bytes(pids) + above * 1024


def forget_peak(pids: list[int]) -> None:
    for pid in family(pids):
        with suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def _kilobytes(pid: int, file: str, field: str) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    return 0


def wait_until_idle(pids: list[int], *, within_s: float) -> bool:
    """Whether the processes used less than a tenth of a core before the time was over."""
    deadline = time.monotonic() + within_s
    used = cpu_seconds(pids)
    while time.monotonic() < deadline:
        time.sleep(0.25)
        now = cpu_seconds(pids)
        if now - used <= 0.025:
            return True
        used = now
    return False
