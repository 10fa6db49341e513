"""Making updates by hand, in Yjs' v1 encoding: what no editor would send, and what they do."""

from collections.abc import Callable
from typing import Any

import pycrdt

from collab.lib0 import write_var_bytes, write_var_string, write_var_uint

NO_DELETES = b"\x00"
Edit = Callable[[], Any]


def joined(*parts: int | bytes) -> bytes:
    """Numbers as var uints, bytes as they are."""
    return b"".join(write_var_uint(p) if isinstance(p, int) else p for p in parts)


def update(*clients: bytes, deletes: bytes = NO_DELETES) -> bytes:
    return joined(len(clients), *clients, deletes)


def client(number: int, clock: int, *structs: bytes) -> bytes:
    return joined(len(structs), number, clock, *structs)


def text(words: str, *, root: str = "text") -> bytes:
    """An item at the start of a root."""
    return joined(b"\x04", 1, write_var_string(root), write_var_string(words))


def text_after(number: int, clock: int, words: str) -> bytes:
    return joined(b"\x84", number, clock, write_var_string(words))


def element(parent: tuple[int, int] | None = None, *, root: str = "content") -> bytes:
    """An XmlElement, in a root or in another element."""
    place = joined(0, *parent) if parent else joined(1, write_var_string(root))
    return joined(b"\x07", place, 3, write_var_string("p"))


def any_values(*values: bytes, root: str = "list") -> bytes:
    return joined(b"\x08", 1, write_var_string(root), len(values), *values)


def nested_any(depth: int) -> bytes:
    """A list in a list in a list …"""
    return b"\x75\x01" * depth + b"\x7e"


def deletes(number: int, *ranges: tuple[int, int]) -> bytes:
    return joined(1, number, len(ranges), *(n for pair in ranges for n in pair))


def binary(data: bytes) -> bytes:
    return joined(b"\x03", 1, write_var_string("b"), write_var_bytes(data))


def edited(doc: "pycrdt.Doc[Any]", edit: Edit) -> bytes:
    """The update that one edit of a Doc makes."""
    before = doc.get_state()
    edit()
    return doc.get_update(before)


def text_of(encoded: bytes, root: str = "text") -> str:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(encoded)
    return str(doc.get(root, type=pycrdt.Text))
