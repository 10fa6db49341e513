"""``manage.py serve`` with a pycrdt that some words crash or stall, as unknown bytes might."""

import ctypes
import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collab.settings")
sys.path.insert(0, os.getcwd())

import pycrdt
from django.core.management import execute_from_command_line

STALLS, CRASHES = b"a word that stalls", b"a word that crashes"
_apply = pycrdt.Doc.apply_update


def apply_update(doc: "pycrdt.Doc[Any]", update: bytes) -> None:
    if STALLS in update:
        # As pycrdt would: the interpreter is held, and no signal is looked at.
        while True:
            ctypes.PyDLL(None).usleep(999_000)
    if CRASHES in update:
        ctypes.string_at(0)
    _apply(doc, update)


pycrdt.Doc.apply_update = apply_update  # type: ignore[method-assign]

if __name__ == "__main__":
    execute_from_command_line([sys.argv[0], "serve", *sys.argv[1:]])
