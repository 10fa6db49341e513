"""What a connection's task does with frames, without a server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import copy_context
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pycrdt
import pytest
from asgiref.local import Local
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User

from collab import logs
from collab.accounts.models import ApiToken
from collab.asgi import application
from collab.errors import TooManyRequests
from collab.flow import Flow
from collab.inbox import Inbox
from documents.access import standings_of
from documents.admission import Admission, admit
from documents.announce import access_changed
from documents.consumers import DocumentConsumer
from documents.models import Document, Membership, Role, ShareLink
from documents.protocol.messages import QueryAwareness, Update
from documents.protocol.ywebsocket import encode_message
from documents.sync.guard import Scanner
from documents.sync.hub import Hub, current_hub, start_hub
from tests.clients import until
from tests.documents.sync.stage import Player, staged
from tests.documents.sync.updates import edited

TRANSPORT = SimpleNamespace(pauseProducing=lambda: None, resumeProducing=lambda: None)


class Connection:
    """A consumer that listens, and a wire to it as Daphne's protocol is one."""

    def __init__(self, player: Player) -> None:
        self._consumer = DocumentConsumer(str(uuid4()))
        self._consumer.flow = self._flow = Flow(TRANSPORT)
        self._inbox = Inbox()
        self._consumer._receive = self._inbox.get
        self._consumer._begin_counting()
        self.listening = asyncio.create_task(self._consumer._listen(player.room, player.member))

    async def carries(self, *frames: bytes) -> None:
        """As ``SocketProtocol`` does with what was read together."""
        for waiting in frames[self._flow.offer(frames) :]:
            self._flow.received(len(waiting))
            self._inbox.put_nowait({"type": "websocket.receive", "bytes": waiting})
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_what_fails_as_a_frame_is_read_ends_its_connection_alone() -> None:
    async with staged() as stage:
        room = await stage.room()
        connection = Connection(await stage.player(room, "bob"))
        await asyncio.sleep(0)
        with patch.object(room, "take_now", side_effect=AttributeError("a fault of ours")):
            await connection.carries(encode_message(Update(b"whatever")))
        with pytest.raises(AttributeError, match="a fault of ours"):
            await asyncio.wait_for(connection.listening, 1)
        assert not room.has_failed


async def test_what_comes_while_another_frame_is_dealt_with_waits_for_it() -> None:
    async with staged() as stage:
        room = await stage.room()
        connection = Connection(await stage.player(room, "bob"))
        await asyncio.sleep(0)
        happened, may_end = [], asyncio.Event()

        async def receive(*_: Any) -> None:
            happened.append("begun")
            await may_end.wait()
            happened.append("done")

        def take_now(*_: Any) -> bool:
            happened.append("next")
            return True

        with patch.object(room, "receive", receive), patch.object(room, "take_now", take_now):
            await connection.carries(encode_message(QueryAwareness()))
            await until(lambda: happened == ["begun"])
            await connection.carries(encode_message(Update(b"whatever")))
            may_end.set()
            await until(lambda: len(happened) == 3)
        assert happened == ["begun", "done", "next"]


async def with_items(player: Player) -> Callable[[], bytes]:
    """What makes frames with edits that name a parent, which no room takes at once."""
    items: pycrdt.Map[Any] = pycrdt.Map()
    root = player.doc.get("items", type=pycrdt.Array)
    await player.says(Update(edited(player.doc, lambda: root.append(items))))
    numbers = count()

    def new_item() -> bytes:
        edit = edited(player.doc, lambda: items.update({f"item {next(numbers)}": "new"}))
        return encode_message(Update(edit))

    return new_item


async def test_what_is_not_taken_at_once_is_counted_once_and_scanned_twice_at_most(
    settings: Any,
) -> None:
    settings.COLLAB = settings.COLLAB.model_copy(update={"max_messages_per_s": 2})  # 20 at once
    async with staged() as scene:
        room = await scene.room()
        bob = await scene.player(room, "bob")
        new_item = await with_items(bob)
        connection = Connection(bob)
        await asyncio.sleep(0)
        with patch.object(Scanner, "scan", autospec=True, side_effect=Scanner.scan) as scan:
            for _ in range(20):
                await connection.carries(new_item())
            assert scan.call_count <= 40
        assert not connection.listening.done()
        await connection.carries(new_item())
        with pytest.raises(TooManyRequests):
            await connection.listening


async def test_what_was_read_together_is_taken_in_order_and_counted_once(settings: Any) -> None:
    settings.COLLAB = settings.COLLAB.model_copy(update={"max_messages_per_s": 1})  # 10 at once
    async with staged() as scene:
        room = await scene.room()
        bob, alice = await scene.player(room, "bob"), await scene.player(room, "alice")
        await bob.types("begun ")
        new_item = await with_items(bob)
        connection = Connection(bob)
        await asyncio.sleep(0)
        edits = [encode_message(Update(bob.inserts(text))) for text in "abcd"]
        unusual = new_item()
        edits += [encode_message(Update(bob.inserts(text))) for text in "efgh"]
        await connection.carries(*edits[:4], unusual, *edits[4:])
        await until(lambda: alice.text == bob.text == "begun abcdefgh")
        assert not connection.listening.done()
        await connection.carries(unusual, unusual)
        with pytest.raises(TooManyRequests):
            await connection.listening


# -- Authorization --------------------------------------------------------------------------
@asynccontextmanager
async def opened(document: Document, user: User) -> AsyncIterator[WebsocketCommunicator]:
    """A connection of somebody's, up to the first message of its room."""
    _, token = await sync_to_async(ApiToken.issue)(user.pk)
    headers = [(b"authorization", f"Bearer {token}".encode())]
    socket = WebsocketCommunicator(application, f"/ws/documents/{document.id}", headers)
    is_accepted, _ = await socket.connect()
    assert is_accepted
    await socket.receive_output(timeout=5)
    yield socket
    await socket.disconnect()


async def ends(socket: WebsocketCommunicator) -> int:
    while (said := await socket.receive_output(timeout=5))["type"] != "websocket.close":
        pass
    return int(said["code"])


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    yield start_hub()
    await current_hub().drain()
    await current_hub().stop()


@pytest.fixture
def asked(monkeypatch: Any) -> list[UUID]:
    """Of which documents rooms have asked what their members may do."""
    documents: list[UUID] = []

    def ask(document_id: UUID, *args: Any) -> Any:
        documents.append(document_id)
        return standings_of(document_id, *args)

    monkeypatch.setattr("documents.sync.hub.standings_of", ask)
    return documents


@pytest.mark.django_db(transaction=True)
async def test_who_joins_an_open_room_is_authorized_once(hub, document, alice, bob, asked):
    async with opened(document, alice):
        asked.clear()
        async with opened(document, bob):
            assert asked == []


@pytest.fixture
def meanwhile(bob: User, monkeypatch: Any) -> Callable[[Callable[[], None]], None]:
    """``meanwhile(act)``: act when bob has been found welcome, before he is let in."""

    def meanwhile(act: Callable[[], None]) -> None:
        def admit_and_act(*args: Any) -> Admission:
            admission = admit(*args)
            if admission.principal.user_id == bob.pk:
                act()
            return admission

        monkeypatch.setattr("documents.consumers.admit", admit_and_act)

    return meanwhile


@pytest.fixture
def unswept(settings: Any) -> None:
    """Nothing is looked for from time to time."""
    settings.COLLAB = settings.COLLAB.model_copy(update={"sweep_s": 3600})


def withdraw(document: Document, user: User) -> None:
    Membership.objects.filter(document=document, user=user).delete()
    access_changed(document_id=document.id)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("is_open", [True, False])
async def test_access_that_ends_while_somebody_comes_sends_them_away(
    document, alice, bob, meanwhile, is_open
):
    meanwhile(lambda: withdraw(document, bob))
    async with AsyncExitStack() as stack:
        if is_open:
            await stack.enter_async_context(opened(document, alice))
        socket = await stack.enter_async_context(opened(document, bob))
        assert await ends(socket) == 4403


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unswept", "hub")
async def test_access_whose_end_was_heard_before_they_are_let_in_sends_them_away(
    document, alice, bob, meanwhile, asked
):
    def withdraw_and_wait() -> None:
        asked.clear()
        withdraw(document, bob)
        ends_at = time.monotonic() + 5
        while not asked and time.monotonic() < ends_at:
            time.sleep(0.01)  # until the room asks about who is there, and he is not
        assert asked

    meanwhile(withdraw_and_wait)
    async with opened(document, alice), opened(document, bob) as socket:
        assert await ends(socket) == 4403


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hub")
async def test_a_user_who_ends_while_they_come_is_sent_away(document, alice, bob, meanwhile):
    def deactivate() -> None:
        bob.is_active = False
        bob.save()

    meanwhile(deactivate)
    async with opened(document, alice), opened(document, bob) as socket:
        assert await ends(socket) == 4401


# -- What a connection keeps ----------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hub")
async def test_an_open_connection_keeps_nothing_of_the_question_who_comes(document):
    link = await ShareLink.objects.acreate(document=document, role=Role.VIEWER)
    kept: list[tuple[dict[str, Any], dict[Any, Any]]] = []

    async def note(consumer: DocumentConsumer, *_: Any) -> None:
        kept.append((consumer.scope, dict(copy_context().items())))

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(_: dict[str, Any]) -> None:
        pass

    Local().language = "en"  # as Django has some, of which each thread makes a copy
    before = dict(copy_context().items())
    with patch.object(DocumentConsumer, "_listen", note):
        scope = {"headers": [], "query_string": f"link={link.token}".encode()}
        await DocumentConsumer(str(document.id))(scope, receive, send)
    [(scope, context)] = kept
    assert scope == {}
    assert all(context[variable] is value for variable, value in before.items())


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hub")
async def test_what_is_sent_to_somebody_is_sent_in_their_name(document, alice, bob):
    sent: list[tuple[DocumentConsumer, str]] = []
    send = DocumentConsumer.send_bytes

    async def note_and_send(consumer: DocumentConsumer, frame: bytes) -> None:
        sent.append((consumer, logs.user.get()))
        await send(consumer, frame)

    with patch.object(DocumentConsumer, "send_bytes", note_and_send):
        async with opened(document, alice):
            [alices, *_] = [consumer for consumer, _ in sent]
            async with opened(document, bob) as socket:
                sent.clear()
                doc = pycrdt.Doc({"text": pycrdt.Text("by bob")})
                await socket.send_to(bytes_data=encode_message(Update(doc.get_update())))
                await until(lambda: sent)
    assert sent[0] == (alices, f"user:{alice.pk}")
