"""A room: one document in this process. Its replica and its members.

Data flows one way: frame → guard → replica → {members now, bus now, journal soon} → commit →
ack. Everything here runs on the event loop and between two awaits the room is whole: that is
what makes it the one owner of its replica. Authorization has happened before ``join``; the
role is looked at again on every write.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from time import thread_time
from typing import Any
from uuid import UUID

from collab import metrics
from collab.conf import Conf
from collab.errors import (
    CollabError,
    InvalidUpdate,
    NotFound,
    ReadOnly,
    TooManyRequests,
    Unavailable,
    Unresponsive,
)
from documents.protocol.messages import (
    Awareness,
    Event,
    Message,
    QueryAwareness,
    SyncStep1,
    SyncStep2,
    Update,
)
from documents.protocol.state_vector import encode_state_vector
from documents.protocol.ywebsocket import encode_message
from documents.sync.answers import Answers
from documents.sync.bus import HERE, Heard, Seat
from documents.sync.cursors import Cursors
from documents.sync.door import Door, Standings
from documents.sync.fanout import Fanout
from documents.sync.framing import Framing
from documents.sync.guard import Scan
from documents.sync.intake import Intake
from documents.sync.journal import Journal
from documents.sync.ledger import Ledger
from documents.sync.log import Stored
from documents.sync.member import Member
from documents.sync.peers import Peers
from documents.sync.replica import Replica, ReplicaBroken, merge
from documents.sync.salvage import load_what_can_be
from documents.sync.stretch import Stretch, from_message
from documents.sync.underway import Underway

logger = logging.getLogger(__name__)

_RETRY_S = 1.0
_CHECKED_WITHIN_S = 0.1  # a stretch of edits; if it took longer, others had the processor
# Edits of one member that are taken up together, and how long each may take to be. Usually it is
# a hundredth of that; where it is not, whoever makes the work shall pay for it.
_TOGETHER_AT_MOST = 64
_TAKEN_UP_WITHIN_S = 0.002
_TAKING_AT_MOST_S = 0.005  # in a row: then it is others' turn
_ALONE_FOR_S = 5.0
_ANSWERED_WITHIN_S = 0.3  # by other processes, when a room opens
_STORE_HEARSAY_AFTER_S = 2.0  # by then its own process has committed it, or is in trouble
Apply = Callable[[Replica, bytes, Scan], None]
# An awareness update about nobody: harmless to every client, and a message all the same.
HEARTBEAT = encode_message(Awareness(b"\x00"))


class Room:
    """Made by the hub. ``read``, ``quarantine``, ``fatal_updates`` and ``standings``
    are the room's database."""

    def __init__(
        self,
        document_id: UUID,
        *,
        seat: Seat,
        journal: Journal,
        conf: Conf,
        read: Callable[[UUID, int], Awaitable[Stored]],
        quarantine: Callable[[UUID, bytes, str, str], Awaitable[None]],
        fatal_updates: Callable[[UUID], Awaitable[list[bytes]]],
        underway: Underway,
        standings: Standings,
    ) -> None:
        self.document_id = document_id
        self.members: set[Member] = set()
        self.empty_since: float | None = None
        self._seat = seat
        self._journal = journal
        self._conf = conf
        self._read = read
        self._quarantine = quarantine
        self._fatal_updates = fatal_updates
        self.door = Door(document_id, self.members, standings, gone=self.fail)
        self._replica = Replica()
        self._intake = Intake(document_id, conf, underway)
        self._peers = Peers(seat)
        self._framing = Framing(conf.max_message_bytes)
        self.ledger = Ledger(document_id, journal, self._peers.hearsay, self._framing)
        self._answers = Answers(
            document_id,
            self._framing,
            replica=lambda: self._replica,
            everybody=lambda: self._cursors.everybody(),  # noqa: PLW0108 - made below
        )
        self._fanout = Fanout(
            self.members,
            self._framing,
            interval_s=conf.flush_interval_ms / 1000,
            take_up=self.take_up,
            publish=self._tell_peers,
            fell_behind=self._answers.fell_behind,
        )
        self._stretch = Stretch()
        self._cursors = Cursors(conf, send=self._fanout.send, publish=self._peers.tell_awareness)
        self._loop = asyncio.get_running_loop()
        self._serving = asyncio.Event()
        # In each turn of the loop: twenty who come back at once must not stop the whole process.
        self._one_answer = asyncio.Lock()
        self._one_reload = asyncio.Lock()
        self._failure: CollabError | None = None
        # What other processes said and this room did not hear or could not apply; counted, so
        # that reading the log makes up for no more than what was missed before it began.
        self._missed = 0
        self._made_up_for = 0
        self._asked_around_at = 0.0
        self._alone_until = 0.0  # edits are applied one by one

    # -- Life -------------------------------------------------------------------------------
    async def open(self) -> None:
        """Take the seat, then load: what is committed in between arrives by the bus."""
        started = self._loop.time()
        if not await self._seat.take():
            self._missed += 1
        self._journal.register(self.document_id, self._settled)
        self._intake.refuse_from_now_on(await self._fatal_updates(self.document_id))
        await self._load()
        if self._journal.is_pending(self.document_id):  # of a room of this process that failed
            self._peers.owe_untold()
        self.ledger.take_over()
        self._peers.ask_who_is_there()
        self._asked_around_at = self.empty_since = self._loop.time()
        logger.info(
            "room opened",
            extra={
                "document": self.document_id,
                "head": self.head,
                "bytes": self._replica.size_bytes,
                "ms": round((self._loop.time() - started) * 1000),
            },
        )

    async def close(self) -> None:
        """Leave the group. Only when nobody is here and nothing is owed to the log."""
        self._fanout.close()
        self._cursors.close()
        self._journal.forget(self.document_id)
        await self._seat.leave()
        logger.info("room closed", extra={"document": self.document_id, "head": self.head})

    async def renew_seat(self) -> None:
        await self._seat.renew()

    def may_close(self, now: float) -> bool:
        """Whether the last member left long enough ago and the log has everything."""
        return (
            self.empty_since is not None
            and now - self.empty_since >= self._conf.room_grace_s
            and not self._stretch
            and not self._journal.is_pending(self.document_id)
            and not self._peers.hearsay
        )

    async def listen(self) -> None:
        """Hear the document's group, for ever."""
        while True:
            if not self._seat.is_taken:
                await asyncio.sleep(_RETRY_S)
                self._missed += 1  # what was said meanwhile was not for us
                await self._seat.take()
                continue
            heard = await self._seat.next_message()
            await self._serving.wait()
            try:
                if heard.ends_silence:
                    self._peers.tell_of_silence()
                if heard.message["type"] != HERE:
                    await self._hear(heard)
            except Exception as error:  # the next sweep makes up for it, whatever it was
                self._seat.disown(heard.message)
                self._missed += 1
                self.door.ask_about_everybody()
                logger.warning(
                    "bus message not handled",
                    exc_info=not isinstance(error, CollabError),
                    extra={"document": self.document_id, "kind": heard.message["type"]},
                )

    async def heal(self, log_head: int) -> None:
        """Make up for what the bus did not bring. Told by the hub how long the log is."""
        try:
            if self.head < log_head or self._has_missed_something:
                await self.catch_up()
        finally:
            await self.door.catch_up(self._loop.time())

    async def catch_up(self) -> None:
        """Fetch from the log what the bus did not bring."""
        missed = self._missed
        stored = await self._read(self.document_id, self.head)
        if stored.parts:
            metrics.BUS_HEALED.inc()
            await self._apply_rows(stored.parts)
        self._peers.position.read(stored.head)
        self._made_up_for = max(missed, self._made_up_for)

    @property
    def _has_missed_something(self) -> bool:
        return self._missed != self._made_up_for

    @property
    def head(self) -> int:
        """The last row of the log up to which this room knows all."""
        return self._peers.position.head

    async def _load(self) -> None:
        """(Re)build the replica: the log, and what this process still owes it."""
        # Before the read: it may be committed meanwhile.
        owed = self._journal.pending(self.document_id) + self._peers.hearsay.updates
        stored = await self._read(self.document_id, 0)
        self._replica, left_out = load_what_can_be([*stored.parts, *owed])
        if left_out:
            logger.error(
                "updates left out",
                extra={"document": self.document_id, "bytes": sum(map(len, left_out))},
            )
        self._peers.position.read(stored.head)
        self._serving.set()

    # -- Members ----------------------------------------------------------------------------
    def join(self, member: Member) -> None:
        """Welcome a member that has been authorized: our state vector, and who is here."""
        self._be_ready()
        greeting = encode_message(SyncStep1(self._replica.state_vector()))
        self.members.add(member)
        self.empty_since = None
        now = self._loop.time()
        member.send(greeting, now)
        if not self._cursors.is_empty:
            member.send_message(self._cursors.everybody(), now)

    async def recheck_access(self, members: Sequence[Member]) -> None:
        """Ask again what these may do."""
        await self.door.recheck(members, self._loop.time())

    def leave(self, member: Member) -> None:
        self.take_up()
        self.members.discard(member)
        self._cursors.leave(member)
        if not self.members:
            self.empty_since = self._loop.time()

    def take_now(self, member: Member, updates: Sequence[bytes]) -> int:
        """Plain edits, for which nothing has to be waited: how many, from the first on, are taken.

        Nearly all are. With the next one nothing has happened, and ``receive`` finds out what is
        wrong. They are taken up with the others of their stretch: with the next flush, or before
        somebody needs the replica.
        """
        began = self._loop.time()
        if began < self._alone_until or not self._may_take_from(member, sum(map(len, updates))):
            return 0
        taken, now, was_quiet = 0, began, self._fanout.is_quiet
        for update in updates:
            if self._stretch.count_of(member) >= _TOGETHER_AT_MOST:
                self.take_up()
                now = self._loop.time()
                if self.has_failed or not member.may_write or now < self._alone_until:
                    break
            if now - began > _TAKING_AT_MOST_S or not self._take(member, update):
                break
            taken += 1
            before, now = now, self._loop.time()
            self._stretch.work_s += now - before
        if taken:
            member.last_heard_at = began
            if was_quiet:  # the next turn of the loop may be long in coming
                self._flush_expected()
        return taken

    def _flush_expected(self) -> None:
        try:
            self._fanout.flush_expected()
        except Exception:  # not the fault of whoever happened to be read
            logger.exception("edits not sent", extra={"document": self.document_id})
            self.fail(Unavailable("the document has to be loaded again; connect again"))

    def _may_take_from(self, member: Member, size: int) -> bool:
        if not self._serving.is_set() or self.has_failed or self._replica.has_unresolved:
            return False
        if not member.may_write or member.is_over or self._intake.is_careful:
            return False
        size += self._stretch.size_bytes
        return self._intake.has_room_for(self._replica, size) and self._journal.has_room_for(size)

    def _take(self, member: Member, update: bytes) -> bool:
        try:
            checked = self._intake.check_now(update)
        except CollabError:
            return False
        stretch, replica = self._stretch, self._replica
        if checked is None or not stretch.may_hold(checked[1], replica.clocks):
            return False
        if self._intake.may_nest_deeply(replica, checked[1].types, stretch.types):
            return False
        if not stretch:
            self._fanout.expect()
        stretch.add(member, member.count_update(), *checked)
        return True

    def take_up(self) -> None:
        """Apply what was taken: now it is owed to the log, and to everybody else.

        If that breaks the replica, this room is at its end.
        """
        if not self._stretch or not self._serving.is_set() or self._failure is not None:
            return
        stretch, self._stretch = self._stretch, Stretch()
        began = thread_time()
        scan = stretch.scan()
        apply = self._intake.apply if stretch.count == 1 else self._intake.apply_unnoted
        try:
            said = stretch.merged()
            whole = merge(list(said.values()))
            apply(self._replica, whole, scan)
        except (CollabError, ReplicaBroken, ValueError):
            # Nobody was told that it is stored: all bring theirs again, and one by one, for which
            # the intake of any room cares now, it shows whose it was.
            self._intake.beware()
            extra = {"document": self.document_id, "bytes": stretch.size_bytes}
            logger.exception("a stretch of edits not applied", extra=extra)
            self.fail(Unavailable("the document has to be loaded again; connect again"))
            return
        metrics.EDITS.inc(stretch.count)
        for member, update in said.items():
            self.ledger.owe(member, stretch.numbers[member], update)
        self._fanout.relay_together(said, whole, scan)
        self._charge_all(stretch, thread_time() - began)

    def _charge_all(self, stretch: Stretch, took_s: float) -> None:
        """What costs is how many edits there are, and where; hardly ever how long they are."""
        now = self._loop.time()
        if took_s > _TAKEN_UP_WITHIN_S * stretch.count:
            self._alone_until = now + _ALONE_FOR_S
        each_s = (min(stretch.work_s, _CHECKED_WITHIN_S) + took_s) / stretch.count
        for member in stretch.numbers:
            try:
                member.charge(each_s * stretch.count_of(member), now)
            except TooManyRequests as error:
                member.close(error)

    def _be_ready(self) -> None:
        """Have all that was taken in the replica. Raises CollabError: this room is at its end."""
        self.take_up()
        if self._failure is not None:
            raise self._failure

    def _let_go_first(self, scan: Scan) -> None:
        """Take up what was taken before, if it holds something of the same clients.

        It was compared with the replica as it was. Only a forger says a clock at two processes.
        """
        if self.has_failed or self._stretch.shares_clients_with(scan):
            self._be_ready()

    async def receive(self, member: Member, message: Message) -> None:
        """Act on one message of a member. Raises CollabError: the member is to be closed."""
        await self._serving.wait()
        await member.drained()
        if (end := self._failure or member.closing) is not None:
            raise end
        member.last_heard_at = self._loop.time()
        match message:
            case SyncStep1(state_vector):
                async with self._one_answer:
                    await self._serving.wait()
                    self._be_ready()
                    began = thread_time()
                    self._answers.answer(member, state_vector)
                    member.charge(thread_time() - began, self._loop.time())
                    await asyncio.sleep(0)
            case SyncStep2(update):
                await self._ingest(member, update, is_answer=True)
            case Update(update):
                await self._ingest(member, update, is_answer=False)
            case Awareness(payload):
                self._cursors.receive(member, payload)
            case QueryAwareness():
                member.send_message(self._cursors.everybody(), self._loop.time())

    def tick(self, now: float) -> None:
        """Once a second: forget cursors that nobody renewed, speak where there is silence."""
        if self._replica.is_broken and self._serving.is_set():
            # It broke while reading: nobody is to blame, and whoever comes loads it anew.
            self.fail(Unavailable("the document has to be loaded again; connect again"))
        elif self._serving.is_set():
            self.take_up()
            if not self.has_failed:
                self._replica.retry_waiting()
        self._cursors.expire(now)
        self._store_hearsay(now)
        for member in self.members:
            self._tend(member, now)

    def _tend(self, member: Member, now: float) -> None:
        conf = self._conf
        if member.is_stuck(now, conf.backlog_timeout_s):
            member.close(Unresponsive("nothing of what was sent to you has been read"))
        elif conf.idle_timeout_s and now - member.last_heard_at >= conf.idle_timeout_s:
            member.close(Unresponsive("you have said nothing for too long; connect again"))
        elif now - member.last_sent_at >= conf.heartbeat_s and not member.is_behind:
            member.send(HEARTBEAT, now)

    # -- Programs ---------------------------------------------------------------------------
    async def who_is_here(self) -> list[dict[str, Any]]:
        """The stamps (``Identity.stamp``) of all who are here, in whichever process."""
        wait_s = self._asked_around_at + _ANSWERED_WITHIN_S - self._loop.time()
        if wait_s > 0 and not self._seat.is_alone:
            await asyncio.sleep(wait_s)
        return self._cursors.people

    @property
    def revision(self) -> int:
        """Counts what has changed the document here, committed or not."""
        self.take_up()
        return self._fanout.relayed

    @property
    def is_settled(self) -> bool:
        """Whether the log has everything that this room shows."""
        self.take_up()
        return self.ledger.is_settled and not self._peers.hearsay

    def settled_parts(self) -> list[bytes]:
        """The full state in parts, without what waits for updates that have not come."""
        self._be_ready()
        return self._replica.settled_parts()

    # -- Writing ----------------------------------------------------------------------------
    async def _ingest(self, member: Member, update: bytes, *, is_answer: bool) -> None:
        number = member.count_update()
        if not member.may_write and not is_answer:
            self._deny(member, number)
            return
        update, scan = await self._checked(update)
        # A whole state, or whatever a viewer sends, is mostly known; a keystroke hardly ever.
        is_sure = is_answer or not member.may_write
        began = thread_time()
        is_news = self._replica.would_change_by(scan, is_sure=is_sure)
        member.charge(thread_time() - began, self._loop.time())
        if not is_news:
            self.ledger.owe(member, number, b"")
            return
        if member.may_write:
            self._intake.refuse_growth(self._replica, len(update), scan)
            await self._intake.refuse_nesting(self._replica, update, scan)
            await self._intake.refuse_contradiction(lambda: self._replica, update, scan)
            await self._serving.wait()
        self._be_ready()
        if not member.may_write:  # at this moment: it may have changed while we waited
            self._deny(member, number)
            return
        member.about_to_write()
        self._journal.ensure_capacity(len(update))
        began = thread_time()
        update, scan = self._intake.news_in(self._replica, update, scan)
        try:
            self._intake.apply(self._replica, update, scan)
        except ReplicaBroken as error:
            await self._rebuild(update, scan, str(error), member)
        self._accept(member, number, update, began)

    def _accept(self, member: Member, number: int, update: bytes, began: float) -> None:
        """It is applied: now it is owed to the log, and to everybody else."""
        metrics.EDITS.inc()
        self.ledger.owe(member, number, update)
        self._fanout.relay(update, member)
        member.charge(thread_time() - began, self._loop.time())

    def _deny(self, member: Member, number: int) -> None:
        metrics.REFUSED.labels(ReadOnly.code).inc()
        member.deny(number, ReadOnly.code, self._loop.time())

    async def _checked(self, update: bytes, *, is_stored: bool = False) -> tuple[bytes, Scan]:
        checked = await self._intake.check(update, is_stored=is_stored)
        await self._serving.wait()  # it may have been rebuilt meanwhile
        self._be_ready()
        return checked

    def _settled(self, head: int | None, rows: int) -> None:
        """The journal has committed what was owed; None: the document does not exist any more."""
        if head is None:
            self.fail(NotFound("the document was deleted"))
            return
        try:
            if not self._seat.is_alone:
                self._fanout.flush()  # others must have heard what they are told is in the log
            self._peers.tell_committed(head - rows, head, self.ledger.committed)
            self.ledger.send_acks()
        except Exception:
            # Nobody was told too much; whoever comes back loads what the log has.
            self.fail(Unavailable("the document has to be loaded again; connect again"))
            raise

    async def _rebuild(self, update: bytes, scan: Scan, reason: str, member: Member) -> None:
        """The replica broke over ``update``: start again from the log.

        Returns with the update applied if it was not to blame: what breaks pycrdt may have
        waited here, sent by somebody else, for the innocent update that brings its neighbours.
        Otherwise the update is kept away and InvalidUpdate raised.
        """
        had_unresolved = self._replica.has_unresolved
        extra = {"document": self.document_id, "by": member.identity.id, "bytes": len(update)}
        logger.error("replica broke", extra=extra)
        await self._reload()
        if had_unresolved:
            if self._applies_without_unresolved(update, scan):
                logger.error("unresolved updates left out", extra=extra)
                return
            await self._reload()
        await self._quarantine(self.document_id, update, reason, member.identity.name)
        raise InvalidUpdate("the update cannot be applied")

    async def _reload(self) -> None:
        """Start again from the log; if that is not possible, everybody is sent away.

        Members are sent what that brings, for it may be more than was heard.
        """
        async with self._one_reload:
            members_have = encode_state_vector(self._replica.clocks)
            self._serving.clear()
            try:
                await self._load()
                self._answers.news_since = members_have
            except Exception as error:
                unavailable = Unavailable("the document cannot be loaded at the moment")
                self.fail(unavailable)
                raise unavailable from error
            finally:
                self._serving.set()
                self._fanout.expect()
            await self._relay_news_since(members_have)

    def _applies_without_unresolved(self, update: bytes, scan: Scan) -> bool:
        try:
            self._replica = self._replica.without_unresolved()
            self._replica.apply(update, scan)
        except (ReplicaBroken, CollabError):
            return False
        return True

    def fail(self, error: CollabError) -> None:
        """Close everybody with ``error``, now and whoever comes: the hub drops this room."""
        self._failure = error
        for member in self.members:
            member.close(error)

    @property
    def has_failed(self) -> bool:
        return self._failure is not None

    # -- To and from other processes --------------------------------------------------------
    def _tell_peers(self, update: bytes, scan: Scan | None) -> None:
        is_stored = self.ledger.is_settled
        self._peers.tell_update(update, scan, self.ledger.owed, is_stored=is_stored)

    async def _hear(self, heard: Heard) -> None:
        message = heard.message
        match message["type"]:
            case "document.update":
                try:
                    is_news = await self._take_foreign(message)
                except ReplicaBroken:
                    await self._reload()  # and, by raising, disown it: its commit must be read
                    raise
                if is_news:  # or it is in the log, on its way there, or hearsay already
                    self._peers.hear_update(message, self._loop.time())
            case "document.committed":
                self._peers.hear_committed(message, heard_all=not heard.has_gap)
                self.ledger.send_acks()
            case "document.awareness":
                self._cursors.receive_remote(message["payload"])
            case "document.arrived":
                self._cursors.tell_peers()
            case "document.event":
                now = self._loop.time()
                event = Event(message["event"], message["data"])
                for member in self.members:
                    member.tell(event, now)
            case "document.fatal":
                fatal = await self._fatal_updates(self.document_id)
                self._intake.refuse_from_now_on(fatal)
            case "access.changed":
                self.door.ask_about_everybody()
                await self.door.catch_up(self._loop.time())
            case unknown:
                logger.warning("unknown bus message", extra={"kind": unknown})
        if heard.has_gap:
            self._missed += 1
            logger.info("bus gap", extra={"document": self.document_id})
            self._peers.ask_who_is_there()
            await self.catch_up()

    def _store_hearsay(self, now: float) -> None:
        """Another process may have died with what it told us: then the log has it from us."""
        if self._journal.is_failing:  # nobody's commits come through: not only theirs
            return
        overdue = self._peers.hearsay.take_overdue(now - _STORE_HEARSAY_AFTER_S)
        if not overdue:
            return
        update = merge(list(overdue.values()))
        logger.warning(
            "storing for another process",
            extra={"document": self.document_id, "bytes": len(update)},
        )
        self.ledger.owe_log(update, None, "")
        self._peers.owe_untold()  # told again and again it would grow, as long as nobody can store
        self.ledger.when_stored(partial(self._peers.hearsay.stored, list(overdue)))

    async def _apply_rows(self, rows: Sequence[bytes]) -> None:
        """Apply rows of the log. What cannot be applied here is loaded like by whoever opens it."""
        try:
            # Together: one row may depend on another that was committed after it.
            await self._apply_foreign(merge(rows), is_stored=True)
        except (CollabError, ReplicaBroken, ValueError) as error:
            extra = {"document": self.document_id, "error": f"{error!r:.200}"}
            logger.warning("rows not applied, loading again", extra=extra)
            await self._reload()

    async def _relay_news_since(self, state_vector: bytes) -> None:
        """What members may lack after a reload. Where the log says one clock twice, it may be cut
        where nobody can read it: then they have to come again, as after any other failure here."""
        try:
            news = self._replica.difference(state_vector)
            await self._intake.check(news, is_stored=True)
        except BaseException as error:  # also if the member for whom it was loaded has left
            self.fail(Unavailable("the document has to be loaded again; connect again"))
            if not isinstance(error, InvalidUpdate):
                raise
            return
        finally:
            self._answers.news_since = None
        self._fanout.relay(news, None)

    async def _apply_foreign(self, update: bytes, *, is_stored: bool) -> bool:
        """Apply what another process has checked and applied before; whether it was news.

        Raises CollabError, or ReplicaBroken: then the replica has to be loaded again.
        """
        update, scan = await self._checked(update, is_stored=is_stored)
        return await self._apply_checked(update, scan, self._intake.apply)

    async def _take_foreign(self, message: Mapping[str, Any]) -> bool:
        """``_apply_foreign``, of a message that may say what its update holds."""
        update, holds = message["payload"], message.get("holds")
        if holds is None or self._intake.has_fatal:
            return await self._apply_foreign(update, is_stored=False)
        return await self._apply_checked(
            update, from_message(holds, message.get("types", 0)), self._intake.apply_unnoted
        )

    async def _apply_checked(self, update: bytes, scan: Scan, apply: Apply) -> bool:
        self._let_go_first(scan)
        if not self._replica.would_change_by(scan, is_sure=False):
            return False
        await self._intake.refuse_contradiction(lambda: self._replica, update, scan)
        await self._serving.wait()
        self._let_go_first(scan)
        update, scan = self._intake.news_in(self._replica, update, scan)
        apply(self._replica, update, scan)
        self._fanout.relay(update, None)
        return True
