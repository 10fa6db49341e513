"""The hub opens each room once, closes idle ones, and drains them all when the process stops."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from channels.layers import InMemoryChannelLayer
from django.contrib.auth.models import User

from collab.accounts.principal import Principal
from collab.conf import Conf
from collab.errors import Unavailable
from documents.creation import create_document
from documents.models import Document, LogEntry, Role
from documents.protocol.messages import Update
from documents.sync import hub as hub_module
from documents.sync import log
from documents.sync.hub import Hub
from documents.sync.member import Member, Wishes
from documents.sync.room import Room
from presence.identity import identity_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    conf = Conf(room_grace_s=0, drain_s=0.2)
    with patch.object(hub_module, "_TICK_S", 0.02):
        hub = Hub(InMemoryChannelLayer(), conf, is_alone=True)
        yield hub
        await hub.stop()


@pytest.fixture
def document_id(transactional_db: None) -> UUID:
    return create_document(User.objects.create(username="owner"), "Plan").id


def member(room: Room) -> Member:
    guest = Principal(guest_id="bob")
    member = Member(guest, identity_of(guest), Role.EDITOR, Wishes(), now=time.monotonic())
    room.join(member)
    return member


async def until(condition: Any, *, within: float = 5) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.002)


async def test_a_storm_of_joiners_loads_the_document_once(hub: Hub, document_id: UUID) -> None:
    with patch.object(log, "read", wraps=log.read) as read:
        rooms = await asyncio.gather(*(hub.open(document_id) for _ in range(50)))
    assert read.call_count == 1
    assert len(set(map(id, rooms))) == 1


async def test_a_joiner_who_gives_up_does_not_stop_the_others(hub: Hub, document_id: UUID) -> None:
    first = asyncio.create_task(hub.open(document_id))
    second = asyncio.create_task(hub.open(document_id))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).document_id == document_id


async def test_an_idle_room_leaves_memory_and_comes_back(hub: Hub, document_id: UUID) -> None:
    room = await hub.open(document_id)
    bob = member(room)
    await asyncio.sleep(0.1)
    assert hub.rooms[document_id] is room
    room.leave(bob)
    await until(lambda: document_id not in hub.rooms)
    assert await hub.open(document_id) is not room


async def test_a_document_that_cannot_be_read_is_refused_and_left_untouched(
    hub: Hub, document_id: UUID
) -> None:
    await sync_to_async(log.append)({document_id: [log.Row(b"\x00\x00"), log.Row(b"\x00\x00")]})
    await LogEntry.objects.filter(seq=2).adelete()
    with pytest.raises(log.LogDamaged) as refused:
        await hub.open(document_id)
    assert refused.value.close_code == 4503
    assert document_id not in hub.rooms
    assert await LogEntry.objects.filter(document_id=document_id).acount() == 2


async def test_draining_sends_everybody_away_and_commits_what_is_owed(
    hub: Hub, document_id: UUID
) -> None:
    room = await hub.open(document_id)
    bob = member(room)
    insert_x = bytes.fromhex("0101070004010474657874017800")
    await room.receive(bob, Update(insert_x))
    await hub.drain()
    entry = await LogEntry.objects.aget(document_id=document_id, seq=2)
    assert bytes(entry.update) == insert_x
    assert bob.closing is not None
    assert bob.closing.close_code == 4503
    with pytest.raises(Unavailable):
        await hub.open(document_id)


async def test_a_deleted_document_ends_its_room(hub: Hub, document_id: UUID) -> None:
    room = await hub.open(document_id)
    bob = member(room)
    await Document.objects.filter(id=document_id).adelete()
    await room.receive(bob, Update(bytes.fromhex("0101070004010474657874017800")))
    await until(lambda: document_id not in hub.rooms)
    assert bob.closing is not None
    assert bob.closing.close_code == 4404
