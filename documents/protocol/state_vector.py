"""State vectors: which clock of which client comes next. ``{client id: clock}`` in Python.

Source: Yjs, INTERNALS.md, "State vector"; encoding.js, ``writeStateVector``.
"""

from collections.abc import Mapping

from collab.errors import ProtocolError
from collab.lib0 import read_var_uint, write_var_uint

MAX_CLOCK = 2**31 - 1  # yrs keeps clocks in 32 bits


def decode_state_vector(encoded: bytes) -> dict[int, int]:
    """Raises ProtocolError for anything but a well-formed state vector."""
    count, pos = read_var_uint(encoded, 0)
    if count > (len(encoded) - pos) // 2:
        raise ProtocolError(f"{count:,} clients announced in {len(encoded):,} bytes")
    clocks: dict[int, int] = {}
    for _ in range(count):
        client, pos = read_var_uint(encoded, pos)
        clock, pos = read_var_uint(encoded, pos)
        if clock > MAX_CLOCK:
            raise ProtocolError(f"clock {clock:,} has more than 31 bits")
        if client in clocks:
            raise ProtocolError(f"client {client} stands twice in a state vector")
        clocks[client] = clock
    if pos != len(encoded):
        raise ProtocolError(f"{len(encoded) - pos:,} bytes after a state vector")
    return clocks


def encode_state_vector(clocks: Mapping[int, int]) -> bytes:
    pairs = b"".join(write_var_uint(c) + write_var_uint(n) for c, n in clocks.items())
    return write_var_uint(len(clocks)) + pairs
