"""Every setting, typed, with its default, unit and meaning: the only reader of the environment.

``Environment`` holds what Django and the deployment need, ``Conf`` our own ``COLLAB_*``
tunables (``settings.COLLAB``). ``docs/settings.md`` is checked against both. A wrong value
stops the start with one line that names the variable. Imports nothing of ours.
"""

from pathlib import Path
from typing import Annotated, Self

from django.core.exceptions import ImproperlyConfigured
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent

CommaList = Annotated[list[str], NoDecode]

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
            raise ImproperlyConfigured(f"{about}{fault['msg']}") from None


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
        description="Redis that carries live traffic between processes. Unset: in-memory, "
        "one process only.",
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("allowed_hosts", "csrf_trusted_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

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
    max_pending_bytes: int = Field(
        64 * MiB,
        ge=1 * MiB,
        description="Bytes of edits a process keeps for a database that is away; above: 4503.",
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

    # When things happen.
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
