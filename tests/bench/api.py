"""``make bench-api``: what a snapshot costs in each format, and what a small write costs.

Two documents: the real trace of 259,778 edits (``EDITING_TRACES``) in one code block, and
1,000 blocks of rich text. Cold is the first request after an edit, cached the median of those
after it. The ratio is to the cached Yjs snapshot of the same document.
"""

import gzip
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collab.settings")
django.setup()

import httpx
import pycrdt

from documents.formats.tree import new_document_update
from tests.documents.test_traces import TRACES
from tests.servers import Server, make_template

FORMATS = ["yjs", "blocks", "markdown", "html", "text"]
ROUNDS = 15
TRACE = TRACES / "automerge-paper.json.gz"


def typed() -> bytes:
    """The trace as its author typed it, every deletion still there."""
    code = {"type": "codeBlock", "props": {"language": "latex"}, "content": [], "children": []}
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(new_document_update([code]))
    block = doc.get("content", type=pycrdt.XmlFragment).children[0].children[0].children[0]
    words = pycrdt.XmlText("")
    block.children.append(words)
    transactions = json.loads(gzip.decompress(TRACE.read_bytes()))["txns"]
    with doc.transaction():
        for transaction in transactions:
            for place, deleted, inserted in transaction["patches"]:
                if deleted:
                    del words[place : place + deleted]
                if inserted:
                    words.insert(place, inserted)
    return doc.get_update()


def rich() -> list[dict[str, Any]]:
    """A thousand blocks of all the usual kinds."""
    run = [
        {"type": "text", "text": "Plain words, ", "styles": {}},
        {"type": "text", "text": "bold ones", "styles": {"bold": True}},
        {"type": "link", "href": "https://example.org/", "content": [
            {"type": "text", "text": " and a link", "styles": {"italic": True}}]},
        {"type": "text", "text": " in a sentence that goes on for a while.", "styles": {}},
    ]  # fmt: skip
    kinds = ["heading", *["paragraph"] * 5, *["bulletListItem"] * 3, "checkListItem"]
    return [{"type": kinds[n % 10], "content": run} for n in range(1000)]


class Bench:
    def __init__(self, server: Server) -> None:
        self._http = httpx.Client(
            base_url=f"{server.url}/api/v1",
            headers=server.people["alice"].bearer,
            timeout=120,
        )

    def make(self, content: Any) -> str:
        body = {"title": "bench", "content": content, "format": "blocks"}
        return str(self._http.post("/documents", json=body).raise_for_status().json()["id"])

    def merge(self, document: str, update: bytes) -> None:
        body = {"content": update, "headers": {"Content-Type": "application/octet-stream"}}
        self._http.post(f"/documents/{document}/updates", **body).raise_for_status()

    def append(self, document: str) -> None:
        body = {"operations": [{"op": "append", "content": "one more"}]}
        self._http.patch(f"/documents/{document}/content", json=body).raise_for_status()

    def snapshot(self, document: str, kind: str, etag: str = "") -> httpx.Response:
        headers = {"If-None-Match": etag} if etag else {}
        path = f"/documents/{document}/snapshot"
        return self._http.get(path, params={"format": kind}, headers=headers)


def milliseconds(work: Callable[[], Any], rounds: int = ROUNDS) -> float:
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def report(bench: Bench, name: str, document: str) -> None:
    print(f"\n{name:34} {'bytes':>9} {'cold ms':>8} {'cached':>7} {'304':>6} {'ratio':>6}")
    base = 0.0
    for kind in FORMATS:
        bench.append(document)
        cold = milliseconds(lambda kind=kind: bench.snapshot(document, kind), 1)  # type: ignore[misc]
        answer = bench.snapshot(document, kind)
        cached = milliseconds(lambda kind=kind: bench.snapshot(document, kind))  # type: ignore[misc]
        etag = answer.headers["ETag"]
        unchanged = milliseconds(lambda kind=kind, etag=etag: bench.snapshot(document, kind, etag))  # type: ignore[misc]
        base = base or cached
        print(
            f"  {kind:32} {len(answer.content):9,} {cold:8.1f} {cached:7.1f} {unchanged:6.1f} "
            f"{cached / base:6.1f}"
        )
    written = milliseconds(lambda: bench.append(document), 5)
    print(f"  {'append a line, committed':32} {'':9} {written:8.1f}")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="collab-bench-") as folder:
        template = make_template(Path(folder))
        (Path(folder) / "server").mkdir()
        with Server(
            Path(folder) / "server", template, COLLAB_MAX_CONTENT_BYTES="20000000"
        ) as server:
            bench = Bench(server)
            report(bench, "1,000 blocks of rich text", bench.make(rich()))
            if not TRACE.exists():
                print(f"\nSKIPPED: the real trace: nothing at {TRACE}")
                return
            document = bench.make([])
            bench.merge(document, typed())
            report(bench, "259,778 edits of one author", document)


if __name__ == "__main__":
    main()
