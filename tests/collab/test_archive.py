"""Backup and restore: everything comes back, onto either database; nothing half."""

import asyncio
import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core import serializers
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db.models import FileField
from django.test import Client as Browser
from django.utils import timezone

from collab.accounts.models import ApiToken, Profile
from collab.accounts.principal import principal_of_user
from collab.archive import archived_models, read_archive, write_archive
from documents.attachments import storage, store
from documents.creation import create_document
from documents.lifecycle import trash
from documents.models import Document, LogEntry, Membership, Quarantine, Role, ShareLink
from documents.sync import log
from documents.sync.compaction import compact, fingerprint, verify
from tests.clients import Client, text_of
from tests.documents.sync.updates import client, deletes, joined, text, text_after, update
from tests.servers import NewDocument, Server, all_servers, environment, manage

Change = Callable[[str, bytes], bytes]


async def write_into(server: Server, *documents: NewDocument) -> None:
    """Text with deletions, half of it compacted."""
    for number, document in enumerate(documents):
        async with Client(server, document, ack="count") as bob:
            bob.types(f"document {number}: to be deleted, kept")
            start = str(bob.text).index("to be")
            del bob.text[start : start + len("to be deleted, ")]
            await bob.all_saved()
            if number % 2:
                await asyncio.to_thread(server.manage, "compact", document.id)
            bob.types(", and more")
            await bob.all_saved()


def head_of(server: Server, document: NewDocument) -> int:
    head: int = server.api("GET", f"documents/{document.id}").json()["head"]
    return head


def migrated(directory: Path, backend: str) -> dict[str, str]:
    """The environment of an empty service."""
    if backend == "sqlite":
        url = f"sqlite:///{directory / 'restored.sqlite3'}"
    else:
        url = all_servers().postgres().create(f"restored-{directory.name}")
    env = environment(
        url,
        COLLAB_STATE_DIR=str(directory / "restored-state"),
        ATTACHMENTS_DIR=str(directory / "restored-attachments"),
    )
    manage(env, "migrate", "--verbosity", "0")
    return env


@pytest.mark.parametrize(
    ("source", "target"),
    [("sqlite", "sqlite"), ("sqlite", "postgres"), ("postgres", "sqlite")],
)
async def test_everything_comes_back(
    new_server: Any, tmp_path: Path, source: str, target: str
) -> None:
    server = new_server(backend=source)
    documents = [server.new_document() for _ in range(3)]
    await write_into(server, *documents)
    file = tmp_path / "collab.backup"
    said = server.manage("backup", str(file))
    assert "read back and compared" in said
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(AssertionError, match="exists; --force overwrites it"):
        server.manage("backup", str(file))
    server.manage("backup", str(file), "--force")
    before = {document.id: text_of(server.snapshot(document)) for document in documents}
    heads = {
        each.id: server.api("GET", f"documents/{each.id}").json()["head"] for each in documents
    }

    env = migrated(tmp_path, target)
    assert "5 people" in manage(env, "restore", str(file))
    assert "hold together" in manage(env, "verify")
    server.stop()
    server.environment = {**env, "COLLAB_DRAIN_S": "0"}
    server.start()
    for document in documents:
        assert text_of(server.snapshot(document)) == before[document.id]  # with the same token
        assert head_of(server, document) == heads[document.id]
        async with Client(server, document, ack="count") as bob:  # by the same link
            bob.types("!")
            await bob.all_saved()
    assert server.api("GET", f"documents/{documents[0].id}", "mallory").status_code == 404
    made = server.api("POST", "documents", json={"title": "New"})
    assert made.status_code == 201
    server.manage("createuser", "newcomer")
    with pytest.raises(AssertionError, match="the database is not empty"):
        server.manage("restore", str(file))
    assert "hold together" in server.manage("verify")


async def test_editing_goes_on_during_a_backup(new_server: Any, tmp_path: Path) -> None:
    server = new_server()
    document = server.new_document()
    file = tmp_path / "collab.backup"
    typed = 0
    async with Client(server, document, ack="count") as bob:
        backup = asyncio.create_task(asyncio.to_thread(server.manage, "backup", str(file)))
        while not backup.done():
            bob.types("x")
            typed += 1
            await bob.all_saved(within=5)
        await backup
    with zipfile.ZipFile(file) as archive:
        kept = text_of(archive.read(f"documents/{document.id}.yjs"))
    assert typed > 10
    assert kept == "x" * len(kept), "as of one moment"
    assert len(kept) < typed
    env = migrated(tmp_path, "sqlite")
    manage(env, "restore", str(file))
    assert "hold together" in manage(env, "verify")


# -- In this process: the service is emptied and filled again ---------------------------------
@pytest.fixture
def service(transactional_db: None) -> None:
    """People who log in and whose programs do; documents in every condition."""
    alice = User.objects.create_user("alice", "alice@example.org", "a long pass phrase")
    bob = User.objects.create_user("bob", last_login=timezone.now())
    Profile.objects.create(user=alice, name="Alice \u2028 Liddell \U0001f467")
    admins = Group.objects.create(name="admins")
    admins.permissions.add(*Permission.objects.filter(content_type__app_label="documents"))
    bob.groups.add(admins)
    bob.user_permissions.add(Permission.objects.get(codename="view_user"))
    ApiToken.objects.create(user=bob, hash=ApiToken.hashed("collab_secret"))

    plan = create_document(alice, "Plan")
    Membership.objects.create(document=plan, user=bob, role=Role.EDITOR)
    ShareLink.objects.create(document=plan, token="the-link", created_by=bob)
    write(plan, update(client(1, 0, text("to be deleted, kept"))))
    write(plan, update(deletes=deletes(1, (0, 15))))
    compact(plan.id, now=timezone.now(), retention=timedelta(days=1))
    write(plan, update(client(1, 19, text_after(1, 18, " and more"))))

    waiting = create_document(alice, "Depends on what never came")
    write(waiting, update(client(2, 5, text_after(2, 4, "later"))))
    trash(create_document(bob, "In the trash"))
    Document.objects.create(owner=bob, title="Never opened")


def write(document: Document, change: bytes) -> None:
    log.append({document.id: [log.Row(change)]})


POISON = update(client(9, 0, joined(b"\x04", 0, 1, 0, b"\x01x")))  # a text in a text


def poisoned(owner: User) -> Document:
    """A document with an update that no Doc can take: rooms leave it out."""
    document = create_document(owner, "Poisoned")
    for change in (client(1, 0, text("kept ")), client(3, 0, text("and this"))):
        write(document, update(change))
    write(document, POISON)
    return document


def every_row() -> dict[str, list[Any]]:
    """All that is archived, as it is in memory; but where the log of a document begins."""
    rows = {}
    for model in archived_models():
        every = model._base_manager.order_by("pk")
        rows[model._meta.label] = serializers.serialize(
            "python", every, use_natural_foreign_keys=True
        )
    for row in rows["documents.Document"]:
        del row["fields"]["folded"], row["fields"]["size"]
    for row in [*rows["auth.User"], *rows["auth.Group"]]:
        for name in row["fields"].keys() & {"permissions", "user_permissions"}:
            row["fields"][name].sort()
    return rows


def every_text() -> dict[Any, str]:
    return {
        each: fingerprint(log.read(each).parts)
        for each in Document.objects.exclude(head=0).values_list("id", flat=True)
    }


def empty_the_service() -> None:
    call_command("flush", interactive=False, verbosity=0)


@pytest.mark.usefixtures("service")
def test_people_access_and_texts_are_what_they_were(tmp_path: Path) -> None:
    rows, texts = every_row(), every_text()
    write_archive(tmp_path / "a")
    empty_the_service()
    read_archive(tmp_path / "a")
    assert every_row() == rows
    assert every_text() == texts
    assert not any(verify(each) for each in Document.objects.values_list("id", flat=True))
    assert Browser().login(username="alice", password="a long pass phrase")
    assert ApiToken.find("collab_secret") is not None
    assert User.objects.get(username="bob").has_perm("documents.view_document")
    assert ShareLink.objects.get(token="the-link").opens

    rows = every_row()  # she has logged in
    write_archive(tmp_path / "again")
    empty_the_service()
    read_archive(tmp_path / "again")
    assert (every_row(), every_text()) == (rows, texts)


@pytest.mark.usefixtures("service")
def test_files_come_back_into_whichever_storage(
    tmp_path: Path, attachments_dir: Path, capsys: Any
) -> None:
    document = Document.objects.earliest("created_at")
    alice = principal_of_user(User.objects.get(username="alice"))
    made = [store(document, ContentFile(b"%d" % n), f"{n}.txt", alice) for n in range(4)]
    kept, gone, broken, lost = (each.key for each in made)
    storage().delete(lost)
    call_command("backup", tmp_path / "a")
    said = capsys.readouterr()
    assert "3 files" in said.out
    assert f"attachment {made[3].id}: the storage has lost its file" in said.err
    rows = every_row()
    empty_the_service()
    storage().delete(gone)
    (attachments_dir / broken).write_bytes(b"")
    read_archive(tmp_path / "a")
    assert every_row() == rows
    assert [storage().open(key).read() for key in (kept, gone, broken)] == [b"0", b"1", b"2"]
    assert not storage().exists(lost)


@pytest.mark.usefixtures("service")
def test_what_a_room_leaves_out_does_not_stop_a_backup(tmp_path: Path, capsys: Any) -> None:
    document = poisoned(User.objects.get(username="alice"))
    call_command("backup", tmp_path / "a")
    assert f"document {document.id}: 1 updates" in capsys.readouterr().err
    empty_the_service()
    read_archive(tmp_path / "a")
    assert verify(document.id) == []
    (state,) = log.read(document.id).parts
    assert sorted(text_of(state).split()) == ["and", "kept", "this"]
    assert [bytes(each.update) for each in Quarantine.objects.all()] == [POISON]


@pytest.mark.usefixtures("service")
def test_what_ended_a_process_is_refused_after_a_restore_too(tmp_path: Path) -> None:
    document = Document.objects.earliest("created_at")
    log.quarantine(document.id, b"fatal", reason="stalled", ended_process=True)
    write_archive(tmp_path / "a")
    empty_the_service()
    read_archive(tmp_path / "a")
    assert log.fatal_updates(document.id) == [b"fatal"]


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("fault", ["a row in the middle", "the last row", "a row of other bytes"])
def test_a_backup_that_would_lack_something_is_none(tmp_path: Path, fault: str) -> None:
    file = tmp_path / "a"
    write_archive(file)
    before = file.read_bytes()
    document = poisoned(User.objects.get(username="alice"))
    lost = {"a row in the middle": 2, "the last row": document.head + 3}.get(fault, 0)
    LogEntry.objects.filter(document=document, seq=lost).delete()
    if not lost:
        LogEntry.objects.filter(document=document, seq=2).update(update=b"\xff\xff")
    with pytest.raises(CommandError, match=f"no backup was made: document {document.id} cannot"):
        call_command("backup", file, force=True)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


# -- Bad archives ---------------------------------------------------------------------------
@pytest.fixture
def backup(service: None, tmp_path: Path) -> Path:
    """An archive of a service that is empty by now."""
    file = tmp_path / "collab.backup"
    write_archive(file)
    empty_the_service()
    return file


def rewritten(file: Path, change: Change) -> Path:
    """The archive again, each member changed by ``change(name, data)``."""
    changed = file.with_suffix(f".{change.__name__}")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, "w") as new:
        for info in old.infolist():
            new.writestr(info.filename, change(info.filename, old.read(info)))
    return changed


def forged(file: Path, change: Change) -> Path:
    """Likewise, and the manifest tells the new hashes."""
    hashes: dict[str, str] = {}

    def change_and_hash(name: str, data: bytes) -> bytes:
        if name == "manifest.json":  # the last member
            return json.dumps({**json.loads(data), "hashes": hashes}).encode()
        changed = change(name, data)
        hashes[name] = hashlib.sha256(changed).hexdigest()
        return changed

    change_and_hash.__name__ = change.__name__
    return rewritten(file, change_and_hash)


def refusal(path: Path) -> str:
    """Why this archive is not restored: one line, and nothing was changed."""
    with pytest.raises(CommandError) as refused:
        call_command("restore", path)
    assert not any(model._base_manager.exists() for model in archived_models())
    said = str(refused.value)
    assert said.startswith("nothing was restored: ")
    assert len(said.splitlines()) == 1
    return said


def in_manifest(**values: Any) -> Change:
    def other_manifest(name: str, data: bytes) -> bytes:
        return json.dumps({**json.loads(data), **values}).encode() if "manifest" in name else data

    return other_manifest


def test_what_is_not_a_whole_archive_changes_nothing(backup: Path, tmp_path: Path) -> None:
    def damaged(name: str, data: bytes) -> bytes:
        return data + b"\n" if name.startswith("rows/auth.user") else data

    truncated = tmp_path / "truncated"
    truncated.write_bytes(backup.read_bytes()[:-100])
    foreign = tmp_path / "foreign"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("../../etc/passwd", "x")
    words = tmp_path / "words"
    words.write_text("hello")
    assert "rows/auth.user.jsonl is damaged" in refusal(rewritten(backup, damaged))
    assert "no whole archive" in refusal(truncated)
    assert "no archive of Collab" in refusal(foreign)
    assert "no whole archive" in refusal(words)
    assert "no whole archive" in refusal(tmp_path / "nowhere")


def test_an_archive_of_a_newer_collab_is_refused(backup: Path) -> None:
    assert "format 2" in refusal(rewritten(backup, in_manifest(format=2)))
    later = in_manifest(migrations=["documents.0001_initial", "documents.9999_later"])
    assert "does not know documents.9999_later" in refusal(rewritten(backup, later))
    assert "does not know documents.poll" in refusal(
        rewritten(backup, in_manifest(rows={"documents.poll": 1}))
    )
    assert "manifest is damaged" in refusal(rewritten(backup, in_manifest(rows=["?"])))


def test_any_damaged_byte_is_told_in_one_line(backup: Path, tmp_path: Path) -> None:
    whole, chance, refused = backup.read_bytes(), random.Random(1), 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            call_command("restore", tmp_path / "damaged")
        except CommandError as error:
            said = str(error)
            refused += 1
            assert len(said.splitlines()) == 1, said
        else:  # a date, or an attribute, of one of the ZIP's members
            empty_the_service()
    assert refused > 100


def test_rows_that_contradict_one_another_are_refused(backup: Path) -> None:
    def without_alice(name: str, data: bytes) -> bytes:
        return b"".join(data.splitlines(True)[1:]) if name == "rows/auth.user.jsonl" else data

    def nameless(name: str, data: bytes) -> bytes:
        return data.replace(b'"Plan"', b"null") if name.startswith("rows/") else data

    def owned_by_nobody(name: str, data: bytes) -> bytes:
        return data.replace(b'"owner": 1', b'"owner": 77') if name.startswith("rows/") else data

    def another_text(name: str, data: bytes) -> bytes:
        return b"\x00\x00" if name.startswith("documents/") else data

    def nonsense(name: str, data: bytes) -> bytes:
        return b"\xff\xff" if name.startswith("documents/") else data

    def another_table(name: str, data: bytes) -> bytes:
        return data.replace(b'"auth.user"', b'"auth.group"') if "auth.user" in name else data

    assert "rows instead of" in refusal(forged(backup, without_alice))
    assert "the database: " in refusal(forged(backup, nameless))
    assert "the database: " in refusal(forged(backup, owned_by_nobody))
    assert "is not what it was" in refusal(forged(backup, another_text))
    assert "does not decode" in refusal(forged(backup, nonsense))
    assert "auth.user.jsonl" in refusal(forged(backup, another_table))


@pytest.mark.usefixtures("service")
def test_a_database_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    write_archive(tmp_path / "a")
    before = every_row()
    with pytest.raises(CommandError, match="the database is not empty"):
        call_command("restore", tmp_path / "a")
    assert every_row() == before


def test_a_database_without_tables_is_told_to_migrate(tmp_path: Path, backup: Path) -> None:
    env = environment(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    for command, file in [("restore", backup), ("backup", tmp_path / "none")]:
        with pytest.raises(AssertionError, match="is not up to date: run `manage"):
            manage(env, command, str(file))


# -- For those who come later -----------------------------------------------------------------
def test_every_table_is_either_kept_or_left_out_on_purpose() -> None:
    kept = {model._meta.label_lower for model in archived_models()}
    left_out = {
        model._meta.label_lower for model in apps.get_models() if model._meta.managed
    } - kept
    assert left_out == {
        "account.emailconfirmation",
        "admin.logentry",
        "auth.permission",
        "contenttypes.contenttype",
        "documents.accesschange",
        "documents.delivery",
        "documents.logentry",
        "documents.searchtext",
        "documents.snapshot",
        "sessions.session",
    }
    assert {"auth.user", "accounts.apitoken", "documents.sharelink"} <= kept


def test_no_table_names_files_which_the_archive_would_lack() -> None:
    fields = [field for model in archived_models() for field in model._meta.get_fields()]
    assert not [field for field in fields if isinstance(field, FileField)], "write files/… as well"


def test_an_archive_can_be_read_without_us(backup: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(backup.read_bytes())) as archive:
        texts = [
            text_of(archive.read(name))
            for name in archive.namelist()
            if name.startswith("documents/")
        ]
        rows = archive.read("rows/auth.user.jsonl").decode().splitlines()
    assert any("kept and more" in each for each in texts)
    assert [json.loads(row)["fields"]["username"] for row in rows] == ["alice", "bob"]
