"""``make bench-api``: what a snapshot costs in each format, and what a small write costs.

Two documents: the real trace of 259,778 edits (``EDITING_TRACES``) in one code block, and
1,000 blocks of rich text. Cold is the first request after an edit, cached the median of those
after it; the ratio is to the cached Yjs snapshot of the same document. At last: how long after
a keystroke on one process a snapshot of another contains it.
"""

import asyncio
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
from tests.clients import Client
from tests.documents.test_traces import TRACES
from tests.servers import Server, Service, make_template

FORMATS = ["yjs", "blocks", "markdown", "html", "text"]
ROUNDS = 15
KEYSTROKES = 200
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


async def freshness(service: Service) -> None:
    """How long after an editor has sent something a snapshot of another process contains it."""
    here, there = service.servers
    document = here.new_document()
    bench = Bench(there)
    seen_after: list[float] = []
    sent_at: dict[int, float] = {}
    done = asyncio.Event()

    def look() -> None:
        seen = -1
        while not (done.is_set() and seen == len(sent_at) - 1):
            update = bench.snapshot(document.id, "yjs").content
            now = time.perf_counter()
            doc: pycrdt.Doc[Any] = pycrdt.Doc()
            doc.apply_update(update)
            last = len(str(doc.get("text", type=pycrdt.Text))) - 1
            for number in range(seen + 1, last + 1):
                seen_after.append(now - sent_at[number])
            seen = last

    async with Client(here, document) as editor:
        looking = asyncio.create_task(asyncio.to_thread(look))
        for number in range(KEYSTROKES):
            sent_at[number] = time.perf_counter()
            editor.types("x")
            await asyncio.sleep(0.05)
        done.set()
        await looking
    ordered = sorted(1000 * each for each in seen_after)
    print(
        f"\nfrom a keystroke on one process to a snapshot of the other that has it: "
        f"median {statistics.median(ordered):.0f} ms, "
        f"p99 {ordered[len(ordered) * 99 // 100]:.0f} ms, "
        f"longest {ordered[-1]:.0f} ms of {len(ordered)}"
    )


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
            else:
                document = bench.make([])
                bench.merge(document, typed())
                report(bench, "259,778 edits of one author", document)
    with tempfile.TemporaryDirectory(prefix="collab-bench-") as folder:
        service = Service(Path(folder), processes=2)
        try:
            asyncio.run(freshness(service))
        finally:
            service.close()


if __name__ == "__main__":
    main()
