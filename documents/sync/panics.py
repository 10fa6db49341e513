"""Panics of pycrdt as errors, so that a worker survives one over a damaged document.

pyo3's PanicException is no Exception, lest anybody swallow it. Whoever catches what it becomes
here must drop the Doc that it came from.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Panicked(RuntimeError):
    """pycrdt panicked: what was asked of it has no answer."""


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Raise Panicked for a panic. What is to end a task or the process goes on as it is."""
    try:
        yield
    except (Exception, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
        raise
    except BaseException as panic:
        raise Panicked(f"{type(panic).__name__}: {panic}") from panic
