"""A request's body is bounded, whatever its sender says of it."""

import socket
import time

from tests.clients import until
from tests.servers import Server

BLOCK = bytes(64 * 1024)


def begin(server: Server, document_id: str, *headers: str) -> socket.socket:
    bearer = server.people["alice"].bearer["Authorization"]
    lines = [
        f"POST /api/v1/documents/{document_id}/attachments?name=x HTTP/1.1",
        "Host: localhost",
        f"Authorization: {bearer}",
        *headers,
    ]
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return connection


def answer_of(connection: socket.socket) -> bytes:
    said = b""
    while not said.endswith(b"}"):
        more = connection.recv(65536)
        if not more:
            break
        said += more
    return said


def test_a_length_beyond_the_limit_is_refused_before_anything_is_sent(server: Server) -> None:
    document = server.new_document()
    with begin(
        server, document.id, f"Content-Length: {10**12}", "Expect: 100-continue"
    ) as connection:
        said = answer_of(connection)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in said
    assert b'"too-large"' in said
    assert b"100 Continue" not in said


def test_a_body_without_end_is_cut_off(new_server) -> None:  # type: ignore[no-untyped-def]
    server = new_server(COLLAB_MAX_ATTACHMENT_BYTES="1048576", COLLAB_MAX_MESSAGE_BYTES="1048576")
    document = server.new_document()
    before = server.memory_bytes
    with begin(server, document.id, "Transfer-Encoding: chunked") as connection:
        sent, deadline = 0, time.monotonic() + 20
        is_cut_off = False
        while not is_cut_off and time.monotonic() < deadline:
            try:
                connection.sendall(b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK))
                sent += len(BLOCK)
            except OSError:
                is_cut_off = True
        assert is_cut_off
    assert server.memory_bytes - before < 16 * 1024 * 1024
    listed = server.api("GET", f"documents/{document.id}/attachments")
    assert listed.json()["items"] == []


def test_the_answer_reaches_who_is_still_sending(new_server) -> None:  # type: ignore[no-untyped-def]
    server = new_server(COLLAB_MAX_ATTACHMENT_BYTES="1048576", COLLAB_MAX_MESSAGE_BYTES="1048576")
    document = server.new_document()
    with begin(server, document.id, f"Content-Length: {4 * 2**20}") as connection:
        for _ in range(4 * 2**20 // len(BLOCK)):
            connection.sendall(BLOCK)
        assert answer_of(connection).startswith(b"HTTP/1.1 413 ")


def test_requests_on_one_connection_are_answered_one_after_the_other(server: Server) -> None:
    document = server.new_document()
    with begin(server, document.id, "Content-Length: 3") as connection:
        connection.sendall(b"abc")
        assert answer_of(connection).startswith(b"HTTP/1.1 201 ")
        connection.sendall(b"GET /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer_of(connection).startswith(b"HTTP/1.1 404 ")


def test_forms_are_for_django_to_read(server: Server) -> None:
    """Twisted would read them all on the event loop, and answer this one by itself."""
    document = server.new_document()
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    path = f"documents/{document.id}/attachments"
    answer = server.api("POST", path, content=b"no form at all", headers=form)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_all_bodies_together_are_bounded(new_server) -> None:  # type: ignore[no-untyped-def]
    server = new_server(COLLAB_MAX_INCOMING_BYTES="2097152")
    document = server.new_document()
    path = f"documents/{document.id}/attachments?name=x"

    def upload() -> int:
        return server.api("POST", path, content=BLOCK * 16).status_code

    halves = [begin(server, document.id, f"Content-Length: {2**20}") for _ in range(3)]
    try:
        for each in halves:
            each.sendall(BLOCK * 15)
        await until(lambda: upload() == 503, within=20)
        assert server.api("GET", "me").status_code == 200
        assert server.api("POST", path, content=BLOCK).status_code == 201
    finally:
        for each in halves:
            each.close()
    await until(lambda: upload() == 201)
    # Answered is forgotten: as much may come again and again.
    assert [upload() for _ in range(5)] == [201] * 5


def test_head_answers_like_get_without_the_body(server: Server) -> None:
    wish = {"title": "long", "content": "word " * 40_000, "format": "text"}
    made = server.api("POST", "documents", json=wish).raise_for_status().json()
    path = f"documents/{made['id']}/snapshot?format=text"
    bearer = server.people["alice"].bearer["Authorization"]
    head = ["Host: localhost", f"Authorization: {bearer}", "Connection: close"]
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        request = "\r\n".join([f"HEAD /api/v1/{path} HTTP/1.1", *head, "", ""])
        connection.sendall(request.encode())
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    whole = server.api("GET", path)
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.endswith(b"\r\n\r\n")
    assert f"\r\nContent-Length: {len(whole.content)}\r\n".encode() in said
    assert f"\r\nETag: {whole.headers['ETag']}\r\n".encode() in said
