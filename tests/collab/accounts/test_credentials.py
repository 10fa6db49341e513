"""What somebody was recognised by ends: log-in, password, token, account."""

from datetime import datetime, timedelta
from importlib import import_module

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from collab.accounts.credentials import Credential, credentials_of
from collab.accounts.models import ApiToken
from collab.accounts.principal import Principal, principal_of_socket


def holds(principal: Principal, now: datetime | None = None) -> bool:
    (credential,) = credentials_of([principal], now or timezone.now())
    return credential.is_valid


@pytest.fixture
def logged_in(bob: User) -> Principal:
    browser = Client()
    browser.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    cookie = f"sessionid={browser.cookies['sessionid'].value}"
    return principal_of_socket([(b"cookie", cookie.encode())], {})


def of_token(bob: User, days: int | None = None) -> Principal:
    _, text = ApiToken.issue(bob.pk, days=days)
    return principal_of_socket([(b"authorization", f"Bearer {text}".encode())], {})


def test_a_log_in_ends_with_its_session(logged_in: Principal) -> None:
    assert holds(logged_in)
    import_module(settings.SESSION_ENGINE).SessionStore(logged_in.session_key).delete()
    assert not holds(logged_in)


def test_a_log_in_ends_with_the_password(bob: User, logged_in: Principal) -> None:
    bob.set_password("another one altogether")
    bob.save()
    assert not holds(logged_in)


def test_a_programs_token_outlives_the_password_and_ends_when_it_is_deleted(bob: User) -> None:
    program = of_token(bob)
    bob.set_password("another one altogether")
    bob.save()
    assert holds(program)
    ApiToken.objects.all().delete()
    assert not holds(program)


def test_a_token_ends_when_it_expires_and_says_when(bob: User) -> None:
    program = of_token(bob, days=1)
    now = timezone.now()
    (credential,) = credentials_of([program], now)
    assert credential.is_valid
    assert credential.expires_at is not None
    assert now < credential.expires_at <= now + timedelta(days=1, minutes=1)
    assert not holds(program, now + timedelta(days=2))


def test_everything_ends_with_the_account(bob: User, logged_in: Principal) -> None:
    program = of_token(bob)
    bob.is_active = False
    bob.save()
    assert not holds(logged_in)
    assert not holds(program)


def test_a_guest_has_nothing_that_ends(db: None) -> None:
    assert credentials_of([Principal(guest_id="g")], timezone.now()) == [Credential(True)]
