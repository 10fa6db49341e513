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


TOO_MUCH = {
    "10 MB of Markdown": ("text/markdown", b"word " * (2 * MB)),
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
