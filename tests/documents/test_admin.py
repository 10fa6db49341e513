import pytest
from django.contrib.auth.models import User
from django.test import Client

from collab.accounts.models import ApiToken
from documents.models import ShareLink, Webhook

pytestmark = pytest.mark.django_db


def test_operators_see_people_and_documents_but_neither_content_nor_keys(document, alice):
    User.objects.create_superuser("root")
    client = Client()
    client.force_login(
        User.objects.get(username="root"), backend="django.contrib.auth.backends.ModelBackend"
    )
    link = ShareLink.objects.create(document=document)
    token, text = ApiToken.issue(alice.pk, label="backup")
    url = "https://hooks.example/a-secret-path"
    webhook = Webhook.objects.create(user=alice, url=url, host="hooks.example")
    for path, shows in (
        ("documents/document/", "Plan"),
        (f"documents/document/{document.id}/change/", "bob"),
        ("documents/webhook/", "hooks.example"),
        (f"documents/webhook/{webhook.pk}/change/", "hooks.example"),
        ("auth/user/", "alice"),
        (f"auth/user/{alice.pk}/change/", "Avatar"),
        ("accounts/apitoken/", "backup"),
        (f"accounts/apitoken/{token.pk}/change/", "backup"),
    ):
        response = client.get(f"/admin/{path}")
        assert response.status_code == 200
        page = response.content.decode()
        assert shows in page
        assert link.token not in page
        assert text not in page
        assert token.hash not in page
        assert webhook.secret not in page
        assert "a-secret-path" not in page
    assert client.get("/admin/documents/logentry/").status_code == 404
