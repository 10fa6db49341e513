"""A write that is sent again with its Idempotency-Key happens once, whatever died in between."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.servers import NewDocument, Server


def key() -> str:
    return str(uuid4())


LINE = {"operations": [{"op": "append", "content": "once"}]}


def write(
    server: Server,
    document: NewDocument,
    body: Any,
    key: str,
    person: str = "alice",
    **headers: str,
) -> httpx.Response:
    path = f"documents/{document.id}/content"
    headers = {"Idempotency-Key": key, **headers}
    return server.api("PATCH", path, person, json=body, headers=headers)


def text(server: Server, document: NewDocument) -> str:
    return server.api("GET", f"documents/{document.id}/snapshot?format=text").text


def test_the_same_request_is_answered_the_same_and_done_once(server: Server) -> None:
    document = server.new_document()
    mine = key()
    first, again = (write(server, document, LINE, mine) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()
    assert text(server, document).count("once") == 1


def test_the_same_etag_is_answered_again(server: Server) -> None:
    document, mine = server.new_document(), key()
    path = f"documents/{document.id}/content"
    headers = {"Idempotency-Key": mine, "Content-Type": "text/plain"}
    first, again = (
        server.api("PUT", path, content=b"once", headers=headers).headers["ETag"] for _ in range(2)
    )
    assert first == again


def test_another_key_or_another_person_is_another_request(server: Server) -> None:
    document = server.new_document()
    mine = key()
    for each, person in [(mine, "alice"), (key(), "alice"), (mine, "bob")]:
        assert write(server, document, LINE, each, person).status_code == 200
    assert text(server, document).count("once") == 3


def write_as_guest(
    server: Server, document: NewDocument, link: str, key: str, **cookies: str
) -> None:
    answer = httpx.patch(
        f"{server.url}/api/v1/documents/{document.id}/content",
        params={"link": link} if link else {},
        json=LINE,
        headers={"Idempotency-Key": key},
        cookies=cookies,
        timeout=30,
    )
    assert answer.status_code == 200, answer.text


def test_a_guest_is_known_again_by_the_link(server: Server) -> None:
    document, mine = server.new_document(), key()
    other = server.api("POST", f"documents/{document.id}/links", json={"role": "editor"}).json()
    for _ in range(2):
        write_as_guest(server, document, document.editor_link, mine)
    assert text(server, document).count("once") == 1
    for _ in range(2):
        write_as_guest(server, document, other["token"], mine)
    assert text(server, document).count("once") == 2


def test_guests_of_one_link_are_told_apart_by_their_cookies(server: Server) -> None:
    document, mine = server.new_document(), key()
    code = "from collab.accounts.principal import guest_cookie as c; print(c('g1'), c('g2'))"
    for cookie in server.run_script(code).split() * 2:
        write_as_guest(server, document, document.editor_link, mine, collab_guest=cookie)
    assert text(server, document).count("once") == 2


def test_where_everybody_may_write_a_guest_is_known_again_by_the_address(server: Server) -> None:
    document, mine = server.new_document(), key()
    public = {"general_role": "editor"}
    server.api("PATCH", f"documents/{document.id}", json=public).raise_for_status()
    for each in (mine, mine, key()):
        write_as_guest(server, document, "", each)
    assert text(server, document).count("once") == 2


def test_a_key_that_was_used_for_something_else_is_refused(server: Server) -> None:
    document, other = server.new_document(), server.new_document()
    mine = key()
    assert write(server, document, LINE, mine).status_code == 200
    for refused in (
        write(server, other, LINE, mine),
        write(server, document, {"operations": [{"op": "append", "content": "2"}]}, mine),
    ):
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")
    assert "once" not in text(server, other)


@pytest.mark.parametrize("text", ["", "x" * 256, "tab\there"])
def test_a_key_must_be_one(server: Server, text: str) -> None:
    assert write(server, server.new_document(), LINE, text).status_code == 400


def test_many_at_once_are_one(server: Server) -> None:
    document, mine = server.new_document(), key()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: write(server, document, LINE, mine), range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert text(server, document).count("once") == 1


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "append", "content": "once"},
        {"op": "replace_text", "find": "one ", "replace": ""},  # of which there are three
    ],
)
def test_who_was_never_answered_asks_again(server: Server, operation: Any) -> None:
    """As if the process had been killed between the commit and its answer."""
    document = server.new_document()
    write(server, document, {"operations": [{"op": "append", "content": "one one one "}]}, key())
    body, mine = {"operations": [operation]}, key()
    assert write(server, document, body, mine).status_code == 200
    once = text(server, document)
    server.run_script(
        "from documents.models import KeyedWrite;"
        f"KeyedWrite.objects.filter(key='{mine}').update(answer=None)"
    )
    assert write(server, document, body, mine).status_code == 200
    assert text(server, document) == once


def test_what_was_noted_and_never_done_is_done_by_who_asks_again(server: Server) -> None:
    """As if the process had been killed before the edit reached anybody."""
    document, mine = server.new_document(), key()
    assert write(server, document, LINE, mine).status_code == 200
    server.run_script(
        "from documents.models import Document, KeyedWrite, LogEntry;"
        f"LogEntry.objects.filter(document_id='{document.id}').delete();"
        f"Document.objects.filter(id='{document.id}').update(head=0);"
        f"KeyedWrite.objects.filter(key='{mine}').update(answer=None)"
    )
    server.restart()  # nobody remembers it
    assert "once" not in text(server, document)
    assert write(server, document, LINE, mine).status_code == 200
    assert text(server, document).count("once") == 1


@pytest.fixture
def conditional(server: Server) -> dict[str, Any]:
    """A keyed write that was made on a condition, and whose answer nobody got."""
    document, mine = server.new_document(), key()
    begun = write(server, document, {"operations": [{"op": "append", "content": "one one"}]}, key())
    request = {
        "server": server,
        "document": document,
        "body": {"operations": [{"op": "replace_text", "find": "one ", "replace": ""}]},
        "key": mine,
        "If-Match": begun.headers["ETag"],
    }
    assert write(**request).status_code == 200
    server.run_script(
        "from documents.models import KeyedWrite;"
        f"KeyedWrite.objects.filter(key='{mine}').update(answer=None)"
    )
    return request


def test_a_condition_is_not_asked_again_of_what_is_done(
    server: Server, conditional: dict[str, Any]
) -> None:
    document = conditional["document"]
    write(server, document, LINE, key())
    assert write(**conditional).status_code == 200
    said = text(server, document)
    assert (said.count("one"), said.count("once")) == (1, 1)


@pytest.mark.parametrize("is_met", [True, False])
def test_a_condition_holds_for_what_was_noted_and_never_done(
    server: Server, conditional: dict[str, Any], is_met: bool
) -> None:
    document = conditional["document"]
    head = int(conditional["If-Match"].strip('"'))
    server.run_script(
        "from documents.models import Document, LogEntry;"
        f"LogEntry.objects.filter(document_id='{document.id}', seq__gt={head}).delete();"
        f"Document.objects.filter(id='{document.id}').update(head={head})"
    )
    server.restart()  # nobody remembers it
    if not is_met:
        write(server, document, LINE, key())
    for _ in range(2):
        assert write(**conditional).status_code == (200 if is_met else 412)
    assert text(server, document).count("one") == (1 if is_met else 2)


def test_another_condition_makes_another_request(
    server: Server, conditional: dict[str, Any]
) -> None:
    answer = write(**{**conditional, "If-Match": '"999"'})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


def test_one_document_is_made_however_often_it_is_asked_for(server: Server) -> None:
    headers = {"Idempotency-Key": key()}

    def create(title: str, person: str = "alice") -> httpx.Response:
        return server.api("POST", "documents", person, json={"title": title}, headers=headers)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: create("Plan"), range(4)))
    assert [answer.status_code for answer in made] == [201] * 4
    assert len({answer.json()["id"] for answer in made}) == 1
    assert create("Other").status_code == 422
    assert create("Plan", "bob").json()["id"] != made[0].json()["id"]
