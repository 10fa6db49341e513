"""What pyo3 raises is no Exception; afterwards it is one, and what ends a process still does."""

import asyncio

import pytest

from documents.sync.panics import Panicked, panics_as_errors


class Panic(BaseException):
    """As pyo3_runtime.PanicException is, which cannot be made by hand."""


def test_a_panic_is_an_error() -> None:
    with pytest.raises(Panicked, match="Panic: index out of bounds"), panics_as_errors():
        raise Panic("index out of bounds")


@pytest.mark.parametrize(
    "kind", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit, ValueError]
)
def test_whatever_else_goes_on_as_it_is(kind: type[BaseException]) -> None:
    with pytest.raises(kind), panics_as_errors():
        raise kind
