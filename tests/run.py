"""Runs all tests twice: on SQLite and the in-memory layer, then on PostgreSQL and Redis.

``python -m tests.run [sqlite|postgres] [arguments for pytest]``. The second run starts servers
of its own (``tests.backends``) and leaves out what touches no storage at all.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.backends import Postgres, Redis, missing_backends

_FOUND_NOTHING = 5  # of pytest: everything named is left out
ROOT = Path(__file__).resolve().parent.parent
# No storage is involved, or it makes no difference, or they bring their own: run once.
ONCE = (
    "tests/documents/formats",
    "tests/documents/protocol",
    "tests/documents/sync/test_chunks.py",
    "tests/documents/sync/test_guard.py",
    "tests/documents/sync/test_replica.py",
    "tests/presence",
    "tests/test_architecture.py",
    "tests/test_bench.py",
    "tests/test_docs.py",
    "tests/test_examples.py",
    "tests/browser/test_large.py",
    "tests/browser/test_pages.py",
    "tests/browser/test_program.py",
    "tests/browser/test_uploads.py",
    "tests/collab/test_archive.py",
    "tests/collab/test_demo.py",
    "tests/documents/api/test_access_matrix.py",
    "tests/documents/api/test_openapi.py",
    "tests/documents/test_hostile_content.py",
    "tests/documents/test_thinning.py",
    "tests/documents/sync/test_coalescer.py",
    "tests/documents/sync/test_one_fault.py",
    "tests/documents/sync/test_solitude.py",
    "tests/documents/sync/test_peers.py",
    "tests/documents/sync/test_programs.py",
    "tests/documents/sync/test_room.py",
    "tests/documents/sync/test_slow_members.py",
    "tests/documents/test_limits.py",
    "tests/documents/test_malformed.py",
    "tests/documents/test_media.py",
    "tests/documents/test_silence.py",
    "tests/documents/test_slow_reader.py",
    "tests/collab/test_frames.py",
    "tests/collab/test_flag.py",
    "tests/collab/test_flow.py",
    "tests/collab/test_rounds.py",
    "tests/test_stall.py",
    "tests/collab/test_alone.py",
    "tests/collab/test_outbound.py",
    "tests/test_bus_loss.py",
    "tests/test_chaos.py",
    "tests/test_deployment.py",
    "tests/test_drain.py",
    "tests/test_exhaustion.py",
    "tests/test_redis_forms.py",
    "tests/test_two_processes.py",
)


def main(arguments: list[str]) -> int:
    backends = ["sqlite", "postgres"]
    if arguments and arguments[0] in backends:
        backends = [arguments.pop(0)]
    codes = [run_on(backend, arguments) for backend in backends]
    return max(codes)


def run_on(backend: str, arguments: list[str]) -> int:
    print(f"\n=== Tests on {backend} ===", flush=True)
    with ExitStack() as stack:
        environment = {**os.environ, "COLLAB_TEST_BACKEND": backend}
        if backend == "sqlite":
            for name in ("DATABASE_URL", "REDIS_URL"):
                environment.pop(name, None)
        elif missing := missing_backends():
            print(f"SKIPPED: not installed: {', '.join(missing)}", flush=True)
            return 1 if os.environ.get("CI") else 0
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="collab-run-")))
            postgres = stack.enter_context(Postgres(folder / "postgres", fsync=False))
            redis = stack.enter_context(Redis(folder / "redis"))
            environment |= {"DATABASE_URL": postgres.create("collab"), "REDIS_URL": redis.url}
            ignored = [f"--ignore={path}" for path in ONCE if (ROOT / path).exists()]
            print(
                "Not repeated, because they involve no storage or their own: " + " ".join(ONCE),
                flush=True,
            )
            arguments = [*ignored, *arguments]
        command = [sys.executable, "-m", "pytest", *arguments]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        return code if code != _FOUND_NOTHING else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
