"""A program in a room: it comes by the same door as an editor, writes, and waits for the commit.

It reads nothing that the room says; what it is told of its own edits is all it needs.
"""

import asyncio
from collections.abc import Callable

from collab.accounts.principal import Principal
from collab.errors import CollabError, NoAccess, NotFound, Unavailable
from documents.models import Role
from documents.protocol.messages import Awareness, SyncStep2, Update
from documents.sync.member import Member, Wishes
from documents.sync.room import Room
from presence.awareness import ClientState, encode_states
from presence.identity import Identity

_STORED_WITHIN_S = 20.0


class Program(Member):
    """One request that writes. ``client_id`` is the one its edit was made with."""

    __slots__ = (
        "_about_to_write",
        "_client_id",
        "_is_committed",
        "_is_taken",
        "_is_told",
        "_room",
    )

    def __init__(
        self, room: Room, principal: Principal, identity: Identity, role: Role, client_id: int
    ) -> None:
        super().__init__(principal, identity, role, Wishes(), now=asyncio.get_running_loop().time())
        self._room = room
        self._client_id = client_id
        self._about_to_write: Callable[[], None] = lambda: None
        self._is_taken = False  # the room has the edit
        self._is_committed = False
        self._is_told = asyncio.Event()

    @property
    def wants_acks(self) -> bool:
        return True

    def send(self, frame: bytes, now: float) -> None:
        """What the others say is not for programs: those ask for snapshots."""

    def note_committed(self, number: int, update: bytes) -> None:
        super().note_committed(number, update)
        self._note_stored()

    def _note_stored(self) -> None:
        self._is_committed = True
        self._is_told.set()

    def deny(self, number: int, reason: str, now: float) -> None:
        if self.closing is None:  # who is sent away may not write either, and knows why
            self.close(NoAccess(f"this needs the role editor ({reason})"))
        self._is_told.set()

    def close(self, error: CollabError) -> None:
        super().close(error)
        # Whatever else ends it, what the room has taken is committed: that is to be told.
        if isinstance(error, NotFound):
            self._is_told.set()
        elif self._is_taken and self._room.has_failed:  # then the room tells nobody any more
            self._room.ledger.when_stored(self._note_stored)

    def about_to_write(self) -> None:
        self._about_to_write()

    async def enter(self) -> None:
        """Join, and be seen. Raises CollabError when access has ended meanwhile."""
        self._room.join(self)
        await self._room.recheck_access([self])
        if self.closing is not None:
            raise self.closing
        state = ClientState(self._client_id, 1, {"user": {}})
        await self._room.receive(self, Awareness(encode_states([state])))

    async def write(
        self,
        update: bytes,
        *,
        before_applying: Callable[[], None] = lambda: None,
        may_be_known: bool = False,
    ) -> None:
        """Return when the update is committed. Raises CollabError; Unavailable if unknown.

        ``before_applying`` is called when nothing can come in between any more, and may raise.
        It is not if the room knows the update, of which ``may_be_known`` makes it sure.
        """
        self._about_to_write = before_applying
        message = SyncStep2(update) if may_be_known else Update(update)
        await self._room.receive(self, message)
        self._is_taken = True
        try:
            async with asyncio.timeout(_STORED_WITHIN_S):
                await self._is_told.wait()
        except TimeoutError:
            raise Unavailable("the edit is made, but could not be stored yet") from None
        if self.closing is not None and not self._is_committed:
            raise self.closing

    def leave(self) -> None:
        self._room.leave(self)
