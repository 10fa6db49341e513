import io
import re
import stat

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from collab.management.commands.demo import WELCOME_ID
from documents.models import Document, Role, ShareLink

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo(tmp_path):
    def demo():
        out = io.StringIO()
        call_command(
            "demo", "--port", "8123", "--password-file", str(tmp_path / "password"), stdout=out
        )
        return out.getvalue()

    return demo


def test_the_demo_is_made_once_and_shown_at_every_start(demo):
    first = demo()
    assert demo() == first
    assert Document.objects.count() == User.objects.count() == ShareLink.objects.count() == 1
    assert "http://127.0.0.1:8123/d/" in first


def test_the_printed_link_edits_without_a_log_in(demo):
    token = re.search(r"\?link=(\S+)", demo()).group(1)
    link = ShareLink.objects.get(token=token)
    assert (link.document_id, link.role) == (WELCOME_ID, Role.EDITOR)


def test_the_printed_password_logs_in_and_is_only_for_the_operator(demo, tmp_path):
    password = demo().strip().rpartition(" ")[2]
    assert Client().login(username="demo", password=password)
    assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600


def test_what_was_deleted_or_changed_stays_so(demo):
    demo()
    Document.objects.all().delete()
    user = User.objects.get(username="demo")
    user.set_password("mine now")
    user.save()
    text = demo()
    assert "/d/" not in text
    assert "the one you gave it" in text
    assert not Document.objects.exists()
