"""A Yjs client over a real WebSocket, in y-websocket's dialect, that hides nothing.

It syncs a pycrdt Doc as y-websocket does, and keeps what a stock client throws away: raw
frames, close codes, denials, acknowledgements. Speaks with our own codec; the conversations
with foreign codecs are in ``tests/node``.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

import aiohttp
import pycrdt

from documents.protocol.messages import (
    Awareness,
    Denied,
    Event,
    Message,
    RoleChanged,
    Saved,
    SyncStep1,
    SyncStep2,
    Update,
)
from documents.protocol.ywebsocket import decode_server_frame, encode_message
from presence.awareness import decode_states
from tests.servers import NewDocument, Server


async def until(condition: Callable[[], Any], *, within: float = 5) -> None:
    """Wait until ``condition`` holds; AssertionError after ``within`` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s")
        await asyncio.sleep(0.005)


class Client:
    """One connection after another of one replica. ``async with`` connects and syncs."""

    def __init__(
        self,
        server: Server,
        document: NewDocument,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        ack: str = "",
        params: dict[str, str] | None = None,
        doc: "pycrdt.Doc[Any] | None" = None,
    ) -> None:
        """Without ``token`` and ``headers``: with the document's editor link."""
        if token is None and headers is None:
            token = document.editor_link
        self.url = f"{server.socket_url}/{document.id}"
        self.headers = headers or {}
        self.params = {**({"token": token} if token else {}), **({"ack": ack} if ack else {})}
        self.params |= params or {}
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc() if doc is None else doc
        self.text: pycrdt.Text = self.doc.get("text", type=pycrdt.Text)
        self._subscription = self.doc.observe(self._on_transaction)
        self._applies = False
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.reads = asyncio.Event()  # cleared: it takes nothing more from its socket
        self.reads.set()
        self._forget()

    def _forget(self) -> None:
        """What belongs to one connection only."""
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.received: list[Message] = []
        self.frames: list[bytes] = []
        self.sent_updates = 0
        self.saved = 0
        self.synced = asyncio.Event()
        self.closed = asyncio.Event()
        self.close_code: int | None = None

    # -- Life -------------------------------------------------------------------------------
    async def open(self) -> Self:
        """Connect and say what y-websocket says first; does not wait for an answer.

        Raises aiohttp.WSServerHandshakeError when the upgrade is refused.
        """
        self._forget()
        self._http = aiohttp.ClientSession()
        try:
            self._socket = await self._http.ws_connect(
                self.url, headers=self.headers, params=self.params, max_msg_size=0
            )
        except BaseException:
            await self._http.close()
            raise
        self._tasks = [
            asyncio.create_task(self._read(self._socket)),
            asyncio.create_task(self._write(self._socket)),
        ]
        self._send(SyncStep1(self.doc.get_state()))
        return self

    async def connect(self) -> Self:
        """Open, and wait until the server's state has come."""
        await self.open()
        await asyncio.wait_for(self.synced.wait(), 30)
        return self

    async def disconnect(self) -> None:
        if self._socket is not None:
            with suppress(ConnectionError):
                await self._socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
        self._socket = self._http = None

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.disconnect()
        self.doc.unobserve(self._subscription)

    @property
    def is_connected(self) -> bool:
        return self._socket is not None and not self._socket.closed and not self.closed.is_set()

    # -- Saying -----------------------------------------------------------------------------
    def types(self, words: str, place: int | None = None) -> None:
        """Insert into the root ``text``; at its end, or at a position in bytes."""
        self.text.insert(len(self.text) if place is None else place, words)

    def points_at(self, clock: int, client: int | None = None, **state: Any) -> None:
        """Announce an awareness state."""
        self._send(Awareness(awareness_payload(client or self.doc.client_id, clock, state)))

    def _on_transaction(self, event: Any) -> None:
        if not self._applies:
            self._send(Update(event.update))

    def _send(self, message: Message) -> None:
        if isinstance(message, Update | SyncStep2) and self.is_connected:
            self.sent_updates += 1
        self.send_frame(encode_message(message))

    def send_frame(self, frame: bytes) -> None:
        """Hand over raw bytes. Dropped while not connected, as a stock client does."""
        if self.is_connected:
            self._outbox.put_nowait(frame)

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        with suppress(ConnectionError, aiohttp.ClientError):
            while True:
                await socket.send_bytes(await self._outbox.get())

    async def send_text(self, words: str) -> None:
        assert self._socket is not None
        await self._socket.send_str(words)

    async def ping(self) -> None:
        """A WebSocket ping: no message."""
        assert self._socket is not None
        await self._socket.ping()

    # -- Hearing ----------------------------------------------------------------------------
    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for frame in socket:
                await self.reads.wait()
                if frame.type is aiohttp.WSMsgType.BINARY:
                    self._hear(frame.data)
        finally:
            self.close_code = socket.close_code
            self.closed.set()

    def _hear(self, frame: bytes) -> None:
        self.frames.append(frame)
        message = decode_server_frame(frame)
        self.received.append(message)
        match message:
            case SyncStep1(state_vector):
                self._send(SyncStep2(self.doc.get_update(state_vector)))
            case SyncStep2(update):
                self._apply(update)
                self.synced.set()
            case Update(update):
                self._apply(update)
            case Saved(count):
                self.saved = count
            case _:
                pass

    def _apply(self, update: bytes) -> None:
        self._applies = True
        try:
            self.doc.apply_update(update)
        finally:
            self._applies = False

    async def sees(self, words: str, *, within: float = 5) -> None:
        await until(lambda: words in str(self.text), within=within)

    async def all_saved(self, *, within: float = 10) -> None:
        """Wait until everything that was sent is acknowledged (``ack="count"``)."""
        await until(lambda: self.saved >= self.sent_updates, within=within)

    @property
    def denials(self) -> list[str]:
        return [said.reason for said in self.received if isinstance(said, Denied)]

    @property
    def roles(self) -> list[str]:
        return [said.role for said in self.received if isinstance(said, RoleChanged)]

    @property
    def events(self) -> list[Event]:
        return [said for said in self.received if isinstance(said, Event)]

    @property
    def awareness(self) -> dict[int, Any]:
        """The latest state heard of each client id; None: gone."""
        states = {}
        for said in self.received:
            if isinstance(said, Awareness):
                for each in decode_states(said.payload, max_states=10**6, max_state_bytes=10**6):
                    states[each.client] = each.state
        return states

    async def end(self, *, within: float = 5) -> tuple[int | None, str]:
        """Wait for the server to close: its code, and the reason it gave before."""
        await asyncio.wait_for(self.closed.wait(), within)
        return self.close_code, (self.denials or [""])[-1]


def awareness_payload(client: int, clock: int, state: dict[str, Any] | None) -> bytes:
    """An awareness update about one client."""
    awareness = pycrdt.Awareness(pycrdt.Doc(client_id=client))
    awareness.set_local_state(state)
    awareness.meta[client]["clock"] = clock
    return awareness.encode_awareness_update([client])


@asynccontextmanager
async def connected(*clients: Client) -> AsyncIterator[tuple[Client, ...]]:
    """Several clients, connected at once and disconnected at the end."""
    try:
        yield tuple(await asyncio.gather(*(client.connect() for client in clients)))
    finally:
        await asyncio.gather(*(client.disconnect() for client in clients))


def text_of(update: bytes, root: str = "text") -> str:
    """The text that an encoded state holds."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(update)
    return str(doc.get(root, type=pycrdt.Text))
