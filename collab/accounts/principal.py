"""Who is asking: a person, a program of a person, or a guest with a link.

A principal says who somebody is and what they presented, never what they may do:
``documents.access.role_of`` alone judges that.
"""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Principal:
    """``user_id`` is None for guests. ``role_limit`` is a ``documents.models.Role`` value."""

    user_id: int | None = None
    name: str = ""
    colour: str = ""
    avatar: str = ""
    guest_id: str = ""  # stable for one browser; empty for users
    link_tokens: frozenset[str] = field(default_factory=frozenset)
    may_only_read: bool = False  # an API token with scope "read"
    document_id: UUID | None = None  # a socket token opens this document alone
    role_limit: int | None = None  # … and grants at most this role
    is_authenticated: bool = False  # some valid credential was presented

    @property
    def is_guest(self) -> bool:
        return self.user_id is None
