"""How a log line looks: time, level, logger, event, then its fields as key=value."""

import logging

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


class EventFormatter(logging.Formatter):
    """Ids belong into ``extra``; content and tokens never."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:7} {name} {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = "".join(
            f" {key}={value}" for key, value in record.__dict__.items() if key not in _STANDARD
        )
        return super().formatMessage(record) + fields
