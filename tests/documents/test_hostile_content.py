"""What programs must not be able to do with content: a clear refusal, and nothing stored."""

import json
from typing import Any

import httpx
import pytest

from documents.formats.blocks import MAX_DEPTH
from tests.servers import NewDocument, Server

MB = 1024 * 1024


def nested(depth: int) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for _ in range(depth):
        blocks = [{"type": "bulletListItem", "children": blocks}]
    return blocks


TEXT = {"type": "paragraph", "content": [{"type": "text", "text": "x", "styles": {}}]}
TOO_MUCH = {
    "10 MB of Markdown": ("text/markdown", b"word " * (2 * MB)),
    "10 MB of plain text": ("text/plain", b"word " * (2 * MB)),
    "one character of plain text too many": ("text/plain", b"x" * (MB + 1)),
    "one character of text in JSON too many": (
        "application/json",
        json.dumps({"format": "text", "content": "x" * (MB + 1)}).encode(),
    ),
    "10 MB of HTML": ("text/html", b"<p>x</p>" * (10 * MB // 8)),
    "blocks nested too deep": (
        "application/json",
        json.dumps({"format": "blocks", "content": nested(MAX_DEPTH + 1)}).encode(),
    ),
    "JSON nested beyond all reason": (
        "application/json",
        b'{"format": "blocks", "content": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ),
    "blocks that are none": ("application/json", b'{"format": "blocks", "content": [1, null]}'),
    "a kind that nobody knows": (
        "application/json",
        b'{"format": "blocks", "content": [{"type": "script"}]}',
    ),
    "no UTF-8": ("text/plain", b"\xff\xfe\x00"),
    "half a surrogate pair": ("application/json", b'{"format": "text", "content": "\\ud83d"}'),
    "half a surrogate pair of Markdown": ("application/json", b'{"content": "a\\ud800b"}'),
    "half a surrogate pair of HTML": (
        "application/json",
        b'{"format": "html", "content": "a\\udc00b"}',
    ),
    "half a surrogate pair in an id": (
        "application/json",
        b'{"format": "blocks", "content": [{"type": "paragraph", "id": "\\ud800"}]}',
    ),
    "one character of blocks too many": (
        "application/json",
        json.dumps(
            {"format": "blocks", "content": [{"type": "quote", "content": "x" * MB}, TEXT]}
        ).encode(),
    ),
    "one character of props too many": (
        "application/json",
        json.dumps(
            {"format": "blocks", "content": [{"type": "image", "props": {"url": "x" * MB}}, TEXT]}
        ).encode(),
    ),
}
# Harmless once it is read: what runs is gone, the words stay.
DEFUSED = {
    "a script": ("text/html", "<p>safe</p><script>alert(1)</script>"),
    "a handler": ("text/html", '<p onclick="alert(1)">safe</p><img src=x onerror=alert(1)>'),
    "a link that runs": ("text/html", '<p><a href="javascript:alert(1)">safe</a></p>'),
    "a link that hides it": ("text/html", '<p><a href="java&#10;script:alert(1)">safe</a></p>'),
    "an SVG": ("text/html", "<p>safe</p><svg onload=alert(1)><script>alert(1)</script></svg>"),
    "a link in Markdown": ("text/markdown", "[safe](javascript:alert(1))"),
    "HTML in Markdown": ("text/markdown", "safe <iframe src=javascript:alert(1)></iframe>"),
    "two thousand tags deep": ("text/html", "<div>" * 2000 + "safe" + "</div>" * 2000),
    "two thousand quotes deep": ("text/markdown", ">" * 2000 + " safe"),
    "brackets without end": ("text/markdown", "safe " + "[" * 4000),
}


def put(server: Server, document: NewDocument, kind: str, body: bytes) -> httpx.Response:
    headers = {"Content-Type": kind}
    return server.api("PUT", f"documents/{document.id}/content", content=body, headers=headers)


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_is_refused_and_nothing_stored(server: Server, name: str) -> None:
    document = server.new_document()
    refused = put(server, document, *TOO_MUCH[name])
    assert refused.status_code in {400, 413, 422}, refused.text
    assert refused.json()["code"] in {"malformed", "too-large", "invalid-content", "invalid"}
    assert server.api("GET", f"documents/{document.id}").json()["head"] == 0


@pytest.mark.parametrize("name", DEFUSED)
def test_what_could_run_is_gone_and_the_words_stay(server: Server, name: str) -> None:
    document = server.new_document()
    kind, text = DEFUSED[name]
    answer = put(server, document, kind, text.encode())
    if answer.status_code != 200:  # or it is refused in words
        assert answer.status_code in {413, 422}
        return
    html = server.api("GET", f"documents/{document.id}/snapshot?format=html").text
    assert "safe" in html
    for active in (
        "<script",
        "onclick",
        "onerror",
        "onload",
        'href="javascript',
        "<iframe",
        "<svg",
    ):
        assert active not in html


def test_many_contents_are_bounded_together_and_read_for_writers_only(server: Server) -> None:
    document = server.new_document()
    path = f"documents/{document.id}/content"
    many = {"operations": [{"op": "append", "content": "word " * 50_000}] * 10}
    refused = server.api("PATCH", path, json=many)
    assert (refused.status_code, refused.json()["code"]) == (413, "too-large")
    wrong = {"operations": [{"op": "append", "content": 7}]}
    assert server.api("PATCH", path, "mallory", json=wrong).status_code == 404
    assert server.api("PATCH", path, json=wrong).status_code == 400


def test_texts_do_not_grow_by_operations_that_double_them(server: Server) -> None:
    document = server.new_document()
    path = f"documents/{document.id}/content"
    doubles = {"op": "replace_text", "find": "a", "replace": "a" * 50, "all": True}
    begin = {"op": "append", "content": "a"}
    refused = server.api("PATCH", path, json={"operations": [begin] + [doubles] * 99})
    assert (refused.status_code, refused.json()["code"]) == (413, "too-large")
    assert "operations[4]" in refused.json()["detail"]
    many = server.api("PATCH", path, json={"operations": [begin] * 101})
    assert (many.status_code, many.json()["errors"][0]["at"]) == (422, "operations")
    assert server.api("GET", f"documents/{document.id}").json()["head"] == 0


def test_a_body_is_looked_at_for_who_may_write_and_within_bounds(server: Server) -> None:
    document = server.new_document()
    path, kind = f"documents/{document.id}/content", {"Content-Type": "application/json"}
    for body in (b"{", b'{"operations": 7}', b" " * (9 * MB) + b"{}"):
        for method in ("PUT", "PATCH"):
            for person, expected in (("mallory", {404}), ("victor", {403})):
                answer = server.api(method, path, person, content=body, headers=kind)
                assert answer.status_code in expected
    for method in ("PUT", "PATCH"):
        answer = server.api(method, path, content=b" " * (9 * MB) + b"{}", headers=kind)
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_blocks_of_operations_count_like_any_content(server: Server) -> None:
    path = f"documents/{server.new_document().id}/content"
    half = [{"type": "paragraph", "content": "x" * (MB // 2)}]
    append = {"op": "append", "format": "blocks", "content": half}
    refused = server.api("PATCH", path, json={"operations": [append, append, append]})
    assert (refused.status_code, refused.json()["code"]) == (413, "too-large")
    server.api("PATCH", path, json={"operations": [append, append]}).raise_for_status()


@pytest.mark.parametrize(
    "said",
    [
        {"op": "append", "content": "a\ud800b"},
        {"op": "append", "format": "html", "content": "a\ud800b"},
        {"op": "append", "format": "blocks", "content": [{"type": "quote", "id": "\ud800"}]},
        {"op": "delete_block", "block": "\ud800"},
        {"op": "replace_text", "find": "\ud800", "replace": "x"},
        {"op": "replace_text", "find": "x", "replace": "\ud800"},
    ],
)
def test_half_a_character_is_refused_wherever_it_stands(
    server: Server, said: dict[str, object]
) -> None:
    path = f"documents/{server.new_document().id}/content"
    kind = {"Content-Type": "application/json"}
    server.api("PATCH", path, json={"operations": [{"op": "append", "content": "x"}]})
    body = json.dumps({"operations": [said]}).encode()
    answer = server.api("PATCH", path, content=body, headers=kind)
    assert answer.status_code == 422, answer.text
    body = json.dumps({"title": "x", "content": "a\ud800b"}).encode()
    answer = server.api("POST", "documents", content=body, headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-content")


def test_faults_of_a_body_are_told_by_the_field(server: Server) -> None:
    path = f"documents/{server.new_document().id}/content"
    jump = {"operations": [{"op": "append", "content": "x"}, {"op": "jump"}]}
    problem = server.api("PATCH", path, json=jump).json()
    assert (problem["status"], problem["code"]) == (422, "invalid")
    assert [fault["at"] for fault in problem["errors"]] == ["operations.1.op"]


def test_blocks_are_put_in_whole_so_that_the_next_operation_can_meet_them(server: Server) -> None:
    document = server.new_document()
    path = f"documents/{document.id}/content"
    bare = {"op": "append", "format": "blocks", "content": [{"type": "paragraph"}]}
    none = {"op": "delete_block", "block": "nowhere"}
    answer = server.api("PATCH", path, json={"operations": [bare, none]})
    assert (answer.status_code, answer.json()["code"]) == (409, "target-missing")
    for content in ([7], [{"type": "table", "content": {}}], {"type": "paragraph"}):
        wrong = {"op": "append", "format": "blocks", "content": content}
        answer = server.api("PATCH", path, json={"operations": [wrong, none]})
        assert answer.status_code in {400, 409, 422}, answer.text
