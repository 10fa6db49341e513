"""Who is asking: a person, a program of a person, or a guest with a link.

A principal says who somebody is and what they presented, never what they may do:
``documents.access.role_of`` alone judges that. Socket tokens and share links presented as
``?token=`` belong to documents (``documents.tokens``); everything else is recognised here.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user, get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.core import signing
from django.http import HttpRequest, parse_cookie

from collab.accounts.models import ApiToken
from collab.errors import NotAuthenticated

GUEST_COOKIE = "collab_guest"
GUEST_COOKIE_AGE_S = 365 * 24 * 3600

_STAMP_LENGTH = 16

_LINK_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Principal:
    """``user_id`` is None for guests. ``role_limit`` is a ``documents.models.Role`` value."""

    user_id: int | None = None
    name: str = ""
    colour: str = ""
    avatar: str = ""
    guest_id: str = ""  # stable for one browser; empty for users
    link_tokens: frozenset[str] = field(default_factory=frozenset)
    # An API token with scope "read": what its user may read, and no request that changes anything.
    may_only_read: bool = False
    document_id: UUID | None = None  # a socket token opens this document alone
    role_limit: int | None = None  # … and grants at most this role
    is_authenticated: bool = False  # some valid credential was presented
    # What it was recognised by, so that a socket ends with it:
    session_key: str = ""
    api_token_id: int | None = None
    program: str = ""  # the API token's label
    password_stamp: str = ""  # changes with the user's password

    @property
    def is_guest(self) -> bool:
        return self.user_id is None


def principal_of_user(
    user: User,
    *,
    link_tokens: frozenset[str] = frozenset(),
    may_only_read: bool = False,
    session_key: str = "",
    api_token_id: int | None = None,
    program: str = "",
) -> Principal:
    """A person under the name and colour of their profile."""
    profile = getattr(user, "profile", None)  # made on demand: an account may have none yet
    return Principal(
        user_id=user.pk,
        name=(profile.name if profile else "") or user.get_full_name() or user.get_username(),
        colour=profile.colour if profile else "",
        avatar=profile.avatar if profile else "",
        link_tokens=link_tokens,
        may_only_read=may_only_read,
        is_authenticated=True,
        session_key=session_key,
        api_token_id=api_token_id,
        program=program,
        # A program's token outlives a change of the password.
        password_stamp="" if api_token_id is not None else password_stamp(user),
    )


def password_stamp(user: User) -> str:
    """Something that changes with the user's password and says nothing about it."""
    return user.get_session_auth_hash()[:_STAMP_LENGTH]


def principal_of_request(request: HttpRequest) -> Principal:
    """Who sent an HTTP request: API token, else session, else guest; and the link they follow.

    Raises NotAuthenticated for an API token that is not ours or has expired.
    """
    links = _presented(request.GET.get("link", ""))
    if (text := bearer_of(request.headers.get("Authorization", ""))) is not None:
        return _principal_of_api_token(text, links)
    if isinstance(user := request.user, AbstractBaseUser) and user.is_active:
        key = request.session.session_key or ""
        return principal_of_user(user, link_tokens=links, session_key=key)
    return _guest(request.COOKIES, links)


def principal_of_socket(headers: Headers, query: Mapping[str, str]) -> Principal:
    """Who opened a WebSocket, from its ASGI headers and query. Reads the database right here.

    Raises NotAuthenticated for an API token that is not ours or has expired.
    """
    named = {name.lower(): value.decode("latin-1") for name, value in headers}
    links = _presented(query.get("link", ""))
    if (text := bearer_of(named.get(b"authorization", ""))) is not None:
        return _principal_of_api_token(text, links)
    cookies = parse_cookie(named.get(b"cookie", ""))
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    if (user := user_of_session(key)) is not None:
        return principal_of_user(user, link_tokens=links, session_key=key)
    return _guest(cookies, links)


def bearer_of(authorization: str) -> str | None:
    """The text after "Bearer " in an Authorization header; None for any other header."""
    scheme, _, text = authorization.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


def is_link_token(text: str) -> bool:
    """Whether this can be a share link's token at all, and so may be asked of the database."""
    return _LINK_TOKEN.fullmatch(text) is not None


def asking(request: HttpRequest) -> Principal:
    """Whom the API's authentication (``collab.api``) found behind this request."""
    principal: Principal = request.auth  # type: ignore[attr-defined]
    return principal


def guest_id_of(cookies: Mapping[str, str]) -> str | None:
    """The guest whose browser this is, if its cookie is one that we signed."""
    signer = signing.get_cookie_signer(salt=GUEST_COOKIE)
    try:
        return signer.unsign(cookies.get(GUEST_COOKIE, ""), max_age=GUEST_COOKIE_AGE_S)
    except signing.BadSignature:
        return None


def guest_cookie(guest_id: str) -> str:
    """The signed value of a guest's cookie."""
    return signing.get_cookie_signer(salt=GUEST_COOKIE).sign(guest_id)


def _guest(cookies: Mapping[str, str], links: frozenset[str]) -> Principal:
    return Principal(guest_id=guest_id_of(cookies) or secrets.token_urlsafe(12), link_tokens=links)


def _presented(link: str) -> frozenset[str]:
    return frozenset([link]) if is_link_token(link) else frozenset()


def _principal_of_api_token(text: str, links: frozenset[str]) -> Principal:
    token = ApiToken.find(text)
    if token is None:
        raise NotAuthenticated("this API token is unknown or has expired")
    return principal_of_user(
        token.user,
        link_tokens=links,
        may_only_read=token.scope == ApiToken.Scope.READ,
        api_token_id=token.pk,
        program=token.label,
    )


def user_of_session(session_key: str) -> User | None:
    """The user logged in with this session, by Django's own rules (see ``get_user``)."""
    # PostgreSQL does not take NUL in a text, and would fail the connection for it.
    if not session_key or not session_key.isprintable():
        return None
    # A request of which only the session matters: its password hash is verified there.
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    if SESSION_KEY not in request.session:
        return None
    user = get_user(request)
    if isinstance(user, AnonymousUser) or not user.is_active:
        return None
    assert isinstance(user, get_user_model())
    return user
