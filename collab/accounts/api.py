"""/me: who the API takes you for, and the tokens of your programs."""

from datetime import datetime
from typing import Annotated, Literal, Self

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from collab.accounts.models import ApiToken
from collab.accounts.principal import asking
from collab.errors import NoAccess, NotAuthenticated, NotFound
from collab.paging import MOST, Cursor, Limit, page_of
from presence.identity import identity_of

router = Router(tags=["me"])

Label = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
]


_TOKEN: JsonDict = {
    "id": 12,
    "label": "Deploy bot",
    "scope": "write",
    "created_at": "2026-11-20T09:00:00Z",
    "expires_at": "2027-02-18T09:00:00Z",
}


class Me(Schema):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "user:7",
                    "username": "anna",
                    "name": "Anna",
                    "color": "#2f7d4f",
                    "email": "anna@example.org",
                }
            ]
        }
    )
    id: str
    username: str
    name: str
    color: str
    email: str


class TokenOut(Schema):
    """``id`` is what the token's edits appear under: ``token:<id>``."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TOKEN]})
    id: int
    label: str
    scope: ApiToken.Scope
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, token: ApiToken) -> Self:
        return cls(
            id=token.pk,
            label=token.label,
            scope=ApiToken.Scope(token.scope),
            created_at=token.created_at,
            expires_at=token.expires_at,
        )


class TokenList(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_TOKEN], "next": None}]})
    items: list[TokenOut]
    next: str | None


class NewToken(Schema):
    """``label`` is the name under which the program appears to others."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"label": "Deploy bot", "scope": "write", "days": 90}]},
    )
    label: Label = ""
    scope: Literal["read", "write"] = "write"
    days: Annotated[int, Field(ge=1, le=3650)] | None = None


class IssuedToken(TokenOut):
    """``token`` is shown this once: only its hash is kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_TOKEN, "token": "collab_Wm0o8yqQ1v6sZk4cXwhT2rJ5nB9dLpE3uVgAiKfRtYs"}]
        }
    )
    token: str


@router.get("/me", response=Me)
def me(request: HttpRequest) -> Me:
    """The person whose token or session this is."""
    user, identity = _user(request), identity_of(asking(request))
    return Me(
        id=identity.id,
        username=user.get_username(),
        name=identity.name,
        color=identity.colour,
        email=user.email,
    )


@router.get("/me/tokens", response=TokenList)
def list_tokens(request: HttpRequest, cursor: Cursor = "", limit: Limit = MOST) -> TokenList:
    """The tokens of your programs, without their texts."""
    found = ApiToken.objects.filter(user=_user(request))
    tokens, next_url = page_of(request, found, "id", cursor=cursor, limit=limit)
    return TokenList(items=[TokenOut.of(token) for token in tokens], next=next_url)


@router.post("/me/tokens", response={201: IssuedToken})
def issue_token(request: HttpRequest, body: NewToken) -> Status[IssuedToken]:
    """A new token; its text is in this answer and nowhere else."""
    user = _manager(request)
    token, text = ApiToken.issue(user.pk, scope=body.scope, days=body.days, label=body.label)
    return Status(201, IssuedToken(token=text, **TokenOut.of(token).dict()))


@router.delete("/me/tokens/{int:token_id}", response={204: None})
def revoke_token(request: HttpRequest, token_id: int) -> Status[None]:
    """End a token, and whatever sockets it has opened."""
    deleted, _ = ApiToken.objects.filter(user=_manager(request), pk=token_id).delete()
    if not deleted:
        raise NotFound("no such token")
    return Status(204, None)


def _user(request: HttpRequest) -> User:
    principal = asking(request)
    if principal.user_id is None:
        raise NotAuthenticated("log in, or send an API token")
    return User.objects.get(pk=principal.user_id)


def _manager(request: HttpRequest) -> User:
    """A stolen token must not be able to make itself another one."""
    token_id = asking(request).api_token_id
    if token_id is not None and not ApiToken.objects.filter(pk=token_id, scope="admin").exists():
        raise NoAccess("tokens are made in the browser, or with a token of scope admin")
    return _user(request)
