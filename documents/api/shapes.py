"""Shapes that several resources share: a person, a role, a line of text."""

from enum import StrEnum
from typing import Annotated, Self

from django.contrib.auth.models import User
from ninja import Schema
from pydantic import StringConstraints

from collab.accounts.principal import principal_of_user
from documents.models import Role
from presence.identity import identity_of

# NUL is refused: PostgreSQL cannot store it.
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]


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

    id: str
    name: str
    color: str

    @classmethod
    def of(cls, user: User) -> Self:
        identity = identity_of(principal_of_user(user))
        return cls(id=identity.id, name=identity.name, color=identity.colour)
