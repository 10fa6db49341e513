"""Cycles are looked for when enough connections have closed, and now and then."""

import gc
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from collab.garbage import Garbage


@pytest.fixture
def looks() -> Iterator[list[int]]:
    found: list[int] = []
    with patch.object(gc, "collect", lambda: found.append(1)):
        yield found


def test_after_as_many_closed_as_half_of_those_open(looks: list[int]) -> None:
    garbage = Garbage()
    for _ in range(999):
        garbage.note_closed()
    garbage.tidy(connections=2000)
    assert looks == []
    garbage.note_closed()
    garbage.tidy(connections=2000)
    garbage.tidy(connections=2000)
    assert looks == [1]


def test_now_and_then_in_any_case(looks: list[int]) -> None:
    garbage = Garbage()
    garbage._tidied_at -= 901
    garbage.tidy(connections=0)
    garbage.tidy(connections=0)
    assert looks == [1]
