"""The door of one room: who of its members may still be here, and as what.

Authorization has happened before anybody joined; this asks again, whenever access has changed
or ended, and until an answer has come.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from collab.accounts.principal import Principal
from collab.errors import NoAccess, NotAuthenticated, NotFound
from documents.access import Standing
from documents.sync.member import Member

Standings = Callable[[UUID, Sequence[Principal]], Awaitable[list[Standing] | None]]


@dataclass(frozen=True, slots=True)
class Mark:
    door: "Door"
    changes: int


class Door:
    """``gone`` is told when the document was deleted."""

    def __init__(
        self,
        document_id: UUID,
        members: set[Member],
        standings: Standings,
        *,
        gone: Callable[[NotFound], None],
    ) -> None:
        self._document_id = document_id
        self._members = members
        self._standings = standings
        self._gone = gone
        self._to_ask_about: set[Member] = set()
        self._changes = 0  # of access, that this process has heard of
        self._one_at_a_time = asyncio.Lock()

    def mark(self) -> "Mark":
        """A moment before somebody is authorized, for ``has_changed_since``."""
        return Mark(self, self._changes)

    def has_changed_since(self, mark: "Mark | None") -> bool:
        """Whether access may have changed since then: then who was authorized is to be asked
        about again. Also if nobody was listening at the time."""
        return mark is None or mark.door is not self or mark.changes != self._changes

    def ask_about_everybody(self) -> None:
        """Have ``catch_up`` ask what members may do."""
        self._changes += 1
        self._to_ask_about |= self._members

    def ask_about(self, user_id: int) -> bool:
        """Likewise for one user; whether they are here at all."""
        self._changes += 1
        theirs = {each for each in self._members if each.principal.user_id == user_id}
        self._to_ask_about |= theirs
        return bool(theirs)

    def ask_about_expired(self, now: datetime) -> bool:
        """Likewise for those of whose access something has ended by itself."""
        expired = {each for each in self._members if each.expires_at and each.expires_at <= now}
        for member in expired:
            member.expires_at = None
        self._to_ask_about |= expired
        return bool(expired)

    async def recheck(self, members: Collection[Member], now: float) -> None:
        """Ask again what these may do, and whoever else is to be asked about."""
        self._to_ask_about |= set(members)
        await self.catch_up(now)

    async def catch_up(self, now: float) -> None:
        """Ask what is to be asked: downgrade in place, or send away."""
        async with self._one_at_a_time:  # an older answer must not overwrite a newer one
            members, self._to_ask_about = list(self._to_ask_about), set()
            if not members:
                return
            try:
                principals = [member.principal for member in members]
                standings = await self._standings(self._document_id, principals)
            except BaseException:
                self._to_ask_about |= set(members)  # the next sweep asks again
                raise
        if standings is None:
            self._gone(NotFound("the document was deleted"))
            return
        for member, standing in zip(members, standings, strict=True):
            _apply(standing, member, now)


def _apply(standing: Standing, member: Member, now: float) -> None:
    member.expires_at = standing.expires_at
    if not standing.is_known:
        member.close(NotAuthenticated("your log-in has ended"))
    elif standing.role is None:
        member.close(NoAccess("your access to this document was withdrawn"))
    else:
        member.change_role(standing.role, now)
