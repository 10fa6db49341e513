"""Every setting, typed, with its default, unit and meaning: the only reader of the environment.

``Environment`` holds what Django and the deployment need, ``Conf`` our own ``COLLAB_*``
tunables (``settings.COLLAB``). ``docs/settings.md`` is checked against both. A wrong value
stops the start with one line that names the variable. Imports nothing of ours.
"""

import json
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from django.core.exceptions import ImproperlyConfigured
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


def _split(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _networks(entries: list[str]) -> list[str]:
    for entry in entries:
        ip_network(entry)  # raises ValueError
    return entries


def _object(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"must be a JSON object ({error})") from None


CommaList = Annotated[list[str], NoDecode, BeforeValidator(_split)]
JsonObject = Annotated[dict[str, Any], NoDecode, BeforeValidator(_object)]

KiB = 1024
MiB = 1024 * KiB


class _FromEnvironment(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, case_sensitive=False, extra="ignore")

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment. Raises ImproperlyConfigured with one line for the first fault."""
        try:
            return cls()
        except ValidationError as error:
            fault = error.errors()[0]
            name = cls.model_config.get("env_prefix", "") + "_".join(str(p) for p in fault["loc"])
            about = f"{name.upper()}={fault['input']!r}: " if fault["loc"] else ""
            said = fault["msg"].removeprefix("Value error, ")
            raise ImproperlyConfigured(f"{about}{said}") from None


class Environment(_FromEnvironment):
    """What Django itself and the deployment need."""

    debug: bool = Field(False, description="Django's debug mode; never in production.")
    secret_key: str = Field(
        "", description="Signs sessions and socket tokens. Required unless DEBUG is on."
    )
    allowed_hosts: CommaList = Field(
        ["localhost", "127.0.0.1", "[::1]"],
        description="Host names that this service answers to, comma-separated.",
    )
    csrf_trusted_origins: CommaList = Field(
        [],
        description="Further origins (https://host) whose pages may use a log-in cookie here, "
        "over HTTP and WebSocket, comma-separated.",
    )
    database_url: str = Field(
        f"sqlite:///{ROOT / 'var' / 'collab.sqlite3'}",
        description="Where everything is stored: sqlite:///path or postgres://user:password@host/name.",
    )
    redis_url: str = Field(
        "",
        description="Redis that carries live traffic between processes: redis://host:6379/0, "
        "several of them comma-separated (each carries a part of the documents), or "
        "redis+sentinel://host:26379,host:26379/name-of-the-master. "
        "Unset: in-memory, one process only.",
    )
    email_url: str = Field(
        "",
        description="Where mail goes: smtp://user:password@host:587/?tls=True, smtps://… or "
        "consolemail:// for a try-out. Unset: no mail, and nobody can reset a password by it.",
    )
    default_from_email: str = Field("Collab <collab@localhost>", description="Who mail comes from.")
    static_root: str = Field(
        "",
        description="Folder into which `collectstatic` puts files for a proxy that serves them.",
    )
    attachments_dir: Path = Field(
        ROOT / "var" / "attachments",
        description="Folder of uploaded files, the same for all processes of the service.",
    )
    attachments_storage: str = Field(
        "",
        description="Python path of any Django storage that keeps uploaded files instead of a "
        "folder: storages.backends.s3.S3Storage (needs django-storages).",
    )
    attachments_storage_options: JsonObject = Field(
        {},
        description="Its OPTIONS, a JSON object: "
        '{"bucket_name": "collab", "default_acl": "private"}.',
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_format: Literal["text", "json"] = Field(
        "text", description="How log lines look: text for people, json for machines."
    )

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @model_validator(mode="after")
    def _secret_in_production(self) -> Self:
        if not self.debug and not self.secret_key:
            raise ValueError("SECRET_KEY must be set (or DEBUG=1 for a try-out on this machine)")
        return self


class Conf(_FromEnvironment):
    """Our own tunables, ``COLLAB_*`` in the environment, ``settings.COLLAB`` in the code."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="COLLAB_", extra="ignore")

    # What one message, one document, one process may weigh.
    max_message_bytes: int = Field(
        16 * MiB, ge=64 * KiB, description="Bytes of one WebSocket message, in or out; above: 4413."
    )
    max_document_bytes: int = Field(
        64 * MiB, ge=64 * KiB, description="Bytes of a document's encoded state; above: 4413."
    )
    max_content_bytes: int = Field(
        1 * MiB,
        ge=64 * KiB,
        description="Characters of Markdown, HTML or text that a program may send at once; "
        "above: 413.",
    )
    conversion_timeout_s: float = Field(
        30.0,
        gt=0,
        description="Seconds in which a program's content must be converted, or a document for "
        "one; above: 503.",
    )
    max_pending_bytes: int = Field(
        64 * MiB,
        ge=1 * MiB,
        description="Bytes of edits a process keeps for a database that is away; above: 4503.",
    )
    max_incoming_bytes: int = Field(
        512 * MiB,
        ge=1 * MiB,
        description="Bytes of HTTP requests that a process keeps (in TMPDIR, the large ones) until "
        "it has answered them; above: 503.",
    )
    max_depth: int = Field(
        64, ge=8, le=1000, description="Levels of nesting in one value (objects and lists)."
    )
    max_nesting: int = Field(
        1000,
        ge=64,
        le=5000,
        description="Levels of nesting of a document's shared types (blocks in blocks); looked "
        "at when there are enough of them to be dangerous.",
    )
    max_awareness_bytes: int = Field(
        4 * KiB, ge=256, description="Bytes of one client's awareness state (cursor, name)."
    )

    # Uploaded files.
    max_attachment_bytes: int = Field(
        20 * MiB, ge=1 * KiB, description="Bytes of one uploaded file; above: 413."
    )
    max_document_attachments_bytes: int = Field(
        1024 * MiB, ge=1 * KiB, description="Bytes of all files of one document; above: 413."
    )
    max_owner_attachments_bytes: int = Field(
        5 * 1024 * MiB,
        ge=1 * KiB,
        description="Bytes of all files of all documents of one owner; above: 413.",
    )
    max_image_pixels: int = Field(
        100_000_000,
        ge=1,
        description="Width × height of an uploaded picture, which readers' browsers must unpack; "
        "above: 413.",
    )
    attachment_types: CommaList = Field(
        ["*"],
        description="Types of files that are kept, comma-separated and by their content: image/*, "
        "application/pdf, text/plain (all text). Programs never are; others: 415.",
    )
    attachment_grace_days: float = Field(
        7.0,
        ge=0,
        description="Days that an uploaded file stays when nothing in its document refers to it "
        "any more, so that it can be undone.",
    )

    # What one client may ask of a process. 0 switches a limit off.
    max_messages_per_s: float = Field(
        1000,
        ge=0,
        description="WebSocket messages per second of one connection, with bursts of ten seconds' "
        "worth; above: 4529.",
    )
    max_bytes_per_s: float = Field(
        4 * MiB,
        ge=0,
        description="Bytes per second that one connection may send, with bursts of ten seconds' "
        "worth and of four messages at least; above: 4529.",
    )
    max_work_share: float = Field(
        0.25,
        ge=0,
        le=1,
        description="Share of a process's time that one connection may use up for its questions "
        "and edits, with bursts of twenty seconds' worth; above: 4529.",
    )
    max_connections_per_user: int = Field(
        100, ge=0, description="WebSockets of one user in one process; above: 4529."
    )
    max_connections_per_address: int = Field(
        1000, ge=0, description="WebSockets from one network address in one process; above: 4529."
    )
    max_streams_per_user: int = Field(
        20,
        ge=0,
        description="Streams of changes of one user in one process (each holds a thread); "
        "above: 429.",
    )
    max_streams_per_address: int = Field(
        100,
        ge=0,
        description="Streams of changes from one network address in one process; above: 429.",
    )
    max_backlog_bytes: int = Field(
        1 * MiB,
        ge=16 * KiB,
        description="Bytes on their way to one client; one that is further behind gets no more "
        "edits, but one difference when it has caught up.",
    )
    backlog_timeout_s: float = Field(
        60.0, gt=0, description="Seconds in which such a client must have caught up; else: 4508."
    )
    idle_timeout_s: float = Field(
        3600.0, ge=0, description="Seconds without any message of a client; then: 4508."
    )
    api_per_token: int = Field(
        600, ge=0, description="API requests a minute with one token; above: 429."
    )
    api_per_user: int = Field(
        1200, ge=0, description="API requests a minute of one user, all tokens and browsers; 429."
    )
    api_per_address: int = Field(
        600,
        ge=0,
        description="API requests a minute of guests and unknown tokens from one network address; "
        "above: 429.",
    )

    # Where it runs.
    database_pool_size: int = Field(
        8, ge=2, le=100, description="PostgreSQL connections of one process, at most."
    )
    proxies: int = Field(
        0,
        ge=0,
        description="Reverse proxies in front of this process: as many entries at the end of "
        "X-Forwarded-For are believed, and X-Forwarded-Proto.",
    )
    https: bool = Field(
        False, description="Whether people come by https only: cookies are sent over nothing else."
    )
    metrics_allowed: Annotated[CommaList, AfterValidator(_networks)] = Field(
        ["127.0.0.0/8", "::1/128"],
        description="Networks from which /metrics may be read, comma-separated.",
    )
    state_dir: Path = Field(
        ROOT / "var" / "state",
        description="Folder in which a process notes what it is working on, in case that ends it.",
    )
    stall_seconds: float = Field(
        30.0,
        ge=0,
        description="Seconds after which a process whose event loop does not move is ended, so "
        "that its supervisor starts a new one. 0: never.",
    )

    # When things happen.
    sweep_s: float = Field(
        3.0,
        gt=0,
        description="Seconds between two comparisons of all open documents with the database, "
        "which heal what Redis lost.",
    )
    flush_interval_ms: int = Field(
        10,
        ge=0,
        le=1000,
        description="Milliseconds in which further edits of a busy document gather into one frame.",
    )
    commit_interval_ms: int = Field(
        20,
        ge=0,
        le=50,
        description="Milliseconds between the starts of two commits under load; idle is immediate.",
    )
    awareness_interval_ms: int = Field(
        50, ge=0, le=1000, description="Milliseconds between two frames of cursors of a document."
    )
    awareness_timeout_s: float = Field(
        30.0, gt=0, description="Seconds after which a cursor that was not renewed is gone."
    )
    heartbeat_s: float = Field(
        15.0,
        gt=0,
        description="Seconds of silence after which a member gets an empty awareness frame "
        "(y-websocket hangs up after 30 s without a message).",
    )
    room_grace_s: float = Field(
        10.0, ge=0, description="Seconds a document stays in memory after its last member left."
    )
    drain_s: float = Field(
        5.0, ge=0, description="Seconds over which members are sent away when a process stops."
    )
    socket_token_s: int = Field(60, ge=1, description="Seconds a socket token can be used.")

    # Compaction.
    compact_rows: int = Field(
        200,
        ge=1,
        description="Log rows beyond the snapshot that make a document due for compaction.",
    )
    compact_idle_s: float = Field(
        30.0, ge=0, description="Seconds without an edit after which fewer rows are compacted too."
    )
    log_retention_days: float = Field(
        30.0, ge=0, description="Days that rows already in the snapshot stay in the log."
    )
    compact_worker: bool = Field(
        True, description="Whether `serve` starts a compaction worker beside itself."
    )

    # Versions.
    version_pause_s: float = Field(
        600.0,
        ge=1,
        description="Seconds without an edit after which what was written is kept as a version.",
    )
    version_session_s: float = Field(
        1800.0,
        ge=1,
        description="Seconds of editing without such a pause after which it is kept all the same.",
    )
    max_named_versions: int = Field(
        200, ge=1, description="Versions of one document that have a name; above: 409."
    )
    max_restores_per_hour: int = Field(
        30,
        ge=1,
        description="Restores of one document in an hour, each of which keeps what was there "
        "before; above: 429.",
    )
    # Webhooks.
    webhook_worker: bool = Field(
        True, description="Whether `serve` starts a worker for webhooks beside itself."
    )
    webhook_quiet_s: float = Field(
        10.0,
        ge=0,
        description="Seconds without an edit after which webhooks are told that a document "
        "was updated.",
    )
    webhook_at_latest_s: float = Field(
        60.0,
        ge=0,
        description="Seconds after which they are told all the same while people go on writing.",
    )
    webhook_timeout_s: float = Field(
        10.0, gt=0, le=60, description="Seconds in which a webhook's receiver must have answered."
    )
    webhook_insecure: bool = Field(
        False, description="Whether webhooks may go to http:// addresses as well."
    )
    webhook_allowed_networks: Annotated[CommaList, AfterValidator(_networks)] = Field(
        [],
        description="Networks that webhooks may reach although they are not public, "
        "comma-separated.",
    )
    webhook_log_days: float = Field(
        30.0, gt=0, description="Days that deliveries of webhooks stay in their log."
    )
    max_webhooks_per_user: int = Field(50, ge=0, description="Webhooks of one user.")
    max_webhook_queue: int = Field(
        10_000,
        ge=1,
        description="Messages that may wait for one user's webhooks; what happens beyond that "
        "is not told.",
    )
