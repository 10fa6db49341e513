"""Large documents as Yjs updates, made once and kept in ``var/bench``. The same every time."""

import random
from pathlib import Path
from typing import Any

import pycrdt

from documents.formats.tree import new_document_update
from tests.bench import api
from tests.bench.workshop import SHED

_WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "again")
_INSERTS = 200  # in a paragraph


def paragraphs(size: int) -> Path:
    """Paragraphs of words that were typed at random places, of so many bytes at least."""
    return _made(f"paragraphs-{size}", lambda: _typed(size))


def rich_text() -> Path:
    """Two thousand blocks of all the usual kinds."""
    return _made("rich-text", lambda: new_document_update(api.rich() + api.rich()))


def trace() -> Path | None:
    """A paper as its author typed it; None where the trace is not."""
    return _made("trace", api.typed) if api.TRACE.exists() else None


def _made(name: str, make: Any) -> Path:
    path = SHED / f"{name}.update"
    if not path.exists():
        path.write_bytes(make())
    return path


def _typed(size: int) -> bytes:
    dice = random.Random(0)
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=1)
    content = doc.get("content", type=pycrdt.XmlFragment)
    while len(update := doc.get_update()) < size:
        # As many as are likely to be missing: encoding after each would take for ever.
        for _ in range(max(1, (size - len(update)) // 6000)):
            content.children.append(paragraph := pycrdt.XmlElement("paragraph"))
            paragraph.children.append(words := pycrdt.XmlText(""))
            for _ in range(_INSERTS):
                words.insert(dice.randint(0, len(words)), f"{dice.choice(_WORDS)} ")
    return update
