"""Idempotency-Key: a write that is sent again is answered again, and not done again.

A write is noted, as the update that it makes, before it is done. If nobody lives to answer,
the same request finds that note and sends the very same update: Yjs knows it or takes it, so
it happens once, whatever died and however many ask at once.
Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from collab.errors import CollabError, ProtocolError
from documents.models import KeyedWrite

_KEPT = timedelta(hours=24)
_LONGEST_KEY = 255


class KeyReused(CollabError):
    """The same Idempotency-Key with another request: one of the two would be lost."""

    status, code = 422, "idempotency-key-reused"


@dataclass(frozen=True, slots=True)
class Key:
    """One asker's key for one request."""

    asker: str
    text: str
    fingerprint: str

    @classmethod
    def of(cls, asker: str, text: str, *request: bytes) -> "Key":
        """``request``: whatever makes it this request. Raises ProtocolError for no good key."""
        if not 0 < len(text) <= _LONGEST_KEY or not text.isprintable():
            raise ProtocolError(f"an Idempotency-Key has 1 to {_LONGEST_KEY} printable characters")
        parts = b"".join(hashlib.sha256(part).digest() for part in request)
        return cls(asker, text, hashlib.sha256(parts).hexdigest())


def find(key: Key) -> KeyedWrite | None:
    """The write that this key stands for. Raises KeyReused for another request's key."""
    noted = KeyedWrite.objects.filter(
        asker=key.asker, key=key.text, created_at__gt=timezone.now() - _KEPT
    ).first()
    if noted is not None and noted.fingerprint != key.fingerprint:
        raise KeyReused("this Idempotency-Key was used for another request")
    return noted


def note(key: Key, update: bytes = b"", answer: Any = None) -> KeyedWrite:
    """Note what is about to be done; returns what was noted first, if somebody else was faster."""
    KeyedWrite.objects.filter(created_at__lte=timezone.now() - _KEPT).delete()
    try:
        with transaction.atomic():
            return KeyedWrite.objects.create(
                asker=key.asker,
                key=key.text,
                fingerprint=key.fingerprint,
                update=update,
                answer=answer,
            )
    except IntegrityError:
        noted = find(key)
        if noted is None:
            raise
        return noted


def new_document_id(key: Key) -> UUID:
    """The id of the document that this key makes: the same, however often it is asked for."""
    noted = find(key) or note(key, answer=str(uuid4()))
    return UUID(noted.answer)


def answered(key: Key, answer: Any) -> None:
    """It is done: this is what everybody gets who sends it again."""
    KeyedWrite.objects.filter(asker=key.asker, key=key.text).update(answer=answer)
