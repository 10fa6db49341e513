"""``make chaos``: the long form. CHAOS_SECONDS (600), CHAOS_SEED, CHAOS_CLIENTS (20)."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from tests.chaos.story import chaos


def main() -> None:
    seed = int(os.environ.get("CHAOS_SEED") or time.time())
    seconds = float(os.environ.get("CHAOS_SECONDS", "600"))
    clients = int(os.environ.get("CHAOS_CLIENTS", "20"))
    print(f"chaos: seed {seed}, {seconds:.0f} s, {clients} clients on 3 processes", flush=True)
    with tempfile.TemporaryDirectory(prefix="collab-chaos-") as folder:
        story = chaos(Path(folder), seed=seed, seconds=seconds, processes=3, clients=clients)
        print(asyncio.run(story))


if __name__ == "__main__":
    main()
