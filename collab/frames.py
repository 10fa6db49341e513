"""The WebSocket frames that nearly all messages are: whole ones, binary, of a usual length.

Everything else (fragments, texts, control frames, violations) is left to autobahn, which is
thorough and takes ten times as long. Pure functions.
Source: RFC 6455, section 5.2.
"""

from collections.abc import Iterator
from functools import lru_cache

_FIN, _CONTINUATION, _BINARY = 0x80, 0, 2
_WHOLE_BINARY = _FIN | _BINARY
_MASKED = 0x80
_LENGTH_IN_16_BITS = 126
_LENGTH_IN_64_BITS = 127
_MASK_BYTES = 4


def take_usual_frames(data: bytes, max_bytes: int) -> tuple[list[bytes], int]:
    """The messages at the start of ``data`` that came whole, and where the rest begins.

    Stops before anything that is not a usual frame of at most ``max_bytes``, so that the rest
    begins with a frame.
    """
    messages: list[bytes] = []
    start, end = 0, len(data)
    while start + 2 + _MASK_BYTES <= end and data[start] == _WHOLE_BINARY:
        length, at = data[start + 1] ^ _MASKED, start + 2
        if length == _LENGTH_IN_16_BITS:
            length, at = int.from_bytes(data[at : at + 2], "big"), at + 2
            if length < _LENGTH_IN_16_BITS:
                break
        elif not 0 < length < _LENGTH_IN_16_BITS:  # unmasked ones come out larger
            break
        body = at + _MASK_BYTES
        if length > max_bytes or body + length > end:
            break
        start = body + length
        messages.append(_unmasked(data[body:start], data[at:body]))
    return messages, start


def may_begin_usual_frame(data: bytes, max_bytes: int) -> bool:
    """Whether what ``take_usual_frames`` left can become one of those: more has to come first."""
    if data[0] != _WHOLE_BINARY:
        return False
    if len(data) < 2:
        return True
    length = data[1] ^ _MASKED
    if length == _LENGTH_IN_16_BITS:
        if len(data) < 4:
            return True
        length = int.from_bytes(data[2:4], "big")
        return _LENGTH_IN_16_BITS <= length <= max_bytes
    return 0 < length < _LENGTH_IN_16_BITS and length <= max_bytes


def _unmasked(masked: bytes, mask: bytes) -> bytes:
    if mask == b"\x00\x00\x00\x00":
        return masked
    length = len(masked)
    key = (mask * (length // _MASK_BYTES + 1))[:length]
    plain = int.from_bytes(masked, "little") ^ int.from_bytes(key, "little")
    return plain.to_bytes(length, "little")


@lru_cache(maxsize=4)
def whole_frame(message: bytes) -> bytes:
    """A message of the server's in one frame. Kept for a while: most go to a whole room."""
    return _frame(_FIN | _BINARY, message)


def binary_frames(message: bytes, max_bytes: int) -> Iterator[bytes]:
    """A message of the server's, in frames with so much content at most (fragments, 5.4)."""
    if len(message) <= max_bytes:
        yield whole_frame(message)
        return
    opcode, last = _BINARY, len(message) - max_bytes
    for start in range(0, len(message), max_bytes):
        first = opcode | (_FIN if start >= last else 0)
        yield _frame(first, memoryview(message)[start : start + max_bytes])
        opcode = _CONTINUATION


def _frame(first: int, content: bytes | memoryview) -> bytes:
    length = len(content)
    if length < _LENGTH_IN_16_BITS:
        head = bytes((first, length))
    elif length < 1 << 16:
        head = bytes((first, _LENGTH_IN_16_BITS)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, _LENGTH_IN_64_BITS)) + length.to_bytes(8, "big")
    return b"".join((head, content))
