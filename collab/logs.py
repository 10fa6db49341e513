"""How a log line looks: an event and its fields, for people (text) or for machines (JSON).

Ids belong into ``extra``; content and tokens never. Which connection a line belongs to is
added by itself, and who is behind it.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

# Set for the tasks of one WebSocket.
connection: ContextVar[str] = ContextVar("connection", default="")
user: ContextVar[str] = ContextVar("user", default="")

# Share links and socket tokens travel in query strings, and libraries log those: Daphne that of
# a request which outlives its client, Django a Referer that it refuses. Also as part of ``next=``.
_SECRET = re.compile(r"""((?:token|link)(?:=|%(?:25)*3D))[^&\s'"<>\\]+""", re.IGNORECASE)

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "request"}


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    for name, variable in (("connection", connection), ("user", user)):
        if value := variable.get():
            yield name, value
    for key, value in record.__dict__.items():
        if key not in _STANDARD:
            yield key, value


def _without_secrets(line: str) -> str:
    return _SECRET.sub(r"\1***", line)


def _on_one_line(value: Any) -> str:
    """A field's text; a path with a line break in it must not write a line of its own."""
    text = str(value)
    return text if text.isprintable() else repr(text)


class TextFormatter(logging.Formatter):
    """``time level logger event key=value …``"""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:7} {name} {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        return _without_secrets(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={_on_one_line(value)}" for key, value in _fields(record))
        return super().formatMessage(record) + fields


class JsonFormatter(logging.Formatter):
    """One JSON object a line; times are RFC 3339, UTC."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **dict(_fields(record)),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        # ASCII: U+2028 and its like end a line for some readers.
        return _without_secrets(json.dumps(said, default=str))
