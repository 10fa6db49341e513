"""/me: who the API takes you for."""

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Router, Schema

from collab.accounts.principal import asking
from collab.errors import NotAuthenticated
from presence.identity import identity_of

router = Router(tags=["me"])


class Me(Schema):
    id: str
    username: str
    name: str
    color: str
    email: str


@router.get("/me", response=Me)
def me(request: HttpRequest) -> Me:
    """The person whose token or session this is."""
    principal = asking(request)
    if principal.user_id is None:
        raise NotAuthenticated("log in, or send an API token")
    user, identity = User.objects.get(pk=principal.user_id), identity_of(principal)
    return Me(
        id=identity.id,
        username=user.get_username(),
        name=identity.name,
        color=identity.colour,
        email=user.email,
    )
