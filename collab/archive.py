"""The whole service in one file, and back: people, access, documents.

A ZIP: ``rows/<model>.jsonl`` with every row of every table but the derived ones, keys kept, so
that links and tokens go on working; ``documents/<id>.yjs`` with each document's state as one
Yjs update, readable without us; ``files/<id>`` with the bytes of each attachment;
``manifest.json`` with a SHA-256 of each. Written beside its
place, read back and compared, and only then put there. Nothing is ever extracted to a path
that the archive names.
"""

import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.apps import apps
from django.core import serializers
from django.core.files.base import File
from django.core.management.color import no_style
from django.core.serializers.base import DeserializationError, DeserializedObject
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import BinaryField, Model
from django.utils import timezone
from pydantic import BaseModel, ValidationError

from collab.errors import InvalidUpdate
from documents.attachments import storage
from documents.models import Attachment, Document
from documents.models.attachment import key_of
from documents.sync import log
from documents.sync.compaction import fingerprint
from documents.sync.replica import ReplicaBroken, merge
from documents.sync.salvage import load_what_can_be

FORMAT = 1

# What belongs to one installation, is derived, or is worth nothing tomorrow.
_LEFT_OUT = {
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
_MANIFEST = "manifest.json"
_LARGEST_MANIFEST_BYTES = 256 * 1024 * 1024
_BLOCK_BYTES = 1 << 20
# What zipfile raises for bytes that were damaged: by place, down to "is encrypted" for one bit.
_DAMAGE = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, RuntimeError, ValueError)
_UNREADABLE = (log.LogDamaged, ReplicaBroken, InvalidUpdate, ValueError, RuntimeError)


class ArchiveError(Exception):
    """The file cannot be written or restored; the text says why, in one line."""


class Manifest(BaseModel):
    """What an archive holds: of each member its hash, of each document a fingerprint."""

    format: int = FORMAT
    made_at: str = ""
    migrations: list[str] = []  # applied to the database that it was made of
    rows: dict[str, int] = {}
    fingerprints: dict[UUID, str] = {}
    left_out: dict[UUID, int] = {}  # updates that break whoever reads them; kept apart
    missing_files: list[UUID] = []  # attachments whose bytes the storage had lost
    hashes: dict[str, str] = {}

    @classmethod
    def decode(cls, data: bytes) -> "Manifest":
        """Raises ArchiveError for what is no manifest of ours."""
        try:
            version = json.loads(data)["format"]
            if version != FORMAT:
                raise ArchiveError(f"the archive has format {version}; this Collab knows {FORMAT}")
            return cls.model_validate_json(data)
        except ValidationError as error:
            fault = error.errors()[0]
            raise ArchiveError(f"the manifest is damaged: {fault['loc']}, {fault['msg']}") from None
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ArchiveError(f"the manifest is damaged: {error!r:.100}") from None


def archived_models() -> list[type[Model]]:
    """Every model whose rows are kept, those that others refer to first."""
    kept = [(config, None) for config in apps.get_app_configs()]
    ordered = serializers.sort_dependencies(kept, allow_cycles=True)
    return [model for model in ordered if model._meta.label_lower not in _LEFT_OUT]


def _rows_member(model: type[Model]) -> str:
    return f"rows/{model._meta.label_lower}.jsonl"


def _document_member(document_id: UUID) -> str:
    return f"documents/{document_id}.yjs"


def _file_member(attachment_id: UUID) -> str:
    return f"files/{attachment_id}"


def _left_out_members(document_id: UUID, count: int) -> list[str]:
    return [f"left-out/{document_id}.{number}.yjs" for number in range(count)]


@contextmanager
def _database_faults_in_one_line() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise ArchiveError(f"the database: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    """PostgreSQL explains itself in several; some errors say nothing but their name."""
    return (str(error).partition("\n")[0] or type(error).__name__)[:200]


def _require_migrated() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise ArchiveError("the database is not up to date: run `manage.py migrate` first")


# -- Writing --------------------------------------------------------------------------------
def write_archive(path: Path, *, overwrite: bool = False) -> Manifest:
    """Write everything, as of one moment, and read it back. Editing goes on meanwhile.

    Raises ArchiveError or OSError; then there is no new file, and an old one is as it was.
    """
    # Readable by its owner only: it holds password hashes and everybody's texts.
    descriptor, name = tempfile.mkstemp(".unfinished", f".{path.name}.", path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file, _database_faults_in_one_line():
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                manifest = _write(archive)
            file.flush()
            os.fsync(file.fileno())
        with _opened(unfinished) as (archive, written), _database_faults_in_one_line():
            _check(archive, written)
            _check_rows(archive, written)
        if path.exists() and not overwrite:
            raise ArchiveError(f"{path} has appeared meanwhile")
        unfinished.replace(path)
        _sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


def _sync_folder(folder: Path) -> None:
    """Until then a power cut may take the new name away."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(archive: zipfile.ZipFile) -> Manifest:
    manifest = Manifest(made_at=timezone.now().isoformat())
    _require_migrated()
    with _one_moment():
        applied = MigrationExecutor(connection).loader.applied_migrations
        manifest.migrations = sorted(".".join(key) for key in applied)
        for model in archived_models():
            _write_rows(archive, model, manifest)
        heads = Document.objects.order_by("id").values_list("id", "head")
        for document_id, head in list(heads):
            _write_document(archive, document_id, head, manifest)
        attachment_ids = list(Attachment.objects.order_by("id").values_list("id", flat=True))
    for attachment_id in attachment_ids:  # they never change: no need to hold the moment
        _write_file(archive, attachment_id, manifest)
    archive.writestr(_MANIFEST, manifest.model_dump_json(indent=1))
    return manifest


@contextmanager
def _one_moment() -> Iterator[None]:
    """A transaction in which nothing changes, and which holds up no writer."""
    if connection.vendor == "sqlite":
        # Ours begin with the write lock, for the journal's sake.
        connection.ensure_connection()  # which sets the mode
        wrapper: Any = connection
        mode, wrapper.transaction_mode = wrapper.transaction_mode, "DEFERRED"
        try:
            with transaction.atomic():
                yield
        finally:
            wrapper.transaction_mode = mode
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


class _Hashing:
    """Writes text into a member of the archive, and its hash along."""

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member
        self.hash = hashlib.sha256()

    def write(self, text: str) -> None:
        data = text.encode()
        self.hash.update(data)
        self._member.write(data)


class _ExactTimes(DjangoJSONEncoder):
    """Django's encoder cuts microseconds off, and with them who came first."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime) else super().default(o)


def _write_rows(archive: zipfile.ZipFile, model: type[Model], manifest: Manifest) -> None:
    name = _rows_member(model)
    rows = model._base_manager.order_by("pk")
    many = [field.name for field in model._meta.many_to_many]
    has_large_rows = any(isinstance(field, BinaryField) for field in model._meta.fields)
    at_once = 5 if has_large_rows else 500
    each: Any = rows.prefetch_related(*many).iterator(chunk_size=at_once)
    # Closed when the disk is full, too: later its cursor would complain of a closed database.
    with closing(each), archive.open(name, "w", force_zip64=True) as member:
        stream = _Hashing(member)
        serializers.serialize(
            "jsonl",
            each,
            stream=stream,
            cls=_ExactTimes,
            use_natural_foreign_keys=_refers_to_what_is_left_out(model),
        )
    manifest.hashes[name] = stream.hash.hexdigest()
    manifest.rows[model._meta.label_lower] = rows.count()


def _refers_to_what_is_left_out(model: type[Model]) -> bool:
    """Permissions have other keys elsewhere. All else goes by key: a name costs a query a row."""
    related = [field.related_model for field in [*model._meta.fields, *model._meta.many_to_many]]
    return any(isinstance(each, type) and each._meta.label_lower in _LEFT_OUT for each in related)


def _write_document(
    archive: zipfile.ZipFile, document_id: UUID, head: int, manifest: Manifest
) -> None:
    try:
        parts, left_out = _readable_parts(document_id, head)
        state = merge(parts)
        manifest.fingerprints[document_id] = fingerprint(parts)
    except _UNREADABLE as error:
        raise ArchiveError(
            f"document {document_id} cannot be read, see `manage.py verify`: {_first_line(error)}"
        ) from error
    _write_bytes(archive, _document_member(document_id), state, manifest)
    if left_out:
        manifest.left_out[document_id] = len(left_out)
        names = _left_out_members(document_id, len(left_out))
        for name, update in zip(names, left_out, strict=True):
            _write_bytes(archive, name, update, manifest)


def _readable_parts(document_id: UUID, head: int) -> tuple[list[bytes], list[bytes]]:
    """A document's snapshot and rows, and those that a room leaves out as well."""
    stored = log.read(document_id)
    if stored.head != head:
        raise log.LogDamaged(f"its head is {head:,}, its last row {stored.head:,}")
    # One hostile update, which a room survives, must not keep everybody's texts from a backup.
    _, left_out = load_what_can_be(stored.parts)
    parts = list(stored.parts)
    for update in left_out:
        parts.remove(update)
    return parts, left_out


def _write_bytes(archive: zipfile.ZipFile, name: str, data: bytes, manifest: Manifest) -> None:
    archive.writestr(name, data)
    manifest.hashes[name] = hashlib.sha256(data).hexdigest()


def _write_file(archive: zipfile.ZipFile, attachment_id: UUID, manifest: Manifest) -> None:
    """As it is: most are compressed already. One that is lost must not stop the backup."""
    try:
        file = storage().open(key_of(attachment_id))
    except FileNotFoundError:
        manifest.missing_files.append(attachment_id)
        return
    member = zipfile.ZipInfo(_file_member(attachment_id))
    digest = hashlib.sha256()
    with file, archive.open(member, "w", force_zip64=True) as target:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            target.write(block)
    manifest.hashes[member.filename] = digest.hexdigest()


# -- Reading --------------------------------------------------------------------------------
@contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise ArchiveError(f"this is no whole archive of Collab: {_first_line(error)}") from error
    with archive:
        if _MANIFEST not in archive.namelist():
            raise ArchiveError("this is no archive of Collab: it has no manifest")
        if archive.getinfo(_MANIFEST).file_size > _LARGEST_MANIFEST_BYTES:
            raise ArchiveError("the manifest is too large to be one of ours")
        yield archive, Manifest.decode(_read(archive, _MANIFEST))


def _blocks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        with archive.open(name) as member:
            while block := member.read(_BLOCK_BYTES):
                yield block
    except _DAMAGE as error:
        raise ArchiveError(f"{name} is damaged: {_first_line(error)}") from error


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    return b"".join(_blocks(archive, name))


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    begun = b""
    for block in _blocks(archive, name):
        *whole, begun = (begun + block).split(b"\n")
        yield from (line.decode() for line in whole)
    if begun:
        yield begun.decode()


def _check(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Raise ArchiveError unless every member is there, whole, and a document decodes as it did."""
    if sorted(archive.namelist()) != sorted([*manifest.hashes, _MANIFEST]):
        raise ArchiveError("the archive does not hold what its manifest says")
    for name, expected in manifest.hashes.items():
        digest = hashlib.sha256()
        for block in _blocks(archive, name):
            digest.update(block)
        if digest.hexdigest() != expected:
            raise ArchiveError(f"{name} is damaged")
    for document_id, expected in manifest.fingerprints.items():
        state = _read(archive, _document_member(document_id))
        try:
            is_same = fingerprint([state]) == expected
        except _UNREADABLE as error:
            raise ArchiveError(
                f"document {document_id} does not decode: {_first_line(error)}"
            ) from error
        if not is_same:
            raise ArchiveError(f"document {document_id} is not what it was")


def _check_rows(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Raise ArchiveError unless every row can be made again. A restore does that by making it."""
    for model in archived_models():
        found = sum(1 for _ in _rows(archive, model, handle_forward_references=True))
        _check_count(model, found, manifest)


def _check_count(model: type[Model], found: int, manifest: Manifest) -> None:
    expected = manifest.rows[model._meta.label_lower]
    if found != expected:
        raise ArchiveError(f"{_rows_member(model)} has {found:,} rows instead of {expected:,}")


def _rows(
    archive: zipfile.ZipFile, model: type[Model], **options: bool
) -> Iterator[DeserializedObject]:
    name = _rows_member(model)
    try:
        for row in serializers.deserialize("jsonl", _lines(archive, name), **options):
            if type(row.object) is not model:
                raise ArchiveError(f"{name} holds something else")
            yield row
    except (DeserializationError, ValueError) as error:
        raise ArchiveError(f"{name} does not fit this version: {_first_line(error)}") from error


def read_archive(path: Path) -> Manifest:
    """Fill an empty, migrated database. All or nothing.

    Raises ArchiveError, with nothing changed, for an archive that is not whole or not ours, or
    a database that holds something already.
    """
    with _opened(path) as (archive, manifest), _database_faults_in_one_line():
        _require_migrated()
        _require_known(manifest)
        with transaction.atomic():
            _require_empty()
            _check(archive, manifest)
            _restore(archive, manifest)
    return manifest


def _require_known(manifest: Manifest) -> None:
    """An archive of a newer Collab may mean other things by the same columns."""
    known = set()
    for key, migration in MigrationExecutor(connection).loader.disk_migrations.items():
        known |= {".".join(each) for each in [key, *migration.replaces]}
    labels = {model._meta.label_lower for model in archived_models()}
    for unknown in sorted({*manifest.migrations} - known | (manifest.rows.keys() - labels)):
        raise ArchiveError(f"this Collab does not know {unknown}: install a newer one")


def _require_empty() -> None:
    for model in archived_models():
        if model._base_manager.exists():
            raise ArchiveError(
                f"the database is not empty ({model._meta.verbose_name_plural}): "
                "restore into a new one, after `manage.py migrate`"
            )


def _restore(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    models = archived_models()
    for model in models:
        if model._meta.label_lower in manifest.rows:  # or it came with a later version
            _restore_rows(archive, model, manifest)
    _restore_documents(archive, manifest)
    _restore_files(archive, manifest)
    with connection.cursor() as cursor:  # the next row must not get a key that is taken
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def _restore_rows(archive: zipfile.ZipFile, model: type[Model], manifest: Manifest) -> None:
    found = 0
    for found, row in enumerate(_rows(archive, model), 1):
        try:
            row.save(force_insert=True)
        except ValueError as error:  # PostgreSQL takes no NUL in a text, SQLite does
            raise ArchiveError(
                f"{_rows_member(model)}, row {found:,}: {_first_line(error)}"
            ) from error
    _check_count(model, found, manifest)


def _restore_documents(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Each state becomes the snapshot of the head that it had: versions and ETags stay true."""
    Document.objects.update(folded=0)
    heads = dict(Document.objects.values_list("id", "head"))
    if heads.keys() != manifest.fingerprints.keys():
        raise ArchiveError("the archive's documents are not those of its rows")
    for document_id, head in heads.items():
        if head:
            state = _read(archive, _document_member(document_id))
            log.store_snapshot(
                document_id, replaces=0, seq=head, state=state, keep_rows_since=timezone.now()
            )
    for document_id, count in manifest.left_out.items():
        for name in _left_out_members(document_id, count):
            log.quarantine(document_id, _read(archive, name), reason="left out of a backup")


def _restore_files(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """If the restore fails after all, nothing refers to them: they are collected as strays."""
    for attachment_id, size in Attachment.objects.values_list("id", "size"):
        name, key = _file_member(attachment_id), key_of(attachment_id)
        if name not in manifest.hashes:
            continue
        try:
            if storage().exists(key):
                if storage().size(key) == size:
                    continue  # the same storage as before
                storage().delete(key)
            with archive.open(name) as member:
                storage().save(key, File(member))
        except OSError as error:
            raise ArchiveError(f"the storage of attachments: {_first_line(error)}") from error


def summary_of(manifest: Manifest) -> dict[str, int]:
    """How much an archive holds, for people."""
    return {
        "documents": len(manifest.fingerprints),
        "people": manifest.rows.get("auth.user", 0),
        "files": sum(name.startswith("files/") for name in manifest.hashes),
        "rows": sum(manifest.rows.values()),
    }
