"""What has come for an application and was not taken: ``asyncio.Queue`` in a tenth of the memory.

A queue keeps three deques, 3 KB, whether anything waits in it or not. For at most some thousand
messages: a large body in Daphne's pieces.
"""

import asyncio
from typing import Any


class Inbox:
    """Of one taker at a time. Daphne and Channels know the methods by these names."""

    __slots__ = ("_messages", "_taker")

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._taker: asyncio.Future[None] | None = None  # while it waits

    def put_nowait(self, message: dict[str, Any]) -> None:
        self._messages.append(message)
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    async def get(self) -> dict[str, Any]:
        """The next message, as soon as there is one. If this is cancelled, none is lost."""
        while not self._messages:
            self._taker = taker = asyncio.get_running_loop().create_future()
            try:
                await taker
            finally:
                if self._taker is taker:  # and nobody has come since this was cancelled
                    self._taker = None
        return self._messages.pop(0)
