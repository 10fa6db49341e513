"""The one vocabulary of a document's socket, whatever dialect it is spoken in."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SyncStep1:
    """What do I lack? ``state_vector`` says what I have."""

    state_vector: bytes


@dataclass(frozen=True, slots=True)
class SyncStep2:
    """The answer to SyncStep1: one update with all that was lacking."""

    update: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """A Yjs update, encoding v1."""

    update: bytes


@dataclass(frozen=True, slots=True)
class Awareness:
    """An awareness update, still encoded: ``presence.awareness`` decodes it."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class QueryAwareness:
    """Who is here?"""


@dataclass(frozen=True, slots=True)
class Denied:
    """Something was refused. To the client only."""

    reason: str


@dataclass(frozen=True, slots=True)
class Saved:
    """The first ``count`` updates of this connection are committed. To the client only."""

    count: int


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """The member may do more or less than before. To the client only."""

    role: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a live page shows. To the client only."""

    event: str
    data: dict[str, Any] = field(default_factory=dict)


FromClient = SyncStep1 | SyncStep2 | Update | Awareness | QueryAwareness
Message = FromClient | Denied | Saved | RoleChanged | Event
