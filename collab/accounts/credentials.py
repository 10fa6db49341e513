"""Whether what somebody was recognised by still holds. Sockets outlive the log-in they began with.

A session ends by logging out, with a new password or by its age; an API token when it is
deleted or expires; either with its user, who may be deactivated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from collab.accounts.models import ApiToken
from collab.accounts.principal import Principal, password_stamp, user_of_session


@dataclass(frozen=True, slots=True)
class Credential:
    """``expires_at`` is None for what does not end by itself."""

    is_valid: bool
    expires_at: datetime | None = None


_ENDED = Credential(is_valid=False)
_FOR_EVER = Credential(is_valid=True)


def credentials_of(principals: Sequence[Principal], now: datetime) -> list[Credential]:
    """What each principal was recognised by, as it stands now. Guests have nothing that ends."""
    user_ids = {each.user_id for each in principals if each.user_id is not None}
    if not user_ids:
        return [_FOR_EVER] * len(principals)
    users = {user.pk: user for user in User.objects.filter(id__in=user_ids, is_active=True)}
    token_ids = {each.api_token_id for each in principals if each.api_token_id is not None}
    tokens = {token.pk: token for token in ApiToken.objects.filter(id__in=token_ids)}
    keys = {each.session_key for each in principals if each.session_key}
    stored = Session.objects.filter(session_key__in=keys)
    sessions = dict(stored.values_list("session_key", "expire_date"))
    return [_credential_of(each, users, tokens, sessions, now) for each in principals]


def _credential_of(
    principal: Principal,
    users: dict[int, User],
    tokens: dict[int, ApiToken],
    sessions: dict[str, datetime],
    now: datetime,
) -> Credential:
    if principal.user_id is None:
        return _FOR_EVER
    user = users.get(principal.user_id)
    if user is None:
        return _ENDED
    if principal.api_token_id is not None:
        return _credential_of_token(tokens.get(principal.api_token_id), now)
    if not _is_logged_in(principal, user):
        return _ENDED
    return Credential(True, sessions.get(principal.session_key))


def _credential_of_token(token: ApiToken | None, now: datetime) -> Credential:
    if token is None or (token.expires_at is not None and token.expires_at <= now):
        return _ENDED
    return Credential(True, token.expires_at)


def _is_logged_in(principal: Principal, user: User) -> bool:
    if principal.password_stamp and principal.password_stamp != password_stamp(user):
        return False
    return not principal.session_key or user_of_session(principal.session_key) is not None
