"""Bytes from the real lib0, y-protocols and Yjs; what made them is in ``tests/node``."""

import json
from pathlib import Path
from typing import Any


def load(name: str) -> Any:
    return json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))
