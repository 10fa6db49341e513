"""lib0's encoding: what the real lib0 writes is read, and no bytes do more than be refused."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import ProtocolError
from collab.lib0 import (
    read_var_bytes,
    read_var_string,
    read_var_uint,
    write_var_bytes,
    write_var_string,
    write_var_uint,
)
from tests.vectors import load

VECTORS = load("protocol")


@pytest.mark.parametrize(("number", "encoded"), VECTORS["numbers"])
def test_numbers_as_lib0_writes_them(number: int, encoded: str) -> None:
    assert write_var_uint(number).hex() == encoded
    assert read_var_uint(bytes.fromhex(encoded), 0) == (number, len(encoded) // 2)


@pytest.mark.parametrize(("text", "encoded"), VECTORS["texts"])
def test_texts_as_lib0_writes_them(text: str, encoded: str) -> None:
    assert write_var_string(text).hex() == encoded
    assert read_var_string(bytes.fromhex(encoded), 0) == (text, len(encoded) // 2)


@given(st.integers(0, 2**53 - 1), st.binary(), st.binary())
def test_numbers_come_back_from_anywhere_in_a_buffer(
    number: int, before: bytes, after: bytes
) -> None:
    encoded = write_var_uint(number)
    assert read_var_uint(before + encoded + after, len(before)) == (
        number,
        len(before) + len(encoded),
    )


@given(st.binary())
def test_bytes_come_back(data: bytes) -> None:
    encoded = write_var_bytes(data)
    assert read_var_bytes(encoded, 0) == (data, len(encoded))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_texts_come_back(text: str) -> None:
    encoded = write_var_string(text)
    assert read_var_string(encoded, 0) == (text, len(encoded))


@pytest.mark.parametrize("read", [read_var_uint, read_var_bytes, read_var_string])
@given(data=st.binary(max_size=40), pos=st.integers(0, 45))
def test_nothing_but_a_protocol_error_comes_of_any_bytes(
    read: Callable[[bytes, int], Any], data: bytes, pos: int
) -> None:
    try:
        _, end = read(data, pos)
    except ProtocolError:
        return
    assert pos < end <= len(data)


@pytest.mark.parametrize(
    "encoded",
    [b"", b"\x80", b"\xff" * 7, b"\xff" * 8, b"\xff" * 1_000_000, b"\xff" * 7 + b"\x20"],
    ids=["nothing", "one byte", "seven", "eight", "a million", "54 bits"],
)
def test_endless_and_oversized_numbers_are_refused(encoded: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_var_uint(encoded, 0)


@pytest.mark.parametrize("length", [4, 2**31, 2**53 - 1])
def test_a_length_beyond_the_buffer_is_refused_before_anything_is_copied(length: int) -> None:
    with pytest.raises(ProtocolError, match="announced"):
        read_var_bytes(write_var_uint(length) + b"abc", 0)


def test_a_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(ProtocolError):
        read_var_string(b"\x02\xc3\x28", 0)


@pytest.mark.parametrize("number", [-1, 2**53])
def test_only_53_bits_are_written(number: int) -> None:
    with pytest.raises(ValueError, match="53 bits"):
        write_var_uint(number)
