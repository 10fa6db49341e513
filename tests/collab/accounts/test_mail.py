"""A forgotten password: by mail where there is mail, and never by the log."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

DUMMY = "django.core.mail.backends.dummy.EmailBackend"


@pytest.mark.django_db
def test_without_mail_nobody_is_told_that_one_was_sent(settings: Any) -> None:
    settings.EMAIL_BACKEND = DUMMY
    assert b"Forgot your password" not in Client().get("/accounts/login/").content
    assert b"sends no mail" in Client().get("/accounts/password/reset/").content


@pytest.mark.django_db
def test_with_mail_a_link_is_sent_to_whom_we_know_and_to_nobody_else(alice: Any) -> None:
    assert b"Forgot your password" in Client().get("/accounts/login/").content
    for address in (alice.email, "stranger@example.org"):
        answer = Client().post("/accounts/password/reset/", {"email": address})
        assert answer.status_code == 302
    (sent,) = mail.outbox
    assert sent.to == [alice.email]
    assert "/accounts/password/reset/key/" in sent.body
