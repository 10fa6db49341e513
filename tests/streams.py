"""A reader of a document's stream of changes: server-sent events, as they come."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.servers import NewDocument, Server


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    data: Any
    id: str | None
    retry: str | None


class Stream:
    """What a server sends to one reader."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()
        self.comments = 0

    async def next(self, *, within: float = 4) -> Event:
        fields: dict[str, str] = {}
        async with asyncio.timeout(within):
            async for line in self._lines:
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif fields:
                    data = json.loads(fields["data"])
                    return Event(fields["event"], data, fields.get("id"), fields.get("retry"))
        raise AssertionError("the stream is over")

    async def heads(self, count: int) -> list[int]:
        return [(await self.next()).data["head"] for _ in range(count)]

    async def ended(self, *, within: float = 4) -> str:
        """Why it was ended; nothing comes after that."""
        event = await self.next(within=within)
        assert event.kind == "end", event
        assert event.retry
        async with asyncio.timeout(within):
            assert [line async for line in self._lines] == []
        code: str = event.data["code"]
        return code


@asynccontextmanager
async def following(
    server: Server,
    document: NewDocument,
    person: str = "bob",
    query: str = "",
    *,
    url: str = "",
    **headers: str,
) -> AsyncIterator[Stream]:
    """An open stream, its first event read. With a person's token, unless headers say who."""
    path = f"{url or server.url}/api/v1/documents/{document.id}/changes{query}"
    who = {} if person == "" else server.people[person].bearer
    headers = {"Accept": "text/event-stream", **who, **headers}
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("GET", path, headers=headers) as response,
    ):
        if response.status_code != 200:
            await response.aread()
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"] == "text/event-stream"
        stream = Stream(response)
        assert (await stream.next()).kind == "open"
        yield stream
