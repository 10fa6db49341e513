"""The cursors of one room: what each member says of itself, told to all at a bounded rate.

The rules are ``presence.awareness``'s; this says when somebody is told, and whom.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from collab.conf import Conf
from documents.protocol.messages import Awareness
from documents.protocol.ywebsocket import encode_message
from documents.sync.coalescer import Coalescer
from documents.sync.member import Member
from presence.awareness import AwarenessTable, decode_states

_MAX_STATES_PER_MESSAGE = 10_000  # stock clients send everybody's states back


class Cursors:
    """``send`` reaches the members here, ``publish`` the rooms of other processes."""

    def __init__(
        self,
        conf: Conf,
        *,
        send: Callable[[bytes], None],
        publish: Callable[[bytes], None],
    ) -> None:
        self._max_state_bytes = conf.max_awareness_bytes
        self._send = send
        self._publish = publish
        self._table = AwarenessTable(timeout_s=conf.awareness_timeout_s)
        self._changed: dict[int, bool] = {}  # client id → whether other processes must hear
        self._tell = Coalescer(self._tell_all, interval_s=conf.awareness_interval_ms / 1000)
        self._loop = asyncio.get_running_loop()

    def receive(self, member: Member, payload: bytes) -> None:
        """What a member says of itself. Raises ProtocolError."""
        states = decode_states(
            payload,
            max_states=_MAX_STATES_PER_MESSAGE,
            max_state_bytes=self._max_state_bytes,
            only=self._table.client_of(member),
        )
        now = self._loop.time()
        self._announce(self._table.receive(member, member.identity, states, now))

    def receive_remote(self, payload: bytes) -> None:
        """What another process has stamped and announced."""
        states = decode_states(
            payload,
            max_states=_MAX_STATES_PER_MESSAGE,
            max_state_bytes=2 * self._max_state_bytes,  # stamped: it has grown
        )
        self._announce(self._table.receive_remote(states, self._loop.time()), is_local=False)

    def tell_peers(self) -> None:
        """Say again who is here, for a process that was not."""
        if self._table.has_local:
            self._publish(self._table.encode_local())

    def leave(self, member: Member) -> None:
        self._announce(self._table.leave(member, self._loop.time()))

    def expire(self, now: float) -> None:
        """Forget those that nobody renewed."""
        self._announce(self._table.expire(now))

    def everybody(self) -> Awareness:
        """All who are here, for a newcomer."""
        return Awareness(self._table.encode_all())

    @property
    def people(self) -> list[dict[str, Any]]:
        """The stamps of those who are here, each person once."""
        return self._table.present()

    @property
    def is_empty(self) -> bool:
        return len(self._table) == 0

    def close(self) -> None:
        self._tell.cancel()

    def _announce(self, clients: set[int], *, is_local: bool = True) -> None:
        """Latest wins: one frame per interval says where all those cursors are now."""
        if clients:
            self._changed.update(dict.fromkeys(clients, is_local))
            self._tell.poke()

    def _tell_all(self) -> None:
        changed, self._changed = self._changed, {}
        self._send(encode_message(Awareness(self._table.encode(changed))))
        if local := [client for client, is_local in changed.items() if is_local]:
            self._publish(self._table.encode(local))
