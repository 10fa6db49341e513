"""y-websocket's dialect: frames of the real packages, round trips, and every kind of garbage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import ProtocolError
from collab.lib0 import write_var_uint
from documents.protocol.messages import (
    Awareness,
    Denied,
    Event,
    Message,
    QueryAwareness,
    RoleChanged,
    Saved,
    SyncStep1,
    SyncStep2,
    Update,
)
from documents.protocol.ywebsocket import (
    MAX_MESSAGES_PER_FRAME,
    decode_frame,
    decode_server_frame,
    encode_message,
)
from tests.vectors import load

FRAMES = load("protocol")["frames"]
FROM_CLIENTS = st.one_of(
    st.builds(SyncStep1, st.binary()),
    st.builds(SyncStep2, st.binary()),
    st.builds(Update, st.binary()),
    st.builds(Awareness, st.binary()),
    st.just(QueryAwareness()),
)


@pytest.mark.parametrize(
    ("name", "kind"), [("step1", SyncStep1), ("step2", SyncStep2), ("update", Update)]
)
def test_sync_frames_of_the_real_y_protocols(name: str, kind: type[Update]) -> None:
    payload, frame = FRAMES[name]
    message = kind(bytes.fromhex(payload))
    assert decode_frame(bytes.fromhex(frame)) == [message]
    assert encode_message(message).hex() == frame


def test_a_denial_as_the_real_y_protocols_writes_it() -> None:
    reason, frame = FRAMES["denied"]
    assert encode_message(Denied(reason)).hex() == frame


@given(st.lists(FROM_CLIENTS, min_size=1, max_size=5))
def test_several_messages_in_one_frame_come_back_in_order(messages: list[Message]) -> None:
    assert decode_frame(b"".join(map(encode_message, messages))) == messages


@pytest.mark.parametrize(
    "message",
    [
        Denied("nö"),
        Saved(7),
        RoleChanged("viewer"),
        Event("title", {"title": "Plän"}),
        Update(b"u"),
    ],
)
def test_what_servers_say_comes_back(message: Message) -> None:
    assert decode_server_frame(encode_message(message)) == message


@given(st.binary(max_size=80))
def test_nothing_but_a_protocol_error_comes_of_any_bytes(frame: bytes) -> None:
    try:
        messages = decode_frame(frame)
    except ProtocolError:
        return
    assert messages


@given(FROM_CLIENTS, st.data())
def test_a_frame_that_was_cut_off_is_refused(message: Message, data: st.DataObject) -> None:
    frame = encode_message(message)
    with pytest.raises(ProtocolError):
        decode_frame(frame[: data.draw(st.integers(0, len(frame) - 1))])


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff" * 1_000_000,
        b"\x00\x03\x00",  # a sync message that does not exist
        b"\x02\x00\x00",  # what only servers say
        b"\x64\x02{}",
        b"\x04",
        b"\x00\x02\x01\x00\x07",  # garbage behind a message
        b"\x00\x02" + write_var_uint(2**50),
    ],
)
def test_what_no_client_says_is_refused(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_frame(frame)


def test_a_frame_carries_a_bounded_number_of_messages() -> None:
    cursor = encode_message(Awareness(b"\x00"))
    assert len(decode_frame(cursor * MAX_MESSAGES_PER_FRAME)) == MAX_MESSAGES_PER_FRAME
    with pytest.raises(ProtocolError, match="messages in one frame"):
        decode_frame(cursor * (MAX_MESSAGES_PER_FRAME + 1))


def test_a_frame_asks_a_bounded_number_of_questions() -> None:
    with pytest.raises(ProtocolError, match="questions in one frame"):
        decode_frame(b"\x03" * 9)
