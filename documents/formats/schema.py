"""The editor's schema: one description, exported from the real editor, shared with the browser.

``schema.json`` is made by the front end (``make front``); its version counts up whenever a
block type or mark is added, because an editor deletes from a document what it does not know.
"""

import json
from pathlib import Path
from typing import Any

_PATH = Path(__file__).with_name("schema.json")


def _load() -> dict[str, Any]:
    try:
        schema: dict[str, Any] = json.loads(_PATH.read_bytes())
    except FileNotFoundError:
        raise RuntimeError(f"{_PATH} is missing: run `make front`") from None
    return schema


SCHEMA: dict[str, Any] = _load()
SCHEMA_VERSION: int = int(SCHEMA["version"])
