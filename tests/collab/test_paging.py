"""Every list is read page by page, by following ``next``."""

import pytest

from collab.accounts.models import ApiToken
from documents.models import AccessRequest, Event, Membership, Role, ShareLink, Webhook

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowd(document, alice, bob, carol, mallory):
    """Three of everything that can be listed; of members the owner beside them."""
    Membership.objects.get_or_create(
        document=document, user=mallory, defaults={"role": Role.VIEWER}
    )
    for user in (bob, carol, mallory):
        AccessRequest.objects.create(document=document, user=user, role=Role.EDITOR)
        ShareLink.objects.create(document=document, role=Role.VIEWER)
        url = f"https://{user.username}.example.org"
        Webhook.objects.create(document=document, user=alice, url=url, events=[Event.UPDATED])
        ApiToken.issue(alice.pk, scope="read")


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("documents/{id}/members", 5),
        ("documents/{id}/links", 3),
        ("documents/{id}/access-requests", 3),
        ("documents/{id}/webhooks", 3),
        ("me/webhooks", 3),
        ("me/tokens", 3),
    ],
)
@pytest.mark.usefixtures("crowd")
def test_pages_together_are_the_list(document, alice, browser_of, path, count):
    browser, path = browser_of(alice), path.format(id=document.id)
    whole = browser.get(path)[1]
    assert (len(whole["items"]), whole["next"]) == (count, None)
    read, url = [], f"{path}?limit=1"
    while url:
        status, page = browser.get(url)
        assert status == 200
        read += page["items"]
        url = page["next"] and page["next"].partition("/api/v1/")[2]
    assert read == whole["items"]
    assert browser.get(f"{path}?cursor=x")[0] == 422
