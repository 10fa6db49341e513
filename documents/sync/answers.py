"""What members are sent of the state: the whole of it, what they lack, or what they missed."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from uuid import UUID

from collab import metrics
from collab.errors import Unavailable
from documents.protocol.messages import Message, SyncStep2, Update
from documents.sync.framing import Framing
from documents.sync.member import Member
from documents.sync.replica import EMPTY_STATE_VECTOR, Replica, ReplicaBroken

logger = logging.getLogger(__name__)


class Answers:
    """``replica`` is the room's at that moment; ``everybody`` says who is here."""

    def __init__(
        self,
        document_id: UUID,
        framing: Framing,
        *,
        replica: Callable[[], Replica],
        everybody: Callable[[], Message],
    ) -> None:
        self._document_id = document_id
        self._framing = framing
        self._replica = replica
        self._everybody = everybody
        self._clock = asyncio.get_running_loop().time
        # What members have for sure, while the news of a replica that was loaded again waits.
        self.news_since: bytes | None = None
        self._base = b""  # the state that was encoded last, and its frames, for all who join
        self._base_frames: list[bytes] = []

    def answer(self, member: Member, state_vector: bytes) -> None:
        """SyncStep1's answer. Raises ProtocolError for a bad state vector, or ReplicaBroken."""
        now = self._clock()
        if state_vector == EMPTY_STATE_VECTOR:
            state = self._replica().state()
            if state.base is not self._base:
                self._base = state.base
                self._base_frames = self._encode_base(state.base)
            for frame in self._base_frames:
                member.send(frame, now)
            missing = state.tail
        else:
            missing = self._replica().difference(state_vector)
        *parts, last = self._framing.parts(missing)
        for part in parts:
            member.send_message(Update(part), now)
        member.send_message(SyncStep2(last), now)
        if member.is_over and not member.is_behind:
            self.fell_behind(member)

    def _encode_base(self, base: bytes) -> list[bytes]:
        if not base:
            return []
        logger.info("state encoded", extra={"document": self._document_id, "bytes": len(base)})
        return self._framing.frames([base])

    def fell_behind(self, member: Member) -> None:
        """It has been sent all there is: later it gets what came since, as one difference."""
        replica = self._replica()
        try:
            has = self.news_since or replica.state_vector()
        except ReplicaBroken:  # it is being loaded again, and nobody can say what that will hold
            member.close(Unavailable("the document has to be loaded again; connect again"))
            return
        revision = 0 if self.news_since else replica.revision
        member.fall_behind(partial(self._catch_up, member, has, revision))

    def _catch_up(self, member: Member, state_vector: bytes, revision: int) -> None:
        if member.closing is not None:
            return
        now, replica = self._clock(), self._replica()
        # Most have only opened a large document, in which nobody has written meanwhile: to find
        # that out by a difference takes milliseconds of each.
        if replica.revision != revision:
            metrics.CATCH_UPS.inc()
            for part in self._framing.parts(replica.difference(state_vector)):
                member.send_message(Update(part), now)
        member.send_message(self._everybody(), now)
        member.send_acks(self._framing.frames, now)
        if member.is_over:
            self.fell_behind(member)
