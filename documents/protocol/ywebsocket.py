"""y-websocket's dialect: frames to messages and back.

A frame is ``varUint type`` and a body; a client may put several into one frame, the server
never does (y-websocket 3 reads only the first).
Source: y-protocols, PROTOCOL.md; y-websocket, src/y-websocket.js; type 100: docs/protocol.md.
"""

import json
from typing import Any

from collab.errors import ProtocolError
from collab.lib0 import (
    read_var_bytes,
    read_var_string,
    read_var_uint,
    write_var_bytes,
    write_var_string,
)
from documents.protocol.messages import (
    Awareness,
    Denied,
    Event,
    FromClient,
    Message,
    QueryAwareness,
    RoleChanged,
    Saved,
    SyncStep1,
    SyncStep2,
    Update,
)

_SYNC, _AWARENESS, _AUTH, _QUERY_AWARENESS, _EXTENSION = 0, 1, 2, 3, 100
_STEP1, _STEP2, _UPDATE = 0, 1, 2
_UPDATE_HEAD = bytes((_SYNC, _UPDATE))
_PERMISSION_DENIED = 0
MAX_MESSAGES_PER_FRAME = 1000
MAX_QUESTIONS_PER_FRAME = 8  # SyncStep1 and QueryAwareness: each answer may be a whole document


def decode_frame(frame: bytes) -> list[FromClient]:
    """Decode what a client may say. Raises ProtocolError for everything else, empty frames too."""
    if not frame:
        raise ProtocolError("the frame is empty")
    messages: list[FromClient] = []
    questions = pos = 0
    while True:
        message, pos = _read_message(frame, pos)
        messages.append(message)
        questions += isinstance(message, SyncStep1 | QueryAwareness)
        if questions > MAX_QUESTIONS_PER_FRAME:
            raise ProtocolError(f"more than {MAX_QUESTIONS_PER_FRAME} questions in one frame")
        if pos == len(frame):
            return messages
        if len(messages) == MAX_MESSAGES_PER_FRAME:
            raise ProtocolError(f"more than {MAX_MESSAGES_PER_FRAME} messages in one frame")


def only_update_in(frame: bytes) -> bytes | None:
    """The update, if the frame is one Update and nothing else, as typing sends it."""
    if not frame.startswith(_UPDATE_HEAD):
        return None
    try:
        update, end = read_var_bytes(frame, len(_UPDATE_HEAD))
    except ProtocolError:
        return None
    return update if end == len(frame) else None


def _read_message(frame: bytes, pos: int) -> tuple[FromClient, int]:
    kind, pos = read_var_uint(frame, pos)
    if kind == _SYNC:
        step, pos = read_var_uint(frame, pos)
        body, pos = read_var_bytes(frame, pos)
        if step == _UPDATE:
            return Update(body), pos
        if step == _STEP1:
            return SyncStep1(body), pos
        if step == _STEP2:
            return SyncStep2(body), pos
        raise ProtocolError(f"unknown sync message {step}")
    if kind == _AWARENESS:
        body, pos = read_var_bytes(frame, pos)
        return Awareness(body), pos
    if kind == _QUERY_AWARENESS:
        return QueryAwareness(), pos
    raise ProtocolError(f"unknown message type {kind}")


def decode_server_frame(frame: bytes) -> Message:
    """Decode what a server may say: one message a frame. For clients, such as our tests."""
    kind, pos = read_var_uint(frame, 0)
    if kind == _AUTH:
        _, pos = read_var_uint(frame, pos)
        reason, pos = read_var_string(frame, pos)
        return Denied(reason)
    if kind == _EXTENSION:
        text, pos = read_var_string(frame, pos)
        return _read_extension(json.loads(text))
    (message,) = decode_frame(frame)
    return message


def _read_extension(said: dict[str, Any]) -> Message:
    match said["type"]:
        case "saved":
            return Saved(said["count"])
        case "role":
            return RoleChanged(said["role"])
        case _:
            return Event(said["event"], {k: v for k, v in said.items() if k not in _EVENT_KEYS})


_EVENT_KEYS = frozenset({"type", "event"})


def encode_message(message: Message) -> bytes:
    """Encode one message as one frame."""
    match message:
        case Update(update):
            return b"\x00\x02" + write_var_bytes(update)
        case Awareness(payload):
            return b"\x01" + write_var_bytes(payload)
        case SyncStep1(state_vector):
            return b"\x00\x00" + write_var_bytes(state_vector)
        case SyncStep2(update):
            return b"\x00\x01" + write_var_bytes(update)
        case QueryAwareness():
            return b"\x03"
        case Denied(reason):
            return b"\x02\x00" + write_var_string(reason)
        case Saved(count):
            return _extension({"type": "saved", "count": count})
        case RoleChanged(role):
            return _extension({"type": "role", "role": role})
        case Event(event, data):
            return _extension({**data, "type": "event", "event": event})


def _extension(said: dict[str, Any]) -> bytes:
    return b"\x64" + write_var_string(json.dumps(said, ensure_ascii=False))
