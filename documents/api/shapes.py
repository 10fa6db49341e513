"""Shapes that several resources share: a person, a role, a line of text, a moment."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from django.contrib.auth.models import User
from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, StringConstraints
from pydantic.config import JsonDict

from collab.accounts.principal import principal_of_user
from documents.models import Role
from presence.identity import identity_of

# NUL is refused: PostgreSQL cannot store it.
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time that there is in UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]

# What all examples of the API are about: one document, and whose it is.
PLAN_ID = "6f1f3f3e-8c1d-4b52-9a55-0d2c7a1e4b90"
ANNA: JsonDict = {"id": "user:7", "name": "Anna", "color": "#2f7d4f"}
AUTHOR: JsonDict = {"id": "user:7", "name": "Anna"}


class RoleKey(StrEnum):
    """Roles in the API."""

    VIEWER = "viewer"
    COMMENTER = "commenter"
    EDITOR = "editor"
    OWNER = "owner"

    @classmethod
    def of(cls, role: int) -> Self:
        return cls(Role(role).key)

    @property
    def role(self) -> Role:
        return Role.from_key(self.value)


class Person(Schema):
    """``id`` and ``color`` are those of the person's carets."""

    model_config = ConfigDict(json_schema_extra={"examples": [ANNA]})
    id: str
    name: str
    color: str

    @classmethod
    def of(cls, user: User) -> Self:
        identity = identity_of(principal_of_user(user))
        return cls(id=identity.id, name=identity.name, color=identity.colour)
