"""Programs write into the live document: small edits, seen at once, answered when committed."""

import asyncio
from typing import Any

import httpx
import pycrdt
import pytest

from documents.formats.tree import blocks_of
from tests.clients import Client, text_of, until
from tests.servers import Server


def content(server: Server, document: Any, kind: str = "markdown") -> str:
    answer = server.api("GET", f"documents/{document.id}/snapshot?format={kind}")
    return answer.raise_for_status().text


def put(
    server: Server,
    document: Any,
    body: str,
    kind: str = "text/markdown",
    person: str = "alice",
    **headers: str,
) -> httpx.Response:
    return server.api(
        "PUT",
        f"documents/{document.id}/content",
        person,
        content=body.encode(),
        headers={"Content-Type": kind, **headers},
    )


def patch(server: Server, document: Any, *operations: Any, person: str = "alice") -> httpx.Response:
    path = f"documents/{document.id}/content"
    return server.api("PATCH", path, person, json={"operations": operations})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/markdown", "# Plan\n\n- milk\n- **bread**\n"),
        ("text/html", "<h1>Plan</h1><ul><li>milk</li><li><strong>bread</strong></li></ul>"),
        ("text/plain", "Plan\nmilk\nbread\n"),
    ],
)
def test_a_document_is_written_in_any_format(server: Server, kind: str, body: str) -> None:
    document = server.new_document()
    answer = put(server, document, body, kind)
    assert answer.status_code == 200, answer.text
    assert content(server, document, "text") == "Plan\nmilk\nbread\n"
    # Read your write: the ETag is that of what was written.
    again = server.api("GET", f"documents/{document.id}/snapshot?format=text")
    assert again.headers["ETag"] == answer.headers["ETag"]
    assert put(server, document, body, kind).json()["changed"] is False


def test_blocks_go_in_as_they_come_out(server: Server) -> None:
    document = server.new_document()
    put(server, document, "# One\n\ntwo\n")
    path = f"documents/{document.id}"
    blocks = server.api("GET", f"{path}/snapshot?format=blocks").json()
    blocks[1]["content"][0]["text"] = "2"
    body = {"content": blocks, "format": "blocks"}
    server.api("PUT", f"{path}/content", json=body).raise_for_status()
    assert server.api("GET", f"{path}/snapshot?format=blocks").json() == blocks


async def test_people_see_the_write_and_who_it_was(server: Server) -> None:
    document = server.new_document()
    async with Client(server, document) as bob:
        await asyncio.to_thread(put, server, document, "# Written by a program\n")
        await until(lambda: b"Written by a program" in bob.doc.get_update())
        await until(lambda: any(s["user"].get("program") for s in bob.awareness.values() if s))
        writer = next(s["user"] for s in bob.awareness.values() if s and s["user"].get("program"))
        assert writer["id"].startswith("token:")
        await until(
            lambda: not any(s["user"].get("program") for s in bob.awareness.values() if s),
            within=8,
        )


async def test_an_edit_is_small_and_keeps_what_people_type_meanwhile(server: Server) -> None:
    document = server.new_document()
    lines = [f"Paragraph number {n}.\n\n" for n in range(300)]
    put(server, document, "".join(lines))
    async with Client(server, document) as bob:
        sizes: list[int] = []
        bob.doc.observe(lambda event: sizes.append(len(event.update)))
        lines[150] = "Paragraph no. 150.\n\n"
        await asyncio.to_thread(put, server, document, "".join(lines))
        await until(lambda: "no. 150" in str(blocks_of(bob.doc)))
        assert sum(sizes) < 1000


def test_operations_are_carried_out_all_or_none(server: Server) -> None:
    document = server.new_document()
    put(server, document, "# Log\n")
    assert patch(server, document, {"op": "append", "content": "first *line*"}).status_code == 200
    answer = patch(
        server,
        document,
        {"op": "replace_text", "find": "first", "replace": "1st"},
        {"op": "delete_block", "block": "nowhere"},
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "target-missing")
    assert [each["text"] for each in problem["there"]] == ["Log", "1st line"]
    assert content(server, document) == "# Log\n\nfirst *line*\n"


def test_an_answer_says_whether_its_writer_knows_all_that_the_document_says(server: Server) -> None:
    document = server.new_document()
    written = put(server, document, "one\n")
    assert written.json()["exact"]
    etag = written.headers["ETag"]
    assert put(server, document, "one\n").headers["ETag"] == etag
    append = {"op": "append", "content": "more"}
    blind = patch(server, document, append)
    assert not blind.json()["exact"], "somebody may have written before it"
    assert blind.headers["ETag"] == f'"{blind.json()["head"]}"'
    path = f"documents/{document.id}/content"
    read = server.api("GET", f"documents/{document.id}/snapshot?format=text")
    known = {"If-Match": read.headers["ETag"]}
    answer = server.api("PATCH", path, json={"operations": [append]}, headers=known)
    assert answer.json()["exact"]
    # Of two that build on one state, the second knows nothing of the first.
    base = answer.json()["head"]
    first, second = (
        server.api(
            "PUT", f"{path}?base={base}", content=text, headers={"Content-Type": "text/plain"}
        )
        for text in (b"one\nmore\nmore\nfirst", b"one\nmore\nmore\nsecond")
    )
    assert first.headers["ETag"] == f'"{base + 1}"'
    assert (first.json()["exact"], second.json()["exact"]) == (True, False)
    assert "first" in content(server, document)


def test_if_match_protects_what_others_wrote(server: Server) -> None:
    document = server.new_document()
    etag = put(server, document, "one\n").headers["ETag"]
    # As a proxy that compresses makes it.
    assert put(server, document, "two\n", **{"If-Match": f"W/{etag}"}).status_code == 200
    stale = put(server, document, "three\n", **{"If-Match": etag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition-failed")
    assert content(server, document) == "two\n"
    path = f"documents/{document.id}/content?mode=overwrite"
    kind = {"Content-Type": "text/markdown"}
    answer = server.api("PUT", path, content=b"x", headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (428, "precondition-required")


def test_a_raw_update_is_merged(server: Server) -> None:
    document = server.new_document()
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.get("text", type=pycrdt.Text).insert(0, "raw")
    path, kind = f"documents/{document.id}/updates", {"Content-Type": "application/octet-stream"}
    answer = server.api("POST", path, content=doc.get_update(), headers=kind)
    assert answer.status_code == 200
    assert text_of(server.snapshot(document)) == "raw"
    bad = server.api("POST", path, content=b"\x01\x02nonsense", headers=kind)
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid-update")


@pytest.mark.parametrize(
    ("person", "status"),
    [("alice", 200), ("bob", 200), ("carol", 403), ("victor", 403), ("mallory", 404)],
)
def test_who_may_write(server: Server, person: str, status: int) -> None:
    document = server.new_document()
    assert put(server, document, "x\n", person=person).status_code == status
    written = patch(server, document, {"op": "append", "content": "y"}, person=person)
    assert written.status_code == status


def test_bad_bodies_are_told_what_is_wrong(server: Server) -> None:
    document = server.new_document()
    path, as_json = f"documents/{document.id}/content", "application/json"
    for body, kind, status, code in [
        (b"\xff", "text/markdown", 400, "malformed"),
        (b"x", "application/pdf", 415, "unsupported-media-type"),
        (b"{", as_json, 400, "malformed"),
        (b'{"content": [{"type": "x"}], "format": "blocks"}', as_json, 422, "invalid-content"),
        (b"x" * (2 << 20) + b"x", "text/markdown", 413, "too-large"),
        (b"<div>" * 1000, "text/html", 413, "too-large"),
    ]:  # fmt: skip
        answer = server.api("PUT", path, content=body, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    for fault in [{"op": "jump"}, {}, {"op": "replace_text"}, {"x": 1}]:
        operation = {"op": "append", **fault}
        assert patch(server, document, operation).status_code in {400, 422}
    head = server.api("GET", f"documents/{document.id}").json()["head"]
    assert head == 0, "nothing was stored"


async def test_a_write_is_read_from_every_process(new_service: Any) -> None:
    service = new_service(processes=2)
    here, there = service.servers
    document = here.new_document()
    async with Client(there, document) as bob:
        for number in range(5):
            one, other = (here, there) if number % 2 else (there, here)
            operation = {"op": "append", "content": f"line {number}"}
            answer = await asyncio.to_thread(patch, one, document, operation)
            assert answer.status_code == 200, answer.text
            read = await asyncio.to_thread(content, other, document)
            assert f"line {number}" in read
        await until(lambda: b"line 4" in bob.doc.get_update())


async def test_what_others_wrote_since_the_base_stays(server: Server) -> None:
    document = server.new_document()
    put(server, document, "# Plan\n\nAlpha\n\nBeta\n").raise_for_status()
    read = server.api("GET", f"documents/{document.id}/snapshot?format=markdown")
    base = read.headers["ETag"].strip('"')
    for line in ("typed meanwhile", "and this"):
        patch(server, document, {"op": "append", "content": line}).raise_for_status()
    answer = server.api(
        "PUT",
        f"documents/{document.id}/content?base={base}",
        content=read.text.replace("Alpha", "Alef").encode(),
        headers={"Content-Type": "text/markdown"},
    )
    assert answer.status_code == 200
    assert content(server, document) == "# Plan\n\nAlef\n\nBeta\n\ntyped meanwhile\n\nand this\n"


def test_a_base_that_nobody_knows_is_refused(server: Server) -> None:
    document = server.new_document()
    for number in range(3):
        put(server, document, f"line {number}").raise_for_status()

    def write(base: int) -> httpx.Response:
        path = f"documents/{document.id}/content?base={base}"
        return server.api("PUT", path, content=b"x", headers={"Content-Type": "text/plain"})

    assert (write(99).status_code, write(99).json()["code"]) == (409, "base-gone")
    server.run_script(
        "from datetime import timedelta; from uuid import UUID;"
        "from django.utils import timezone; from documents.sync.compaction import compact;"
        f"compact(UUID('{document.id}'), now=timezone.now(), retention=timedelta(0))"
    )
    assert write(1).json()["code"] == "base-gone"
    assert write(-1).status_code == 422
    assert content(server, document) == "line 2\n"


def test_a_damaged_log_is_called_by_its_name(server: Server) -> None:
    document = server.new_document()
    for number in range(3):
        put(server, document, f"line {number}").raise_for_status()
    server.run_script(
        "from documents.models import LogEntry;"
        f"LogEntry.objects.filter(document_id='{document.id}', seq=2).delete()"
    )
    server.restart()  # or the room would still know it
    answer = put(server, document, "more")
    assert (answer.status_code, answer.json()["code"]) == (500, "log-damaged")


def test_an_operation_takes_what_belongs_to_it_and_nothing_else(server: Server) -> None:
    document = server.new_document()
    put(server, document, "milk\n\nmore milk\n")
    operation = {"op": "replace_text", "block": "x", "find": "milk", "replace": "tea"}
    path = f"documents/{document.id}/content"
    answer = server.api("PATCH", path, json={"operations": [operation]})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert "replace_text takes no block" in answer.json()["detail"]
    assert content(server, document) == "milk\n\nmore milk\n"


def test_an_update_that_is_there_already_changes_nothing(server: Server) -> None:
    document, other = server.new_document(), server.new_document()
    put(server, other, "said\n")
    update = server.snapshot(other)
    path, kind = f"documents/{document.id}/updates", {"Content-Type": "application/octet-stream"}
    first, again = (server.api("POST", path, content=update, headers=kind).json() for _ in range(2))
    assert (first["changed"], again["changed"]) == (True, False)
    assert first["head"] == again["head"]
