"""The guard passes what editors send and stops what could freeze or end the process.

What is hostile runs in a process of its own, through exactly what the server does: a crash or
a hang is then a failed test and not the end of the test run.
"""

import json
import subprocess
import sys
from collections.abc import Callable

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import InvalidUpdate
from collab.lib0 import write_var_bytes, write_var_string
from documents.sync import guard
from documents.sync.guard import check, scan
from tests.documents.sync import fuzz
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

UPDATES = load("protocol")["updates"]


# -- What editors send ----------------------------------------------------------------------
@pytest.mark.parametrize("name", UPDATES)
def test_updates_of_the_real_yjs_pass(name: str) -> None:
    encoded = bytes.fromhex(UPDATES[name])
    normal, found = check(encoded, max_depth=64)
    assert pycrdt.get_state(normal) == pycrdt.get_state(encoded)
    if name != "merged with a gap":
        assert {c: end for c, (_, end) in found.clocks.items()} == {
            c: clock for c, clock in _clocks(normal).items() if clock
        }


def _clocks(encoded: bytes) -> dict[int, int]:
    from documents.protocol.state_vector import decode_state_vector

    return decode_state_vector(pycrdt.get_state(encoded))


def test_a_keystroke_says_what_it_follows_on() -> None:
    doc = pycrdt.Doc(client_id=5)
    words = doc.get("text", type=pycrdt.Text)
    words.insert(0, "ab")
    found = scan(edited(doc, lambda: words.insert(2, "c")))
    assert (found.clocks, found.needs, found.is_simple) == ({5: (2, 3)}, {}, True)
    assert found.is_ready_for({5: 2})
    assert not found.is_ready_for({5: 1})
    assert not found.is_ready_for({})


def uint(value: int) -> bytes:
    """Of any size, as no editor writes it."""
    return bytes((value,)) if value < 128 else bytes((value & 127 | 128,)) + uint(value >> 7)


NUMBERS = [0, 1, 5, 127, 128, 2**31 - 8, 2**31 - 1, 2**31, 2**53 - 1, 2**53, 2**56 - 1, 2**63]
ENCODED = st.sampled_from([*map(uint, NUMBERS), b"\x80" * 7 + b"\x00", b"\x80" * 8 + b"\x00"])


@given(
    numbers=st.lists(ENCODED, min_size=6, max_size=6),
    info=st.sampled_from([0x84, 0x44, 0xC4]),
    said=st.sampled_from(["a", "hello", "", "é"]),
    rest=st.sampled_from([b"\x00", b"", b"\x01", b"\x00\x00", b"\x01\x05\x01\x00\x01"]),
    noise=st.none() | st.tuples(st.integers(0, 60), st.integers(0, 255)),
)
def test_typing_is_scanned_like_everything_else(
    *, numbers: list[bytes], info: int, said: str, rest: bytes, noise: tuple[int, int] | None
) -> None:
    origins = numbers[2 : 6 if info == 0xC4 else 4]
    encoded = bytearray(b"\x01\x01" + b"".join(numbers[:2]) + bytes((info,)) + b"".join(origins))
    encoded += write_var_string(said) + rest
    if noise is not None and noise[0] < len(encoded):
        encoded[noise[0]] = noise[1]
    found = guard.scan_typing(bytes(encoded))
    if found is not None:
        assert found == guard.Scanner(bytes(encoded), 64).scan()
        assert pycrdt.merge_updates(bytes(encoded)) == bytes(encoded), "it is normal"


def test_a_keystroke_is_scanned_the_short_way() -> None:
    doc, other = pycrdt.Doc(), pycrdt.Doc()
    words, others = (each.get("text", type=pycrdt.Text) for each in (doc, other))
    words.insert(0, "ab")
    other.apply_update(doc.get_update())
    for at in (1, 2, 3):  # between one's own, after one's own, between two authors'
        keystroke = edited(other, lambda at=at: others.insert(at, "c"))
        assert guard.scan_typing(keystroke) == guard.Scanner(keystroke, 64).scan()


def test_what_is_known_already_adds_nothing() -> None:
    found = scan(update(client(5, 0, text("ab")), deletes=deletes(5, (1, 1))))
    assert found.adds_nothing_to({5: 2}, {5: [(1, 1)]})
    assert found.adds_nothing_to({5: 9}, {5: [(0, 9)]})
    assert not found.adds_nothing_to({5: 1}, {5: [(1, 1)]})
    assert not found.adds_nothing_to({5: 2}, {})
    assert not found.adds_nothing_to({5: 2}, {5: [(0, 1)]})


# -- What they do not -----------------------------------------------------------------------
HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "one client twice": update(client(1, 0, text("a")), client(1, 1, text("b"))),
    "one client twice in the deletions": joined(0, 2, 1, 1, 0, 1, 1, 1, 1, 1),
    "a client of 54 bits": update(joined(1, b"\xff" * 7 + b"\x20", 0, text("a"))),
    "a clock of 32 bits": update(client(1, 2**31, text("a"))),
    "clocks that end beyond 31 bits": update(client(1, 2**31 - 2, text("abc"))),
    "a deletion that ends beyond 31 bits": update(deletes=deletes(1, (2**31 - 1, 1))),
    "a deletion of nothing": update(deletes=deletes(1, (5, 0))),
    "a collected run beyond 31 bits": update(client(1, 0, joined(b"\x00", 2**31))),
    "a struct without length": update(client(1, 0, text(""))),
    "a skip without length": update(client(1, 0, b"\x0a\x00")),
    "a client without structs": update(client(1, 0)),
    "counts without end": joined(2**50),
    "structs without end": joined(1, 2**50, 1, 0),
    "deletions without end": joined(0, 2**50),
    "values without end": update(client(1, 0, joined(b"\x08", 1, write_var_string("a"), 2**50))),
    "a text without end": update(client(1, 0, joined(b"\x04", 1, write_var_string("t"), 2**50))),
    "JSON content, of which yrs reads one text too many": update(
        client(1, 0, joined(b"\x02", 1, write_var_string("t"), 1, write_var_string("1")))
    ),
    "an unknown content": update(client(1, 0, joined(b"\x0b", 1, write_var_string("t")))),
    "a subdocument": update(
        client(1, 0, joined(b"\x09", 1, write_var_string("t"), write_var_string("id"), b"\x7e"))
    ),
    "an unknown shared type": update(client(1, 0, joined(b"\x07", 1, write_var_string("t"), 9))),
    "an XmlHook": update(
        client(1, 0, joined(b"\x07", 1, write_var_string("t"), 5, write_var_string("h")))
    ),
    "an unknown value": update(client(1, 0, any_values(b"\x70"))),
    "values nested deep": update(client(1, 0, any_values(nested_any(65)))),
    "JSON nested deep": update(
        client(
            1,
            0,
            joined(b"\x05", 1, write_var_string("t"), write_var_string("[" * 65 + "]" * 65)),
        )
    ),
    "something that is not JSON": update(
        client(1, 0, joined(b"\x05", 1, write_var_string("t"), write_var_string("{")))
    ),
    "a text that is not UTF-8": update(
        client(1, 0, joined(b"\x04", 1, write_var_string("t"), write_var_bytes(b"\xff\xfe")))
    ),
    "something behind it": update(client(1, 0, text("a"))) + b"\x00",
    "an origin beyond 31 bits": update(client(1, 0, text_after(2, 2**31, "a"))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_editor_sends_is_refused(name: str) -> None:
    with pytest.raises(InvalidUpdate):
        check(HOSTILE[name], max_depth=64)


@pytest.mark.parametrize("name", UPDATES)
@given(data=st.data())
def test_an_update_that_was_cut_off_is_refused(name: str, data: st.DataObject) -> None:
    encoded = bytes.fromhex(UPDATES[name])
    with pytest.raises(InvalidUpdate):
        scan(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@given(st.binary(max_size=100))
def test_nothing_but_an_invalid_update_comes_of_any_bytes(data: bytes) -> None:
    try:
        scan(data)
    except InvalidUpdate:
        return


def test_values_may_nest_as_deep_as_the_limit() -> None:
    assert scan(update(client(1, 0, any_values(nested_any(63)))), max_depth=64)


# -- In a process that may die --------------------------------------------------------------
def survive(story: str, *, within_s: int = 30) -> str:
    """Run a story of ``fuzz`` in a process with bounded memory; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.documents.sync.fuzz", story],
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    assert done.returncode == 0, f"{story}: exit {done.returncode}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.parametrize("story", fuzz.STORIES)
def test_a_hostile_client_harms_nobody_but_itself(story: str) -> None:
    assert "survived" in survive(story)


def test_twenty_thousand_mutated_updates(record_property: Callable[[str, object], None]) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.documents.sync.fuzz", "mutate", str(seed), "10500"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in (20261120, 20261121)
    ]
    total = 0
    for process in processes:
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, err[-2000:]
        counts = json.loads(out)
        print(counts)
        record_property("counts", counts)
        total += counts["cases"]
    assert total >= 20_000


def test_elements_are_counted() -> None:
    assert scan(update(client(1, 0, element(), element((1, 0))))).types == 2
