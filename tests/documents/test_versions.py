"""Versions are kept, let go with age, and restored as an edit that everybody sees."""

import asyncio
from datetime import timedelta
from typing import Any

import pycrdt
import pytest
from django.core.management import call_command
from django.utils import timezone

from collab.accounts.principal import principal_of_user
from collab.archive import read_archive, write_archive
from documents import versions
from documents.formats.tree import blocks_of
from documents.models import Document, History, Version
from documents.review import review
from documents.sync import log
from documents.sync.compaction import fingerprint
from documents.sync.replica import Replica, merge
from documents.versions import Kind
from tests.clients import Client, until
from tests.collab.test_archive import poisoned
from tests.documents.writing import history, text_of, write
from tests.servers import Server

NOW = timezone.now()


@pytest.fixture
def document(alice: Any) -> Document:
    """A new document, without a row."""
    return Document.objects.create(owner=alice, title="Plan")


def named(document: Document, user: Any, label: str = "Draft") -> Version:
    return versions.name_present(document.id, label, principal_of_user(user))


# -- Keeping --------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_version_says_what_the_log_said_at_its_row(document, alice, bob):
    for word in ("one", "two", "three"):
        write(document, word, by=alice)
    whole = fingerprint(log.read(document.id, up_to=2).parts)
    versions.keep(document.id, 2, Kind.SESSION, at=NOW)
    write(document, "four", by=bob)
    last = named(document, bob)
    [early, late] = history(document)
    assert fingerprint([versions.state_of(early)]) == whole
    assert (text_of(early), text_of(late)) == ("two\n", "four\n")
    assert late == last
    assert (late.label, late.created_by, late.created_by_name) == ("Draft", bob, "bob")
    assert [each["name"] for each in late.authors] == ["alice", "bob"]
    assert late.size > len(bytes(late.state)) or late.size < 200, "compressed"


@pytest.mark.django_db
def test_numbers_have_no_gaps_and_are_never_given_twice(document, alice):
    write(document, "one", by=alice)
    first, second = named(document, alice), named(document, alice)
    versions.delete(document.id, second.number)
    assert [first.number, second.number, named(document, alice).number] == [1, 2, 3]


@pytest.mark.django_db
def test_what_the_log_can_no_longer_tell_is_refused(document, alice):
    write(document, "one", by=alice)
    write(document, "two", by=alice)
    state = merge(log.read(document.id).parts)
    log.store_snapshot(document.id, replaces=0, seq=2, state=state, keep_rows_since=NOW)
    with pytest.raises(log.Folded):
        versions.keep(document.id, 1, Kind.SESSION, at=NOW)


@pytest.mark.django_db
def test_what_rooms_leave_out_is_in_no_version(alice):
    document = poisoned(alice)
    version = named(document, alice)
    text = Replica.load([versions.state_of(version)]).state().tail
    assert b"kept" in text
    assert b"and this" in text


# -- Letting go -----------------------------------------------------------------------------
@pytest.mark.django_db
def test_authors_of_what_goes_with_age_are_those_of_the_next(document, alice, bob, carol):
    within_one_hour = NOW.replace(minute=30) - timedelta(days=2)
    for number, user in enumerate([alice, bob, alice, carol], start=1):
        write(document, f"text {number}", by=user)
        at = within_one_hour + timedelta(minutes=number)
        versions.keep(document.id, number, Kind.SESSION, at=at)
    versions.rename(document.id, 1, "The first")
    versions.thin(document.id, NOW)
    left = history(document)
    assert [version.number for version in left] == [1, 4]
    assert [each["name"] for each in left[1].authors] == ["bob", "alice", "carol"]


@pytest.mark.django_db
def test_thinning_comes_again_while_something_may_still_go(document, alice):
    write(document, "one", by=alice)
    versions.keep(document.id, 1, Kind.SESSION, at=NOW)
    assert versions.due_for_thinning(timezone.now()) == []
    tomorrow = timezone.now() + timedelta(days=1)
    assert versions.due_for_thinning(tomorrow) == [document.id]
    versions.thin(document.id, tomorrow)
    assert versions.due_for_thinning(tomorrow) == []
    in_a_year = tomorrow + timedelta(days=365)
    versions.thin(document.id, in_a_year)
    assert versions.due_for_thinning(in_a_year + timedelta(days=365)) == []
    write(document, "two", by=alice)
    named(document, alice)
    assert History.objects.get().thin_at is not None


@pytest.mark.django_db
def test_versions_go_with_their_document(document, alice):
    write(document, "one", by=alice)
    named(document, alice)
    document.delete()
    assert not Version.objects.exists()
    assert not History.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_backup_holds_the_history(document, alice, tmp_path):
    write(document, "one", by=alice)
    version = named(document, alice)
    state, path = versions.state_of(version), tmp_path / "today.backup"
    write_archive(path)
    call_command("flush", verbosity=0, interactive=False)
    read_archive(path)
    [restored] = history(document)
    assert (restored.number, restored.label) == (1, "Draft")
    assert versions.state_of(restored) == state
    review(document.id, now=timezone.now() + timedelta(hours=1))
    assert named(document, alice).number == 2


# -- Restoring ------------------------------------------------------------------------------
@pytest.mark.django_db
def test_what_is_about_to_be_overwritten_is_kept_when_it_is_committed(document, alice):
    write(document, "one", by=alice)
    shown = loaded(document)
    typed = shown.get("content", type=pycrdt.XmlFragment).children[0]
    before = shown.get_state()
    typed.children.append(pycrdt.XmlElement("blockContainer"))
    principal = principal_of_user(alice)
    assert versions.keep_committed(document.id, shown.get_update(), principal) is None
    assert history(document) == []
    log.append({document.id: [log.Row(shown.get_update(before))]})
    version = versions.keep_committed(document.id, shown.get_update(), principal)
    assert version is not None
    assert (version.kind, version.seq) == ("before-restore", 2)


@pytest.mark.django_db
def test_what_was_there_before_a_restore_is_kept_once(document, alice):
    write(document, "one", by=alice)
    first = keep_present(document, alice)
    assert keep_present(document, alice) == first
    assert [each.kind for each in history(document)] == [Kind.BEFORE_RESTORE]


@pytest.mark.django_db
def test_a_sessions_version_that_a_restore_relies_on_goes_no_sooner(document, alice):
    write(document, "one", by=alice)
    versions.keep(document.id, 1, Kind.SESSION, at=NOW)
    kept = keep_present(document, alice)
    [only] = history(document)
    assert (only, only.kind) == (kept, Kind.BEFORE_RESTORE)


@pytest.mark.django_db
def test_a_version_with_a_name_is_what_was_there_before_a_restore(document, alice):
    write(document, "one", by=alice)
    agreed = named(document, alice, "Agreed")
    assert keep_present(document, alice) == agreed
    [only] = history(document)
    assert (only.kind, only.label) == (Kind.NAMED, "Agreed")


def keep_present(document: Document, user: Any) -> Version | None:
    state = merge(log.read(document.id).parts)
    return versions.keep_committed(document.id, state, principal_of_user(user))


def loaded(document: Document) -> "pycrdt.Doc[Any]":
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(merge(log.read(document.id).parts))
    return doc


LABEL = {"label": "Agreed"}


def call(server: Server, method: str, path: str, body: Any = None, person: str = "alice") -> Any:
    options = {} if body is None else {"json": body}
    return server.api(method, f"documents/{path}", person, **options)


def put(server: Server, document: Any, markdown: str) -> None:
    path, kind = f"{document.id}/content", {"Content-Type": "text/markdown"}
    server.api(
        "PUT", f"documents/{path}", content=markdown.encode(), headers=kind
    ).raise_for_status()


def blocks(server: Server, document: Any, query: str = "") -> Any:
    path = f"{document.id}/snapshot?format=blocks{query}"
    return call(server, "GET", path).raise_for_status().json()


async def test_a_restore_is_an_edit_that_everybody_sees(server: Server) -> None:
    document = server.new_document()
    lines = [f"Paragraph number {n}.\n\n" for n in range(200)]
    await asyncio.to_thread(put, server, document, "# Plan\n\n" + "".join(lines))
    answer = await asyncio.to_thread(call, server, "POST", f"{document.id}/versions", LABEL)
    version = answer.raise_for_status().json()
    assert answer.status_code == 201
    agreed = await asyncio.to_thread(blocks, server, document)
    async with Client(server, document) as bob:
        lines[100:110] = ["Something else.\n\n"]
        lines[50] = "Paragraph **no.** 50.\n\n"
        await asyncio.to_thread(put, server, document, "".join(lines))
        await until(lambda: "Something else" in str(blocks_of(bob.doc)))
        sizes: list[int] = []
        bob.doc.observe(lambda event: sizes.append(len(event.update)))
        path = f"{document.id}/versions/{version['number']}/restore"
        answer = await asyncio.to_thread(call, server, "POST", path, None, "bob")
        assert answer.status_code == 200, answer.text
        await until(lambda: blocks_of(bob.doc) == agreed)
        assert 0 < sum(sizes) < len(bob.doc.get_update()) / 3

    restored = answer.json()
    assert restored["changed"] is True
    assert answer.headers["ETag"] == f'"{restored["head"]}"'
    assert await asyncio.to_thread(blocks, server, document) == agreed
    assert (
        await asyncio.to_thread(blocks, server, document, f"&version={version['number']}") == agreed
    )
    # What was there before is kept, and nobody's work is lost.
    before = await asyncio.to_thread(blocks, server, document, f"&version={restored['kept']}")
    assert "Something else." in str(before)
    [newest, *_] = (await asyncio.to_thread(call, server, "GET", f"{document.id}/versions")).json()[
        "items"
    ]
    assert (newest["number"], newest["kind"]) == (restored["kept"], "before-restore")
    assert newest["created_by"]["name"] == "bob"
    # There is nothing more to restore.
    again = await asyncio.to_thread(call, server, "POST", path)
    assert (again.json()["changed"], again.json()["kept"]) == (False, None)


async def test_a_restore_is_conditional_done_once_and_not_too_often(new_server: Any) -> None:
    server = new_server(COLLAB_MAX_RESTORES_PER_HOUR="2")
    document = server.new_document()
    await asyncio.to_thread(put, server, document, "first\n")
    await asyncio.to_thread(call, server, "POST", f"{document.id}/versions", LABEL)
    await asyncio.to_thread(put, server, document, "second\n")

    async def restores(**headers: str) -> Any:
        path = f"documents/{document.id}/versions/1/restore"
        return await asyncio.to_thread(server.api, "POST", path, headers=headers)

    stale = await restores(**{"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition-failed")
    keyed = {"If-Match": '"2"', "Idempotency-Key": "a-restore"}
    first, again = await restores(**keyed), await restores(**keyed)
    assert first.json() == {"head": 3, "changed": True, "exact": True, "kept": 2}
    assert (again.json(), again.headers["ETag"]) == (first.json(), '"3"')
    for words in ("third\n", "fourth\n"):
        await asyncio.to_thread(put, server, document, words)
        last = await restores()
    assert (last.status_code, last.headers["Retry-After"]) == (429, "600")
    assert (await restores(**keyed)).json() == first.json()


async def test_what_was_committed_when_somebody_restored_is_kept(server: Server) -> None:
    """However fast others type; and what they typed is taken away by nobody but the restore."""
    document = server.new_document()
    await asyncio.to_thread(put, server, document, "first\n")
    version = await asyncio.to_thread(call, server, "POST", f"{document.id}/versions", LABEL)
    await asyncio.to_thread(put, server, document, "first\n\nsecond\n")
    async with Client(server, document) as bob:
        group = bob.doc.get("content", type=pycrdt.XmlFragment).children[0]
        second = group.children[1].children[0].children[0]
        typed: list[str] = []

        async def keep_typing() -> None:
            while len(group.children) > 1:  # until it is restored
                typed.append(f"word{len(typed)}.")
                second.insert(0, typed[-1])
                await asyncio.sleep(0.002)

        typing = asyncio.create_task(keep_typing())
        await until(lambda: len(typed) > 50)
        committed = str(await asyncio.to_thread(blocks, server, document))
        path = f"{document.id}/versions/{version.json()['number']}/restore"
        answer = await asyncio.to_thread(call, server, "POST", path)
        assert answer.status_code == 200, answer.text
        await typing
    before = str(
        await asyncio.to_thread(blocks, server, document, f"&version={answer.json()['kept']}")
    )
    words = [word for word in typed if word in committed]
    assert len(words) > 10
    assert [word for word in words if word not in before] == []
    assert call(server, "GET", f"{document.id}/snapshot?format=text").text == "first\n"


async def test_what_somebody_wrote_becomes_a_version_by_itself(new_server: Any) -> None:
    server = new_server(COLLAB_COMPACT_WORKER="1", COLLAB_VERSION_PAUSE_S="1")
    document = server.new_document()
    await asyncio.to_thread(put, server, document, "written, and left\n")

    await until(lambda: server.log_lines("version kept", document.id), within=60)
    [version] = call(server, "GET", f"{document.id}/versions").json()["items"]
    assert (version["kind"], version["number"], version["head"]) == ("session", 1, 1)
    assert len(version["authors"]) == 1
