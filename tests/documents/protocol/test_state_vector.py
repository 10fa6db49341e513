"""State vectors: Yjs' own are read, odd ones refused before pycrdt sees them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import ProtocolError
from documents.protocol.state_vector import decode_state_vector, encode_state_vector
from tests.vectors import load


@pytest.mark.parametrize(("clocks", "encoded"), load("protocol")["stateVectors"])
def test_as_yjs_writes_them(clocks: dict[str, int], encoded: str) -> None:
    expected = {int(client): clock for client, clock in clocks.items()}
    assert decode_state_vector(bytes.fromhex(encoded)) == expected
    assert encode_state_vector(expected).hex() == encoded


@given(st.dictionaries(st.integers(0, 2**53 - 1), st.integers(0, 2**31 - 1)))
def test_they_come_back(clocks: dict[int, int]) -> None:
    assert decode_state_vector(encode_state_vector(clocks)) == clocks


@given(st.binary(max_size=60))
def test_nothing_but_a_protocol_error_comes_of_any_bytes(data: bytes) -> None:
    try:
        clocks = decode_state_vector(data)
    except ProtocolError:
        return
    assert decode_state_vector(encode_state_vector(clocks)) == clocks


@pytest.mark.parametrize(
    "encoded",
    [
        bytes.fromhex("ffffffff0f"),  # ended the whole process up to pycrdt 0.14.3
        bytes.fromhex("0201010101"),  # one client twice
        bytes.fromhex("01018080808010"),  # a clock of 32 bits
        bytes.fromhex("0000"),  # something behind it
        bytes.fromhex("0201"),  # cut off
        b"",
    ],
)
def test_odd_ones_are_refused(encoded: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_state_vector(encoded)
