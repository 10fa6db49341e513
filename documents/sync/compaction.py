"""Compaction: what may be folded into a snapshot, and folding it.

Runs outside the serving processes (``manage.py compact``). Reads one consistent state, folds
it without any lock (rows are never changed), and stores the result only if nobody else did
meanwhile. What does not read back as the same document is never stored.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from uuid import UUID

import pycrdt

from collab.errors import InvalidUpdate
from documents.protocol.state_vector import decode_state_vector
from documents.sync import log
from documents.sync.guard import scan
from documents.sync.panics import panics_as_errors
from documents.sync.replica import merge, unresolved_part

logger = logging.getLogger(__name__)


@panics_as_errors()
def fold(parts: list[bytes]) -> bytes:
    """One update that says what ``parts`` (a snapshot and later rows) say, garbage collected.

    A Doc's own encoding leaves out what still waits for its dependencies, and is wrong about
    halves of surrogate pairs: then the parts are merged and nothing is collected.
    Raises ValueError or RuntimeError: then keep the rows.
    """
    whole = merge(parts)
    doc: pycrdt.Doc = pycrdt.Doc()  # type: ignore[type-arg]
    doc.apply_update(whole)
    state_vector = doc.get_state()
    if unresolved_part(whole, state_vector, decode_state_vector(state_vector)):
        return whole
    state = doc.get_update()
    return state if _is_same(state, whole) else whole


def _is_same(state: bytes, whole: bytes) -> bool:
    try:
        return fingerprint([state]) == fingerprint([whole])
    except InvalidUpdate:
        return False


@panics_as_errors()
def fingerprint(parts: list[bytes]) -> str:
    """A hash that is equal for equal documents, however their updates were cut and ordered.

    pycrdt's encodings are not canonical (order of clients, splits of blocks, GC): this covers
    what they mean, the clocks known and the ranges deleted, plus what is still waiting.
    """
    whole = merge(parts)
    doc: pycrdt.Doc = pycrdt.Doc()  # type: ignore[type-arg]
    doc.apply_update(whole)
    state_vector = doc.get_state()
    clocks = decode_state_vector(state_vector)
    deletes = scan(doc.get_update(state_vector)).deletes
    waiting = unresolved_part(whole, state_vector, clocks)
    facts = [sorted(clocks.items()), canonical(deletes)]
    if waiting:
        held = scan(waiting)
        facts += [sorted(held.clocks.items()), canonical(held.deletes)]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def canonical(
    deletes: dict[int, list[tuple[int, int]]],
) -> list[tuple[int, list[tuple[int, int]]]]:
    """Clients in order, ranges in order and joined where they touch or overlap."""
    in_order = []
    for client, ranges in sorted(deletes.items()):
        joined: list[tuple[int, int]] = []
        for clock, length in sorted(ranges):
            if joined and clock <= sum(joined[-1]):
                start, known = joined[-1]
                joined[-1] = (start, max(known, clock + length - start))
            else:
                joined.append((clock, length))
        in_order.append((client, joined))
    return in_order


def compact(
    document_id: UUID,
    *,
    now: datetime,
    retention: timedelta,
    up_to: int | None = None,
    keep_rows_after: int | None = None,
) -> bool:
    """Fold a document's log into its snapshot; False if there was nothing to do or no way.

    No row after ``up_to`` is folded, and none after ``keep_rows_after`` pruned.
    """
    try:
        stored = log.read(document_id, up_to=up_to)
    except log.Folded:  # somebody else was faster
        return False
    if not stored.updates:
        return False
    state = fold(stored.parts)
    done = log.store_snapshot(
        document_id,
        replaces=stored.folded,
        seq=stored.head,
        state=state,
        keep_rows_since=now - retention,
        keep_rows_after=keep_rows_after,
    )
    if done:
        logger.info(
            "compacted",
            extra={
                "document": document_id,
                "rows": len(stored.updates),
                "from_bytes": sum(map(len, stored.parts)),
                "to_bytes": len(state),
            },
        )
    return done


def verify(document_id: UUID) -> list[str]:
    """What is wrong with a document's log and snapshot; nothing if all is well.

    Rows that the snapshot already holds stay in the log for a while: replayed over the
    snapshot they must not change it.
    """
    faults = []
    try:
        stored = log.read(document_id)
        fingerprint(stored.parts)
    except log.LogDamaged as damage:
        return [str(damage)]
    except Exception as error:  # what pycrdt or the scan raise for bytes that do not decode
        return [f"does not decode: {error}"]
    rows = log.retained(document_id)
    numbers = [seq for seq, _ in rows]
    if numbers and numbers != list(range(numbers[0], numbers[-1] + 1)):
        faults.append("rows are missing")
    if stored.head != log.heads([document_id]).get(document_id):
        faults.append(f"head is not the last row ({stored.head})")
    folded = [update for seq, update in rows if seq <= stored.folded]
    if folded and fingerprint([stored.snapshot]) != fingerprint([stored.snapshot, *folded]):
        faults.append("the snapshot lacks something that the log holds")
    return faults
