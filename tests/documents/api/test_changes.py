from datetime import timedelta

import pytest
from django.utils import timezone

from documents.models import LogEntry, Role, ShareLink
from documents.sync import log

pytestmark = pytest.mark.django_db


@pytest.fixture
def written(document, bob):
    """Row 1 is alice's seed; then bob writes three times, and a guest once."""
    rows = [log.Row(b"x" * size, bob.pk, "bob") for size in (10, 20, 30)]
    log.append({document.id: [*rows, log.Row(b"x" * 40, None, "Amber Heron")]})
    document.refresh_from_db()
    return document


def test_each_change_says_who_when_and_how_much_and_never_what(written, alice, bob, browser_of):
    status, page = browser_of(alice).get(f"documents/{written.id}/changes")
    assert status == 200
    assert (page["head"], page["next"]) == (5, None)
    assert [(each["head"], each["size"]) for each in page["items"][1:]] == [
        (2, 10),
        (3, 20),
        (4, 30),
        (5, 40),
    ]
    assert [each["author"] for each in page["items"]] == [
        {"id": f"user:{alice.pk}", "name": "alice"},
        *[{"id": f"user:{bob.pk}", "name": "bob"}] * 3,
        {"id": None, "name": "Amber Heron"},
    ]
    assert page["items"][0]["at"].endswith("Z")
    assert set(page["items"][0]) == {"head", "author", "at", "size"}


def test_a_reader_goes_on_from_the_last_head(written, victor, browser_of):
    reader, path = browser_of(victor), f"documents/{written.id}/changes"
    assert [each["head"] for each in reader.get(f"{path}?since=3")[1]["items"]] == [4, 5]
    assert reader.get(f"{path}?since=5")[1] == {"items": [], "head": 5, "next": None}
    seen, url = [], f"{path}?since=1&limit=3"
    while url:
        _, page = reader.get(url)
        seen.append([each["head"] for each in page["items"]])
        url = page["next"]
    assert seen == [[2, 3, 4], [5]]


def test_what_the_log_no_longer_has_is_gone_and_the_head_is_told(written, alice, browser_of):
    reader, path = browser_of(alice), f"documents/{written.id}/changes"
    LogEntry.objects.update(created_at=timezone.now() - timedelta(days=40))
    log.store_snapshot(written.id, replaces=0, seq=3, state=b"x", keep_rows_since=timezone.now())
    for since in (0, 2):
        status, problem = reader.get(f"{path}?since={since}")
        assert (status, problem["code"], problem["head"]) == (410, "history-gone", 5)
    assert [each["head"] for each in reader.get(f"{path}?since=3")[1]["items"]] == [4, 5]
    log.store_snapshot(written.id, replaces=3, seq=5, state=b"x", keep_rows_since=timezone.now())
    assert reader.get(f"{path}?since=4")[0] == 410
    assert reader.get(f"{path}?since=5")[0] == 200


def test_who_knows_more_than_the_log_must_begin_again(written, alice, browser_of):
    """An older backup was restored: what was rows 6 to 9 is no more."""
    status, problem = browser_of(alice).get(f"documents/{written.id}/changes?since=9")
    assert (status, problem["code"], problem["head"]) == (410, "history-gone", 5)


def test_a_since_that_is_no_head_is_refused(written, alice, browser_of):
    for query in ("since=-1", "since=x", f"since={2**63}", "limit=0", "limit=1001"):
        status, _ = browser_of(alice).get(f"documents/{written.id}/changes?{query}")
        assert status == 422
    for last in ("x", "-1", "9" * 30, "\u0661"):
        response = browser_of(alice).client.get(
            f"/api/v1/documents/{written.id}/changes",
            headers={"Accept": "text/event-stream", "Last-Event-ID": last},
        )
        assert (response.status_code, response.json()["code"]) == (400, "malformed")


def test_who_may_read_the_document_may_read_its_changes(
    written, bob, mallory, browser_of, program_of
):
    path = f"documents/{written.id}/changes"
    assert program_of(bob, scope="read").get(path)[0] == 200
    for stranger in (browser_of(mallory), browser_of(None)):
        assert stranger.get(path)[0] == 404
    link = ShareLink.objects.create(document=written, role=Role.VIEWER)
    status, page = browser_of(None).get(f"{path}?link={link.token}")
    assert status == 200
    assert {each["author"] for each in page["items"]} == {None}  # nor who else has access


def test_head_opens_no_stream(written, alice, browser_of):
    response = browser_of(alice).client.head(
        f"/api/v1/documents/{written.id}/changes", headers={"Accept": "text/event-stream"}
    )
    assert (response.status_code, response["Content-Type"]) == (
        200,
        "application/json; charset=utf-8",
    )
