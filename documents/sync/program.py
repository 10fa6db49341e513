"""A program in a room: it comes by the same door as an editor, writes, and waits for the commit.

It reads nothing that the room says; what it is told of its own edits is all it needs.
"""

import asyncio

from collab.accounts.principal import Principal
from collab.errors import CollabError, NoAccess, Unavailable
from documents.models import Role
from documents.protocol.messages import Awareness, Update
from documents.sync.member import Member, Wishes
from documents.sync.room import Room
from presence.awareness import ClientState, encode_states
from presence.identity import Identity

_STORED_WITHIN_S = 20.0


class Program(Member):
    """One request that writes. ``client_id`` is the one its edit was made with."""

    __slots__ = ("_client_id", "_is_told", "_room")

    def __init__(
        self, room: Room, principal: Principal, identity: Identity, role: Role, client_id: int
    ) -> None:
        super().__init__(principal, identity, role, Wishes(), now=asyncio.get_running_loop().time())
        self._room = room
        self._client_id = client_id
        self._is_told = asyncio.Event()

    def send(self, frame: bytes, now: float) -> None:
        """What the others say is not for programs: those ask for snapshots."""

    def note_committed(self, number: int, update: bytes) -> None:
        super().note_committed(number, update)
        self._is_told.set()

    def deny(self, number: int, reason: str, now: float) -> None:
        self.close(NoAccess(f"this needs the role editor ({reason})"))

    def close(self, error: CollabError) -> None:
        super().close(error)
        self._is_told.set()

    async def enter(self) -> None:
        """Join, and be seen. Raises CollabError when access has ended meanwhile."""
        self._room.join(self)
        await self._room.recheck_access([self])
        if self.closing is not None:
            raise self.closing
        state = ClientState(self._client_id, 1, {"user": {}})
        await self._room.receive(self, Awareness(encode_states([state])))

    async def write(self, update: bytes) -> None:
        """Return when the update is committed. Raises CollabError; Unavailable if unknown."""
        await self._room.receive(self, Update(update))
        try:
            async with asyncio.timeout(_STORED_WITHIN_S):
                await self._is_told.wait()
        except TimeoutError:
            raise Unavailable("the edit is made, but could not be stored yet") from None
        if self.closing is not None:
            raise self.closing

    def leave(self) -> None:
        self._room.leave(self)
