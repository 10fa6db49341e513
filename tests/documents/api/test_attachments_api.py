"""Editors add files to a document, by form or by body; whoever may not learns nothing."""

import json
import uuid
from string import ascii_letters, digits
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from documents.lifecycle import trash
from documents.models import Attachment, Role, ShareLink
from documents.sharing import set_general_role
from tests import pictures

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(document):
    return f"documents/{document.id}/attachments"


@pytest.fixture
def picture(path, bob, browser_of):
    """What the API says of a picture that bob has uploaded."""
    status, made = browser_of(bob).upload(path, pictures.png(30, 20), "Plan A.png")
    assert status == 201, made
    return made


def test_an_upload_says_what_it_has_become(path, picture, document, bob, browser_of):
    assert picture == {
        "id": picture["id"],
        "name": "Plan A.png",
        "url": f"/api/v1/{path}/{picture['id']}/Plan-A.png",
        "type": "image/png",
        "size": len(pictures.png(30, 20)),
        "width": 30,
        "height": 20,
        "created_at": picture["created_at"],
        "uploaded_by": {**picture["uploaded_by"], "id": f"user:{bob.pk}", "name": "bob"},
    }
    assert picture["created_at"].endswith("Z")
    assert browser_of(bob).get(f"{path}/{picture['id']}") == (200, picture)
    document.refresh_from_db()
    assert document.head == 1  # no edit: blocks refer to it when somebody writes so


def test_a_program_sends_the_file_as_the_body(path, bob, program_of):
    program = program_of(bob)
    made = program.client.post(
        f"/api/v1/{path}?name=notes.html",
        pictures.HTML,
        content_type="image/png",  # what it says of itself does not count
        headers=program._headers,
    ).json()
    assert (made["name"], made["type"], made["width"]) == ("notes.html", "text/plain", None)


@pytest.mark.parametrize("name", ["victor", "carol"])
def test_who_may_not_write_may_not_upload_list_or_delete(request, path, picture, browser_of, name):
    browser = browser_of(request.getfixturevalue(name))
    for status, problem in (
        browser.upload(path, b"x", "x"),
        browser.get(path),
        browser.delete(f"{path}/{picture['id']}"),
    ):
        assert (status, problem["code"]) == (403, "no-access")
    assert browser.get(f"{path}/{picture['id']}") == (200, picture)
    assert Attachment.objects.count() == 1


def test_for_a_stranger_there_is_nothing(path, picture, mallory, browser_of):
    for caller in (browser_of(mallory), browser_of(None)):
        for status, problem in (
            caller.upload(path, b"x", "x"),
            caller.get(path),
            caller.get(f"{path}/{picture['id']}"),
            caller.delete(f"{path}/{picture['id']}"),
        ):
            assert (status, problem["code"]) == (404, "not-found")
    assert Attachment.objects.count() == 1


def test_a_guest_uploads_by_a_link_to_edit(path, document, browser_of):
    link = ShareLink.objects.create(document=document, role=Role.EDITOR)
    status, made = browser_of(None).upload(f"{path}?link={link.token}", b"x", "x.txt")
    assert (status, made["uploaded_by"]) == (201, None)
    assert link.token not in made["url"]


def test_a_token_that_may_only_read_may_not_upload(path, bob, program_of):
    assert program_of(bob, scope="read").upload(path, b"x", "x")[0] == 403


def test_another_site_cannot_make_a_browser_upload(path, bob):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    form = {"file": SimpleUploadedFile("x.txt", b"x")}
    assert browser.post(f"/api/v1/{path}", form).json()["code"] == "csrf"


def test_a_file_belongs_to_one_document(path, picture, bob, browser_of):
    browser = browser_of(bob)
    _, own = browser.post("documents", {"title": "Bob's"})
    for status, _ in (
        browser.get(f"documents/{own['id']}/attachments/{picture['id']}"),
        browser.delete(f"documents/{own['id']}/attachments/{picture['id']}"),
        browser.get(f"{path}/{uuid.uuid4()}"),
    ):
        assert status == 404


def test_the_list_has_pages(path, bob, browser_of):
    browser = browser_of(bob)
    names = [f"{number}.txt" for number in range(5)]
    for name in names:
        browser.upload(path, b"x", name)
    listed, query = [], "?limit=2"
    while query:
        status, page = browser.get(path + query)
        assert status == 200
        listed += [item["name"] for item in page["items"]]
        query = "?" + page["next"].partition("?")[2] if page["next"] else ""
    assert listed == names
    assert browser.get(f"{path}?cursor={uuid.uuid4()}")[0] == 422
    assert browser.get(f"{path}?limit=0")[0] == 422


def test_the_list_goes_on_after_a_file_that_is_gone(path, bob, browser_of):
    browser = browser_of(bob)
    ids = [browser.upload(path, b"x", "x")[1]["id"] for _ in range(3)]
    _, page = browser.get(f"{path}?limit=1")
    assert [item["id"] for item in page["items"]] == ids[:1]
    browser.delete(f"{path}/{ids[0]}")
    status, page = browser.get(page["next"])
    assert (status, [item["id"] for item in page["items"]]) == (200, ids[1:2])


def test_who_came_by_a_link_alone_deletes_nothing(
    path, picture, document, *, mallory, browser_of, program_of
):
    link = ShareLink.objects.create(document=document, role=Role.EDITOR)
    one = f"{path}/{picture['id']}?link={link.token}"
    for caller in (browser_of(None), browser_of(mallory), program_of(mallory)):
        status, problem = caller.delete(one)
        assert (status, problem["code"]) == (403, "no-access")
        assert caller.get(one)[0] == 200


def test_not_even_where_everybody_may_edit_does_a_guest_delete(path, picture, document, browser_of):
    set_general_role(document, Role.EDITOR)
    assert browser_of(None).delete(f"{path}/{picture['id']}")[0] == 403


def test_deleted_is_deleted(path, picture, bob, browser_of):
    browser = browser_of(bob)
    assert browser.delete(f"{path}/{picture['id']}")[0] == 204
    assert browser.get(f"{path}/{picture['id']}")[0] == 404
    assert browser.delete(f"{path}/{picture['id']}")[0] == 404


def test_in_the_trash_it_is_the_owners_alone(path, picture, document, bob, browser_of):
    trash(document)
    alice = document.owner
    assert browser_of(alice).get(f"{path}/{picture['id']}") == (200, picture)
    assert browser_of(bob).get(f"{path}/{picture['id']}")[0] == 404
    assert browser_of(alice).upload(path, b"x", "x")[0] == 404


def test_refusals_say_what_is_wrong(path, bob, browser_of, settings, attachments_dir):
    settings.COLLAB = settings.COLLAB.model_copy(update={"max_attachment_bytes": 1000})
    browser = browser_of(bob)

    def body(content, kind="application/octet-stream"):
        answer = browser.client.post(f"/api/v1/{path}", content, content_type=kind)
        return answer.status_code, answer.json()["code"]

    form = "multipart/form-data; boundary=x"
    assert body(bytes(1001)) == (413, "too-large")
    assert browser.upload(path, bytes(1001), "x")[1]["code"] == "too-large"
    assert body(pictures.WINDOWS_PROGRAM) == (415, "type-refused")
    assert body(b"") == (400, "malformed")
    assert body(b"--x--", form) == (400, "malformed")
    assert body(b"--x--", "multipart/form-data") == (400, "malformed")  # no boundary
    assert body(b"a&" * 2000, "application/x-www-form-urlencoded") == (400, "malformed")
    assert not Attachment.objects.exists()
    assert not attachments_dir.exists()


@pytest.mark.parametrize(
    "name", ["../../../etc/cron.d/x", "..\\x.txt", "/etc/passwd", "a\x00b", "\u202etxt.exe"]
)
def test_tricks_in_names_stay_in_names(path, bob, browser_of, attachments_dir, name):
    browser = browser_of(bob)
    query = urlencode({"name": name})
    body = browser.client.post(f"/api/v1/{path}?{query}", b"x", content_type="text/plain")
    for made in (browser.upload(path, b"x", name)[1], body.json()):
        assert not set(made["name"]) & set("/\\\x00\u202e")
        assert set(made["url"]) <= set(ascii_letters + digits + "/._-")
        assert made["url"].startswith(f"/api/v1/{path}/{made['id']}/")
    files = [each for each in attachments_dir.rglob("*") if each.is_file()]
    assert {len(file.name) for file in files} == {32}
    assert len(files) == 2


@pytest.mark.parametrize("kind", ["image", "file", "video", "audio"])
def test_what_programs_write_and_read_refers_to_the_file(picture, bob, browser_of, kind):
    browser = browser_of(bob)
    block = {"type": kind, "props": {"name": picture["name"], "url": picture["url"]}}
    content = {"content": [block], "format": "blocks"}
    _, document = browser.post("documents", content)
    for written in ("markdown", "html", "blocks"):
        response = browser.send("GET", f"documents/{document['id']}/snapshot?format={written}")
        text = response.content.decode()
        assert picture["url"] in text
        copy = {"content": json.loads(text) if written == "blocks" else text, "format": written}
        _, document = browser.post("documents", copy)
    _, (found, *_) = browser.get(f"documents/{document['id']}/snapshot?format=blocks")
    assert (found["type"], found["props"]["url"]) == (kind, picture["url"])
