import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import connection

from collab.conf import Conf
from documents.api import webhooks
from documents.models import Delivery, Role, ShareLink, Webhook
from documents.sharing import revoke
from tests.servers import Server

pytestmark = pytest.mark.django_db

URL = "https://8.8.8.8/hook?key=secret"
WISH = {"url": URL, "events": ["document.updated", "document.updated", "document.shared"]}
MINE = "me/webhooks"


@pytest.fixture
def of_document(document):
    return f"documents/{document.id}/webhooks"


def create(caller, path, **changes):
    status, made = caller.post(path, {**WISH, **changes})
    assert status == 201, made
    return made


@pytest.mark.parametrize("name", ["alice", "victor"])
@pytest.mark.parametrize("place", ["mine", "of_document"])
def test_a_webhook_is_made_looked_at_changed_and_removed(
    request, document, of_document, browser_of, *, name, place
):
    browser = browser_of(request.getfixturevalue(name))
    path = MINE if place == "mine" else of_document
    made = create(browser, path)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made["events"] == ["document.updated", "document.shared"]
    assert (made["url"], made["enabled"], made["by"]["name"]) == (URL, True, name)
    assert made["document"] == (None if place == "mine" else str(document.id))
    # The secret is shown once.
    assert browser.get(f"{path}/{made['id']}") == (200, made)
    assert browser.get(path) == (200, {"items": [made], "next": None})

    status, changed = browser.patch(f"{path}/{made['id']}", {"events": ["document.deleted"]})
    assert (status, changed["events"], changed["url"]) == (200, ["document.deleted"], URL)
    assert browser.patch(f"{path}/{made['id']}", {"enabled": False})[1]["enabled"] is False
    assert browser.delete(f"{path}/{made['id']}")[0] == 204
    assert browser.get(f"{path}/{made['id']}")[0] == 404
    assert browser.delete(f"{path}/{made['id']}")[0] == 404


def test_switching_on_again_forgets_why_it_was_off(alice, browser_of):
    browser = browser_of(alice)
    path = f"{MINE}/{create(browser, MINE)['id']}"
    Webhook.objects.update(
        is_enabled=False, disabled_reason="gone", failing_since="2026-01-01T00:00Z"
    )
    assert browser.get(path)[1]["disabled_reason"] == "gone"
    _, changed = browser.patch(path, {"enabled": True})
    assert (changed["enabled"], changed["disabled_reason"], changed["failing_since"]) == (
        True,
        "",
        None,
    )


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"url": "http://8.8.8.8/"}, 422, "url-not-allowed"),
        ({"url": "https://127.0.0.1/"}, 422, "url-not-allowed"),
        ({"url": "https://0x7f000001/"}, 422, "url-not-allowed"),
        ({"url": "https://[::ffff:169.254.169.254]/"}, 422, "url-not-allowed"),
        ({"url": "https://user:pass@8.8.8.8/"}, 422, "url-not-allowed"),
        ({"url": "file:///etc/passwd"}, 422, "invalid"),
        ({"url": "nonsense"}, 422, "invalid"),
        ({"url": None}, 422, "invalid"),
        ({"events": []}, 422, "invalid"),
        ({"events": ["document.commented"]}, 422, "invalid"),  # when there are comments
        ({"events": ["test"]}, 422, "invalid"),
        ({"secret": "mine"}, 422, "invalid"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(alice, browser_of, wish, status, code):
    answer = browser_of(alice).post(MINE, {**WISH, **wish})
    assert (answer[0], answer[1]["code"]) == (status, code)
    webhook = create(browser_of(alice), MINE)
    if "secret" not in wish and wish != {"url": None}:
        assert browser_of(alice).patch(f"{MINE}/{webhook['id']}", wish)[0] == status


@pytest.mark.many_writers
@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_make_no_more_than_there_may_be(
    alice, browser_of, settings, monkeypatch
):
    settings.COLLAB = settings.COLLAB.model_copy(update={"max_webhooks_per_user": 1})
    both_were_counted, each_once = Barrier(2), webhooks._each_once

    def together(events):
        with suppress(BrokenBarrierError):
            both_were_counted.wait(timeout=0.5)
        return each_once(events)

    monkeypatch.setattr(webhooks, "_each_once", together)
    browsers = [browser_of(alice), browser_of(alice)]

    def make(browser):
        try:
            return browser.post(MINE, WISH)[0]
        finally:
            connection.close()

    with ThreadPoolExecutor() as threads:
        assert sorted(threads.map(make, browsers)) == [201, 409]


def test_all_ports_of_a_host_are_one_host(alice, browser_of):
    browser = browser_of(alice)
    for port in (443, 8443):
        create(browser, MINE, url=f"https://8.8.8.8:{port}/")
    assert set(Webhook.objects.values_list("host", flat=True)) == {"8.8.8.8"}


def test_a_webhook_is_its_creators_alone(document, of_document, browser_of, *, alice, bob, mallory):
    theirs = create(browser_of(bob), of_document)
    everywhere = create(browser_of(bob), MINE)
    for path in (
        f"{of_document}/{theirs['id']}",
        f"{MINE}/{theirs['id']}",
        f"{MINE}/{everywhere['id']}",
    ):
        for other in (browser_of(alice), browser_of(mallory)):
            for status, _ in (
                other.get(path),
                other.patch(path, {"enabled": False}),
                other.get(f"{path}/deliveries"),
                other.post(f"{path}/test"),
                other.post(f"{path}/deliveries/{theirs['id']}/redeliver"),
            ):
                assert status == 404
        assert browser_of(mallory).delete(path)[0] == 404
    assert browser_of(bob).get(MINE)[1]["items"][0]["id"] == theirs["id"]
    assert browser_of(bob).get(f"{of_document}/{everywhere['id']}")[0] == 404
    assert Webhook.objects.filter(is_enabled=True).count() == 2


def test_the_owner_sees_which_hosts_learn_of_a_document_and_removes_them(
    of_document, alice, bob, carol, browser_of
):
    theirs = create(browser_of(bob), of_document)
    create(browser_of(carol), MINE)  # tells of her documents, and that is her own affair
    _, seen = browser_of(alice).get(of_document)
    assert [(each["by"]["name"], each["url"]) for each in seen["items"]] == [
        ("bob", "https://8.8.8.8/…")
    ]
    assert browser_of(carol).get(of_document)[1]["items"] == []
    assert browser_of(carol).delete(f"{of_document}/{theirs['id']}")[0] == 404
    assert browser_of(alice).delete(f"{of_document}/{theirs['id']}")[0] == 204


def test_it_needs_an_account_and_a_role_of_ones_own(
    document, of_document, browser_of, program_of, *, bob, mallory
):
    link = ShareLink.objects.create(document=document, role=Role.EDITOR)
    for caller, path, status in [
        (browser_of(None), of_document, 404),
        (browser_of(None), f"{of_document}?link={link.token}", 401),
        (browser_of(None), MINE, 401),
        (browser_of(mallory), of_document, 404),
        (browser_of(mallory), f"{of_document}?link={link.token}", 403),
        (program_of(bob, scope="read"), of_document, 403),
    ]:
        assert caller.post(path, WISH)[0] == status, path
    assert not Webhook.objects.exists()
    made = create(program_of(bob), of_document)
    revoke(document, bob.pk)
    assert browser_of(bob).get(f"{of_document}/{made['id']}")[0] == 404
    assert browser_of(bob).delete(f"{MINE}/{made['id']}")[0] == 204


def test_nobody_has_more_than_so_many(alice, bob, browser_of, settings):
    settings.COLLAB = Conf(max_webhooks_per_user=2)
    for _ in range(2):
        create(browser_of(alice), MINE)
    status, problem = browser_of(alice).post(MINE, WISH)
    assert (status, problem["code"]) == (409, "too-many-webhooks")
    create(browser_of(bob), MINE)


def test_the_log_of_deliveries_is_paged_and_anything_in_it_sent_again(alice, browser_of):
    browser = browser_of(alice)
    path = f"{MINE}/{create(browser, MINE)['id']}"
    webhook = Webhook.objects.get()
    for number in range(5):
        Delivery.objects.create(
            webhook=webhook, event="document.updated", payload={"number": number}, attempts=3
        )
    seen, url = [], f"{path}/deliveries?limit=2"
    while url:
        status, page = browser.get(url)
        assert status == 200
        seen += page["items"]
        url = page["next"]
    assert [each["payload"]["number"] for each in seen] == [4, 3, 2, 1, 0]
    assert {each["state"] for each in seen} == {"failed"}
    assert browser.get(f"{path}/deliveries?cursor=x")[0] == 422

    status, again = browser.post(f"{path}/deliveries/{seen[0]['id']}/redeliver")
    assert (status, again["id"], again["state"], again["attempts"]) == (
        202,
        seen[0]["id"],
        "pending",
        0,
    )
    assert browser.post(f"{path}/deliveries/{webhook.pk}/redeliver")[0] == 404


@pytest.fixture
def server_that_reaches_us(new_server) -> Server:
    return new_server(COLLAB_WEBHOOK_INSECURE="1", COLLAB_WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8")


def test_the_test_button_sends_now_and_says_what_came_of_it(server_that_reaches_us, new_receiver):
    server = server_that_reaches_us
    document = server.new_document()
    receiver = new_receiver()
    for place in (MINE, f"documents/{document.id}/webhooks"):
        body = {"url": receiver.url, "events": ["document.updated"]}
        made = server.api("POST", place, "bob", json=body).raise_for_status().json()
        path = f"{place}/{made['id']}"
        receiver.status = 204
        said = server.api("POST", f"{path}/test", "bob").raise_for_status().json()
        assert (said["state"], said["last_status"], said["attempts"]) == ("delivered", 204, 1)
        assert receiver.messages[-1].verified(made["secret"])["type"] == "test"
        receiver.status = 500
        said = server.api("POST", f"{path}/test", "bob").raise_for_status().json()
        assert (said["state"], said["last_status"]) == ("failed", 500)
        log = server.api("GET", f"{path}/deliveries", "bob").raise_for_status().json()
        assert [each["state"] for each in log["items"]] == ["failed", "delivered"]
        assert made["secret"] not in json.dumps(log)
        statuses = {server.api("POST", f"{path}/test", "bob").status_code for _ in range(9)}
        assert statuses == {200, 429}


def test_of_one_user_two_tests_are_under_way_at_once(server_that_reaches_us, new_receiver):
    server, receiver = server_that_reaches_us, new_receiver(delay_s=1.0)
    body = {"url": receiver.url, "events": ["document.updated"]}

    def tester(name):
        made = server.api("POST", MINE, name, json=body).raise_for_status().json()
        return lambda: server.api("POST", f"{MINE}/{made['id']}/test", name)

    of_bob, of_another_of_bobs, of_alice = tester("bob"), tester("bob"), tester("alice")
    with ThreadPoolExecutor() as threads:
        tests = [of_bob, of_another_of_bobs, of_bob, of_another_of_bobs, of_alice]
        *bobs, alices = [each.result() for each in [threads.submit(test) for test in tests]]
    assert sorted(each.status_code for each in bobs) == [200, 200, 429, 429]
    assert alices.status_code == 200
    assert len(receiver.messages) == 3
    assert of_bob().status_code == 200
