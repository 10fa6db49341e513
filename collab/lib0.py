"""lib0's encoding, bounded: variable-length integers, byte strings and texts.

Pure functions over ``(buffer, position)``. Every length is checked against what is there
before anything is copied; every fault is a ProtocolError. Imports nothing of ours but errors.
Source: y-protocols, PROTOCOL.md, "Base encoding approaches"; lib0, encoding.js.
"""

from collab.errors import ProtocolError

MAX_VAR_UINT = 2**53 - 1  # what a JavaScript number can hold
_MAX_VAR_UINT_BYTES = 8


def read_var_uint(buf: bytes, pos: int) -> tuple[int, int]:
    """Return the unsigned integer at ``pos`` and the position after it.

    At most 8 bytes and 53 bits, as in lib0. Raises ProtocolError when truncated or longer.
    """
    try:
        byte = buf[pos]
        if byte < 0x80:
            return byte, pos + 1
        value = byte & 0x7F
        for index in range(1, _MAX_VAR_UINT_BYTES):
            byte = buf[pos + index]
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if value > MAX_VAR_UINT:
                    break
                return value, pos + index + 1
    except IndexError:
        raise ProtocolError("the message ends inside a number") from None
    raise ProtocolError("a number has more than 53 bits")


def read_var_bytes(buf: bytes, pos: int) -> tuple[bytes, int]:
    """Return the length-prefixed bytes at ``pos`` and the position after them."""
    length, start = read_var_uint(buf, pos)
    end = start + length
    if end > len(buf):
        raise ProtocolError(f"{length:,} bytes announced, {len(buf) - start:,} there")
    return buf[start:end], end


def read_var_string(buf: bytes, pos: int) -> tuple[str, int]:
    """Return the text at ``pos``; its length counts bytes of UTF-8."""
    data, end = read_var_bytes(buf, pos)
    try:
        return data.decode(), end
    except UnicodeDecodeError:
        raise ProtocolError("a text is not UTF-8") from None


def write_var_uint(value: int) -> bytes:
    """Encode an unsigned integer of at most 53 bits."""
    if not 0 <= value <= MAX_VAR_UINT:
        raise ValueError(f"{value} is not an unsigned integer of 53 bits")
    if value < 0x80:
        return bytes((value,))
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def write_var_bytes(data: bytes) -> bytes:
    return write_var_uint(len(data)) + data


def write_var_string(text: str) -> bytes:
    return write_var_bytes(text.encode())
