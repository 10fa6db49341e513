"""The short way through WebSocket frames: whole binary messages, and nothing else, in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.frames import binary_frames, may_begin_usual_frame, take_usual_frames

LARGE = 1_000_000
MASKS = st.binary(min_size=4, max_size=4)


def client_frame(message: bytes, mask: bytes, *, first: int = 0x82) -> bytes:
    """As a browser sends it (RFC 6455, 5.2 and 5.3)."""
    length = len(message)
    if length < 126:
        head = bytes((first, 0x80 | length))
    elif length < 65536:
        head = bytes((first, 0x80 | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + length.to_bytes(8, "big")
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(message))
    return head + mask + masked


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=300), MASKS), max_size=6),
    st.integers(min_value=0, max_value=2000),
)
def test_messages_come_out_as_they_went_in_wherever_the_bytes_are_cut(
    sent: list[tuple[bytes, bytes]], cut: int
) -> None:
    data = b"".join(client_frame(message, mask) for message, mask in sent)
    first, rest = take_usual_frames(data[:cut], LARGE)
    second, end = take_usual_frames(data[rest:], LARGE)
    assert [*first, *second] == [message for message, _ in sent]
    assert rest + end == len(data)
    left = data[rest:cut]
    assert not left or may_begin_usual_frame(left, LARGE)


def test_the_example_of_the_rfc() -> None:
    data = bytes.fromhex("828537fa213d7f9f4d5158")  # 5.7, as a binary message
    assert take_usual_frames(data, LARGE) == ([b"Hello"], len(data))


@pytest.mark.parametrize(
    "unusual",
    [
        client_frame(b"text", b"mask", first=0x81),
        client_frame(b"a first part", b"mask", first=0x02),
        client_frame(b"the last part", b"mask", first=0x80),
        client_frame(b"compressed?", b"mask", first=0xC2),
        client_frame(b"ping", b"mask", first=0x89),
        client_frame(b"\x03\xe8", b"mask", first=0x88),
        client_frame(b"", b"mask"),
        client_frame(b"x" * 70_000, b"mask"),
        b"\x82\x05not masked",
        b"\x82\xfe\x00\x05maskshort in a long form",
    ],
    ids=lambda frame: frame[:2].hex(),
)
def test_everything_else_is_left_to_autobahn(unusual: bytes) -> None:
    usual = client_frame(b"before", b"abcd")
    after = client_frame(b"after", b"abcd")
    assert take_usual_frames(usual + unusual + after, LARGE) == ([b"before"], len(usual))
    assert not may_begin_usual_frame(unusual + after, LARGE)


def test_a_message_over_the_limit_is_left_to_autobahn_which_refuses_it() -> None:
    data = client_frame(b"x" * 200, b"mask")
    assert take_usual_frames(data, 199) == ([], 0)
    assert not may_begin_usual_frame(data, 199)
    assert take_usual_frames(data, 200)[1] == len(data)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_of_ours_says_its_length_in_the_shortest_form(length: int) -> None:
    (frame,) = binary_frames(b"x" * length, LARGE)
    head = frame[: len(frame) - length]
    expected = {125: 2, 65_535: 4}
    assert len(head) == next((size for most, size in expected.items() if length <= most), 10)
    assert head[0] == 0x82
    assert int.from_bytes(head[2:] or head[1:2], "big") == length


@given(st.binary(max_size=500), st.integers(min_value=1, max_value=125))
def test_a_large_message_goes_in_fragments_of_which_the_last_says_so(
    message: bytes, most: int
) -> None:
    frames = list(binary_frames(message, most))
    assert b"".join(frame[2:] for frame in frames) == message
    assert all(frame[1] == len(frame) - 2 <= most for frame in frames)
    opcodes = [frame[0] & 0x7F for frame in frames]
    assert opcodes == [2] + [0] * (len(frames) - 1)
    assert [frame[0] >> 7 for frame in frames] == [0] * (len(frames) - 1) + [1]
