"""Hostile clients, each in a process of its own: ``python -m tests.documents.sync.fuzz STORY``.

Everything goes through what the server does with an update: ``guard.check``, then
``Replica.apply``, then somebody's ordinary edit and a newcomer's state. A replica that broke is
never used again. ``mutate SEED CASES`` prints what became of mutated real updates.
"""

import asyncio
import json
import random
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import django
import pycrdt
import pytest

from collab.errors import InvalidUpdate, TooLarge, Unavailable
from collab.lib0 import write_var_string, write_var_uint
from documents.protocol.state_vector import decode_state_vector
from documents.sync.depth import depth_of
from documents.sync.guard import check
from documents.sync.replica import EMPTY_STATE_VECTOR, ReplicaBroken
from documents.sync.salvage import load_what_can_be
from tests.documents.sync.updates import (
    any_values,
    client,
    deletes,
    edited,
    element,
    joined,
    nested_any,
    text,
    text_after,
    update,
)
from tests.vectors import load

MEMORY_BYTES = 3 * 1024**3


class Service:
    """A document of somebody, as the room keeps it, rebuilt after what broke it."""

    def __init__(self, *log: bytes) -> None:
        self.log = list(log) or [update(client(9, 0, text("ordinary words")))]
        self.counts: Counter[str] = Counter()
        self._neighbour = 0
        self._load()

    def _load(self) -> None:
        """As the room does: what the log holds must always open."""
        self.replica, left_out = load_what_can_be(self.log)
        self.counts["left out of a reload"] += len(left_out)

    def takes(self, encoded: bytes) -> str:
        """What became of an update: refused, known, broke or applied."""
        self.counts["cases"] += 1
        outcome = self._take(encoded)
        self.counts[outcome] += 1
        return outcome

    def _take(self, encoded: bytes) -> str:
        try:
            normal, scan = check(encoded, max_depth=64)
        except InvalidUpdate as error:
            return "refused by merge" if "does not decode" in str(error) else "refused by scan"
        if not self.replica.would_change_by(scan):
            return "known"
        try:
            self.replica.apply(normal, scan)
        except InvalidUpdate:
            return "refused by pycrdt"
        except Unavailable:
            return "refused without its parent"
        except ReplicaBroken:
            self._load()
            return "broke the replica"
        self.log.append(normal)
        return "applied"

    def neighbour_types(self) -> None:
        """An ordinary edit by somebody else, and a newcomer who is sent everything."""
        self._neighbour += 1
        number = 1_000_000 + self._neighbour
        outcome = self._take(update(client(number, 0, text("fine "))))
        assert outcome in {"applied", "broke the replica"}, outcome
        try:
            state = self.replica.difference(EMPTY_STATE_VECTOR)
        except ReplicaBroken:
            self.counts["broke while encoding"] += 1
            self._load()
            return
        newcomer: pycrdt.Doc[Any] = pycrdt.Doc()
        newcomer.apply_update(state)
        self.replica.state()


# -- Stories: reference cases that froze or ended a process -----------------------------------
def same_client_twice_then_appends() -> None:
    """Three updates of 32, 10 and 10 bytes after which ``apply_update`` never returned."""
    service = Service()
    service.takes(update(client(1, 0, text("aa")), client(1, 2, text_after(1, 1, "bb"))))
    for clock in (2, 3, 4):
        service.takes(update(client(1, clock, text_after(1, clock - 1, "c"))))
        service.neighbour_types()


def values_nested_for_a_crash() -> None:
    for depth in (65, 30_000, 100_000, 1_000_000):
        service = Service()
        assert service.takes(update(client(1, 0, any_values(nested_any(depth))))) == (
            "refused by scan"
        )
        objects = b"\x76\x01" + write_var_string("k")
        hostile = update(client(1, 0, any_values(objects * depth + b"\x7e")))
        assert service.takes(hostile) == "refused by scan"
        service.neighbour_types()


def json_nested_for_a_crash() -> None:
    words = write_var_string('{"a":' * 100_000 + "1" + "}" * 100_000)
    service = Service()
    hostile = update(client(1, 0, joined(b"\x05", 1, write_var_string("t"), words)))
    assert service.takes(hostile) == "refused by scan"
    service.neighbour_types()


def elements_nested_by_one_update_and_deleted() -> None:
    """Deep enough for a crash when the top is deleted: the room refuses, asked for the depth."""
    nest = [element(), *(element((1, clock)) for clock in range(59_999))]
    hostile = update(client(1, 0, *nest))
    assert depth_of(hostile) == 60_000
    asyncio.run(_refused_by_a_room([hostile], "60,000 levels"))


def elements_nested_by_many_updates_and_deleted() -> None:
    """Sixty updates, a thousand levels each."""
    parts = [
        update(
            client(
                1,
                first,
                *(
                    element((1, clock - 1) if clock else None)
                    for clock in range(first, first + 1000)
                ),
            )
        )
        for first in range(0, 60_000, 1000)
    ]
    asyncio.run(_refused_by_a_room(parts, "levels of nesting"))


async def _refused_by_a_room(hostile: list[bytes], why: str) -> None:
    from documents.protocol.messages import Update
    from tests.documents.sync.stage import staged

    async with staged() as stage:
        room = await stage.room()
        mallory, bob = await stage.player(room, "mallory"), await stage.player(room, "bob")
        refused = ""
        for part in hostile:
            try:
                await mallory.says(Update(part))
            except InvalidUpdate as error:
                refused = str(error)
                break
        assert why in refused, refused
        await bob.says(Update(update(deletes=deletes(1, (0, 1)))))  # the top, if it is there
        await bob.types("fine")
        async with asyncio.timeout(10):
            while "fine" not in stage.log.text:
                await asyncio.sleep(0.01)


def lengths_and_counts_beyond_reason() -> None:
    service = Service()
    for power in (20, 31, 32, 40, 52):
        number = 2**power
        for hostile in (
            joined(number),
            joined(1, number, 1, 0),
            joined(0, number),
            joined(0, 1, 1, number),
            update(client(1, 0, joined(b"\x04", 1, write_var_string("t"), number))),
            update(client(1, 0, joined(b"\x08", 1, write_var_string("t"), number))),
            update(client(1, 0, joined(b"\x08", 1, write_var_string("t"), 1, b"\x75", number))),
            update(client(1, number, text("a"))),
            update(client(number, 0, text("a"))),
        ):
            service.takes(hostile)
            service.neighbour_types()


def runs_of_clocks_that_cost_nothing_to_send() -> None:
    """A few bytes that stand for two thousand million clocks (yjs #687)."""
    most = 2**31 - 10
    for struct in (b"\x00", b"\x0a", joined(b"\x01", 1, write_var_string("t"))):
        service = Service()
        service.takes(update(client(1, 0, joined(struct, most))))
        service.takes(update(deletes=deletes(1, (0, most))))
        service.takes(update(client(1, most, text("a"))))
        service.neighbour_types()


def many_clients() -> None:
    service = Service()
    crowd = [client(number, 0, text("a")) for number in range(2_000_000, 2_200_000)]
    assert service.takes(update(*crowd)) == "applied"
    service.neighbour_types()
    service.takes(update(client(3_000_000, 0, text("b"))))


def a_parent_that_is_no_type() -> None:
    """pycrdt notices after it has begun to integrate: the replica must not be used again."""
    service = Service()
    hang_on_text = joined(b"\x04", 0, 9, 0, write_var_string("x"))
    service.takes(update(client(1, 0, hang_on_text)))
    service.neighbour_types()
    collected = Service(update(client(9, 0, b"\x00\x05")))
    collected.takes(update(client(1, 0, joined(b"\x04", 0, 9, 2, write_var_string("x")))))
    collected.neighbour_types()


def circles_of_dependencies() -> None:
    service = Service()
    service.takes(update(client(1, 0, text_after(2, 0, "a")), client(2, 0, text_after(1, 0, "b"))))
    service.takes(update(client(3, 0, text_after(3, 5, "a"))))
    service.neighbour_types()
    assert 1 not in service.replica.clocks, "what waits for ever is not known"
    assert 3 not in service.replica.clocks


def waiting_updates_have_a_bound() -> None:
    service = Service()
    waiting = [
        update(client(1, clock, text_after(1, clock - 1, "x" * 99_999)))
        for clock in range(10, 10_000_000, 100_000)
    ]
    with pytest.raises(TooLarge):
        list(map(service.takes, waiting))
    service.neighbour_types()


def clocks_said_again_with_other_content() -> None:
    """yrs would put what is new of the last one beside an item of another parent.

    Found by mutations: a map with one value; a text under the same clocks; and a list of maps,
    most of them deleted, under those and more.
    """
    first = update(client(1, 0, b"\x07\x01\x01a\x01", b"\x28\x00\x01\x00\x01n\x01\x7d\x00"))
    words = update(
        client(1, 0, text("kept", root="t"), text_after(1, 3, " for history")),
        deletes=deletes(1, (0, 4)),
    )
    maps = bytes.fromhex(
        "01280100070101610128000100016e017d004701000028000102016e017d01"
        + "".join(f"4101{at:02x}010001" for at in range(2, 32, 2))
        + "4701200128000122016e017d114701220128000124016e017d124701240128000126016e017d13"
        + "010101041e"
    )
    for _ in range(200):  # what becomes of it depends on what memory holds
        service = Service()
        for encoded in (first, words, maps):
            service.takes(encoded)
        service.neighbour_types()


STORIES: dict[str, Callable[[], None]] = {
    story.__name__: story
    for story in (
        same_client_twice_then_appends,
        values_nested_for_a_crash,
        json_nested_for_a_crash,
        elements_nested_by_one_update_and_deleted,
        elements_nested_by_many_updates_and_deleted,
        lengths_and_counts_beyond_reason,
        runs_of_clocks_that_cost_nothing_to_send,
        many_clients,
        a_parent_that_is_no_type,
        circles_of_dependencies,
        waiting_updates_have_a_bound,
        clocks_said_again_with_other_content,
    )
}


# -- Mutations ------------------------------------------------------------------------------
def real_updates(chance: random.Random) -> list[bytes]:
    """Updates of every kind from Yjs, and a session of two pycrdt authors."""
    found = [bytes.fromhex(encoded) for encoded in load("protocol")["updates"].values()]
    docs = [pycrdt.Doc(client_id=number) for number in (11, 12)]
    for _ in range(60):
        doc = chance.choice(docs)
        found.append(edited(doc, lambda doc=doc: _edit(doc, chance)))
        if chance.random() < 0.3:
            first, second = docs
            first.apply_update(second.get_update(first.get_state()))
            second.apply_update(first.get_update(second.get_state()))
    return found


def _edit(doc: "pycrdt.Doc[Any]", chance: random.Random) -> None:
    words = doc.get("text", type=pycrdt.Text)
    match chance.randrange(5):
        case 0:
            words.insert(chance.randrange(len(words) + 1), "word ")
        case 1 if len(words) > 4:
            start = chance.randrange(len(words) - 3)
            del words[start : start + 2]
        case 2:
            doc.get("map", type=pycrdt.Map)[f"k{chance.randrange(5)}"] = {"v": [1, None, "x"]}
        case 3:
            doc.get("list", type=pycrdt.Array).append(chance.choice([1, "x", 2.5, True]))
        case _:
            children = doc.get("content", type=pycrdt.XmlFragment).children
            children.append(pycrdt.XmlElement("p", {"id": "1"}, [pycrdt.XmlText("hi")]))


def mutated(pool: list[bytes], chance: random.Random) -> bytes:
    data = bytearray(chance.choice(pool))
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data)) if data else 0
        match chance.randrange(8):
            case 0 if data:
                data[at] ^= 1 << chance.randrange(8)
            case 1 if data:
                data[at] = chance.choice([0, 1, 4, 7, 8, 9, 10, 0x7F, 0x80, 0x84, 0xFF])
            case 2:
                del data[at:]
            case 3:
                other = chance.choice(pool)
                cut = chance.randrange(len(other) + 1)
                data[at:] = other[cut:]
            case 4:
                data[at:at] = write_var_uint(chance.choice([0, 1, 127, 2**31 - 1, 2**32, 2**52]))
            case 5:
                piece = data[at : at + chance.randrange(1, 12)]
                data[at:at] = piece * chance.randrange(1, 4)
            case 6 if data:
                data[at] = (data[at] + chance.choice([-1, 1])) % 256
            case _:
                del data[at : at + chance.randrange(1, 6)]
    return bytes(data)


def mutate(seed: int, cases: int) -> dict[str, Any]:
    chance = random.Random(seed)
    pool = real_updates(chance)
    base = [encoded for encoded in pool[-60:] if not _is_refused(encoded)]
    counts: Counter[str] = Counter()
    for service in _services(base, cases):
        for _ in range(min(200, cases - counts["cases"])):
            service.takes(mutated(pool, chance))
            service.neighbour_types()
            clocks = decode_state_vector(service.replica.state_vector())
            assert service.replica.clocks == clocks, "clocks that the Doc does not have"
            counts["cases"] += 1
        service._load()
        service.neighbour_types()
        service.counts.pop("cases")
        counts.update(service.counts)
    return {"seed": seed, **counts}


def _services(base: list[bytes], cases: int) -> Iterator[Service]:
    """A new document for every 200 cases: one that is all garbage would teach nothing."""
    for _ in range(0, cases, 200):
        yield Service(*base)


def _is_refused(encoded: bytes) -> bool:
    try:
        check(encoded, max_depth=64)
    except InvalidUpdate:
        return True
    return False


if __name__ == "__main__":
    django.setup()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    if sys.argv[1] == "mutate":
        print(json.dumps(mutate(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        STORIES[sys.argv[1]]()
        print("survived")
