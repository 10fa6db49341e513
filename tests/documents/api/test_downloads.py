"""The bytes of attachments: shown to whoever may read, in parts, and never run."""

import asyncio
import socket
import uuid

import pytest

from documents.api import downloads
from documents.api.downloads import RangeNotSatisfiable, byte_range
from documents.attachments import storage
from documents.models import Attachment, Role, ShareLink
from tests import pictures
from tests.clients import until
from tests.servers import Server

# Django's test client gathers what a real server streams, and says so.
PLAIN = "text/plain; charset=utf-8"
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


# -- In this process ------------------------------------------------------------------------
@pytest.fixture
def path(document):
    return f"documents/{document.id}/attachments"


@pytest.fixture
def victors(victor, browser_of):
    """Victor, who may view, at his browser."""
    return browser_of(victor)


@pytest.fixture
def address_of(path, bob, browser_of):
    """Where the bytes are that bob uploads."""

    def address_of(content, name="file"):
        status, made = browser_of(bob).upload(path, content, name)
        assert status == 201, made
        return made["url"].removeprefix("/api/v1/")

    return address_of


def fetch(caller, address, method="GET", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = getattr(caller.client, method.lower())(
        f"/api/v1/{address}", headers={**caller._headers, **names}
    )
    return answer, b"".join(answer)


@pytest.mark.parametrize(
    ("content", "name", "headers"),
    [
        (pictures.png(), "a.png", ("image/png", 'inline; filename="a.png"')),
        (pictures.GIF, "a.gif", ("image/gif", 'inline; filename="a.gif"')),
        (pictures.PDF, "a.pdf", ("application/pdf", 'attachment; filename="a.pdf"')),
        (pictures.SVG, "a.svg", (PLAIN, 'attachment; filename="a.svg"')),
        (pictures.HTML, "a.png", (PLAIN, 'attachment; filename="a.png"')),
        (b"\x00\x01", 'a"b', ("application/octet-stream", r'attachment; filename="a\"b"')),
        (b"x", "ü.txt", (PLAIN, "attachment; filename*=utf-8''%C3%BC.txt")),
    ],
    ids=["png", "gif", "pdf", "svg", "html", "bytes", "text"],
)
def test_nothing_is_shown_that_could_run(victors, address_of, content, name, headers):
    answer, body = fetch(victors, address_of(content, name))
    kind, disposition = headers
    assert (answer.status_code, body) == (200, content)
    expected = {
        "Content-Type": kind,
        "Content-Disposition": disposition,
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
        "Content-Length": str(len(content)),
        "X-Frame-Options": "DENY",
    }
    assert {header: answer[header] for header in expected} == expected


def test_only_who_may_read_the_document_gets_them(
    document, victors, mallory, browser_of, address_of
):
    address = address_of(pictures.png())
    viewing = ShareLink.objects.create(document=document, role=Role.VIEWER)
    assert fetch(browser_of(None), f"{address}?link={viewing.token}")[0].status_code == 200
    for stranger in (browser_of(mallory), browser_of(None)):
        assert stranger.get(address)[0] == 404
    ShareLink.objects.update(is_enabled=False)
    # What the browser kept is asked for again, and is not confirmed any more.
    etag = fetch(victors, address)[0]["ETag"]
    gone, _ = fetch(browser_of(None), f"{address}?link={viewing.token}", If_None_Match=etag)
    assert gone.status_code == 404


def test_what_a_browser_has_is_not_sent_again(victors, address_of):
    browser, address = victors, address_of(pictures.png())
    etag = fetch(browser, address)[0]["ETag"]
    answer, body = fetch(browser, address, If_None_Match=etag)
    assert (answer.status_code, body, answer["ETag"]) == (304, b"", etag)


def test_a_part_is_sent_when_a_part_is_asked_for(victors, address_of):
    browser, address = victors, address_of(bytes(range(100)))
    answer, body = fetch(browser, address, Range="bytes=10-19")
    assert (answer.status_code, body) == (206, bytes(range(10, 20)))
    assert (answer["Content-Range"], answer["Content-Length"]) == ("bytes 10-19/100", "10")
    assert fetch(browser, address, Range="bytes=-1", If_Range=answer["ETag"])[1] == b"c"
    assert fetch(browser, address, Range="bytes=-1", If_Range='"other"')[0].status_code == 200
    refused, _ = fetch(browser, address, Range="bytes=100-")
    assert (refused.status_code, refused.json()["code"]) == (416, "range-not-satisfiable")


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=5-", range(5, 10)),
        ("bytes=5-99", range(5, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(10)),
        ("", None),
        ("bytes=-", None),
        ("bytes=3-1", None),
        ("bytes=0-1,4-5", None),
        ("lines=1-2", None),
        ("bytes=a-b", None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_ranges(header, part):
    assert byte_range(header, 10) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=-0", "bytes=99-100"])
def test_ranges_beyond_the_end(header):
    with pytest.raises(RangeNotSatisfiable):
        byte_range(header, 10)


def test_the_name_in_the_address_is_for_people(victors, address_of):
    address = address_of(b"x").rpartition("/")[0]
    assert fetch(victors, f"{address}/anything.html")[1] == b"x"


def test_a_file_that_the_storage_lost_is_an_error_in_the_log(victors, address_of, caplog):
    address = address_of(b"x")
    storage().delete(Attachment.objects.get().key)
    assert victors.get(address)[0] == 404
    assert "file of an attachment is missing" in caplog.text


def test_a_storage_that_does_not_answer_is_no_reason_to_give_up(victors, address_of, monkeypatch):
    address = address_of(b"x")

    class Away:
        def open(self, key):
            raise ConnectionError("no storage")

    monkeypatch.setattr(downloads, "storage", Away)
    status, problem = victors.get(address)
    assert (status, problem["code"]) == (503, "unavailable")


# -- A real server --------------------------------------------------------------------------
def upload(server: Server, document, content, person="alice", **options):  # type: ignore[no-untyped-def]
    path = f"documents/{document.id}/attachments?name=file"
    return server.api("POST", path, person, content=content, **options)


@pytest.mark.parametrize("is_length_known", [True, False])
def test_a_large_file_goes_in_and_comes_out(server: Server, is_length_known: bool) -> None:
    document = server.new_document()
    content = uuid.uuid4().bytes * (1024 * 1024)  # 16 MiB
    body = content if is_length_known else iter([content[: 2**23], content[2**23 :]])
    made = upload(server, document, body, "bob").raise_for_status().json()
    assert made["size"] == len(content)
    address = made["url"].removeprefix("/api/v1/")
    assert server.api("GET", address, "victor").content == content
    assert server.api("GET", address, "mallory").status_code == 404
    head = server.api("HEAD", address, "victor")
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(content)))
    part = server.api("GET", address, "victor", headers={"Range": "bytes=16-31"})
    assert (part.status_code, part.content) == (206, content[:16])


async def test_who_does_not_read_costs_no_memory(new_server) -> None:  # type: ignore[no-untyped-def]
    """Daphne by itself would take the whole file into memory for each of them."""
    server = new_server(COLLAB_BACKLOG_TIMEOUT_S="2")
    document = server.new_document()
    content = uuid.uuid4().bytes * (1024 * 1024)
    address = upload(server, document, content).raise_for_status().json()["url"]
    bearer = server.people["victor"].bearer["Authorization"]
    request = f"GET {address} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer}\r\n\r\n"
    before = server.memory_bytes
    lazy = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
    try:
        for each in lazy:
            each.sendall(request.encode())
        await until(lambda: len(server.log_lines("download broken off")) == 40, within=30)
        assert server.memory_bytes - before < 4 * len(content)
    finally:
        for each in lazy:
            each.close()
    # And whoever reads is served as ever.
    got = await asyncio.to_thread(server.api, "GET", address.removeprefix("/api/v1/"))
    assert got.content == content
