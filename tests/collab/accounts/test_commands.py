import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from collab.accounts.models import ApiToken

pytestmark = pytest.mark.django_db


def run(*args):
    out = io.StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def test_createuser_asks_nothing():
    run("createuser", "dora", "--email", "dora@Example.org", "--password", "s3cret")
    dora = User.objects.get(username="dora")
    assert dora.check_password("s3cret")
    assert (dora.email, dora.is_staff) == ("dora@example.org", False)


def test_createuser_makes_up_a_password_and_shows_it_once():
    password = run("createuser", "dora", "--staff").strip().rpartition(" ")[2]
    dora = User.objects.get(username="dora")
    assert dora.check_password(password)
    assert dora.is_staff


def test_createuser_twice_is_one_clear_line():
    run("createuser", "dora", "--password", "x")
    with pytest.raises(CommandError, match="'dora' exists already"):
        run("createuser", "dora", "--password", "y")
    assert User.objects.get(username="dora").check_password("x")


def test_createuser_refuses_what_is_no_user_name():
    with pytest.raises(CommandError, match="do ra"):
        run("createuser", "do ra")


def test_issue_token_prints_the_token_and_nothing_else(alice):
    text = run("issue_token", "alice", "--scope", "read", "--days", "3", "--label", "backup")
    assert text.count("\n") == 1
    token = ApiToken.find(text.strip())
    assert (token.user, token.scope, token.label) == (alice, "read", "backup")
    assert token.expires_at is not None
    assert text.strip() not in token.hash


@pytest.mark.parametrize(
    "args", [["nobody"], ["alice", "--days", "0"], ["alice", "--label", "x" * 101]]
)
def test_issue_token_refuses_in_one_line(alice, args):
    with pytest.raises(CommandError):
        run("issue_token", *args)
    assert not ApiToken.objects.exists()
