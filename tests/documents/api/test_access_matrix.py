"""Every operation of the API, asked by everybody: each is let in from one role on, and no lower.

An operation that is not in the table fails: whoever adds one decides here who may use it.
"""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from documents.models import Role
from tests.servers import Server

SIGNED_IN = "signed in"
NO_TOKEN = "signed in with a browser"  # nobody here is
SEES_IT = "signed in, and sees the document"
ROLE_OF_OWN = "signed in, with a role that no link gives"
EDITOR_BY_NAME = "an editor, and not by a link alone"
MINE = "whoever has made it"  # alice
Least = Role | str

HOOK = {"url": "https://192.88.99.1/hook", "events": ["document.updated"]}
OF_DOCUMENT = "/api/v1/documents/{document_id}"
LEAST: dict[tuple[str, str], Least] = {
    ("GET", "/api/v1/me"): SIGNED_IN,
    ("GET", "/api/v1/me/tokens"): SIGNED_IN,
    ("POST", "/api/v1/me/tokens"): NO_TOKEN,
    ("DELETE", "/api/v1/me/tokens/{token_id}"): NO_TOKEN,
    ("GET", "/api/v1/documents"): SIGNED_IN,
    ("POST", "/api/v1/documents"): SIGNED_IN,
    ("GET", OF_DOCUMENT): Role.VIEWER,
    ("PATCH", OF_DOCUMENT): Role.EDITOR,
    ("DELETE", OF_DOCUMENT): Role.OWNER,
    ("POST", f"{OF_DOCUMENT}/restore"): Role.OWNER,
    ("PUT", f"{OF_DOCUMENT}/star"): SEES_IT,
    ("DELETE", f"{OF_DOCUMENT}/star"): SEES_IT,
    ("GET", f"{OF_DOCUMENT}/snapshot"): Role.VIEWER,
    ("PUT", f"{OF_DOCUMENT}/content"): Role.EDITOR,
    ("PATCH", f"{OF_DOCUMENT}/content"): Role.EDITOR,
    ("POST", f"{OF_DOCUMENT}/updates"): Role.EDITOR,
    ("GET", f"{OF_DOCUMENT}/presence"): Role.VIEWER,
    ("GET", f"{OF_DOCUMENT}/changes"): Role.VIEWER,
    ("POST", f"{OF_DOCUMENT}/attachments"): Role.EDITOR,
    ("GET", f"{OF_DOCUMENT}/attachments"): Role.EDITOR,
    ("GET", f"{OF_DOCUMENT}/attachments/{{attachment_id}}"): Role.VIEWER,
    ("DELETE", f"{OF_DOCUMENT}/attachments/{{attachment_id}}"): EDITOR_BY_NAME,
    ("GET", f"{OF_DOCUMENT}/attachments/{{attachment_id}}/{{name}}"): Role.VIEWER,
    ("HEAD", f"{OF_DOCUMENT}/attachments/{{attachment_id}}/{{name}}"): Role.VIEWER,
    ("GET", f"{OF_DOCUMENT}/versions"): Role.EDITOR,
    ("POST", f"{OF_DOCUMENT}/versions"): EDITOR_BY_NAME,
    ("GET", f"{OF_DOCUMENT}/versions/{{number}}"): Role.EDITOR,
    ("PATCH", f"{OF_DOCUMENT}/versions/{{number}}"): EDITOR_BY_NAME,
    ("DELETE", f"{OF_DOCUMENT}/versions/{{number}}"): Role.OWNER,
    ("GET", f"{OF_DOCUMENT}/versions/{{number}}/diff/{{other}}"): Role.EDITOR,
    ("POST", f"{OF_DOCUMENT}/versions/{{number}}/restore"): Role.EDITOR,
    ("POST", f"{OF_DOCUMENT}/socket-token"): Role.VIEWER,
    ("GET", f"{OF_DOCUMENT}/members"): EDITOR_BY_NAME,
    ("POST", f"{OF_DOCUMENT}/members"): Role.OWNER,
    ("PATCH", f"{OF_DOCUMENT}/members/{{user_id}}"): Role.OWNER,
    ("DELETE", f"{OF_DOCUMENT}/members/{{user_id}}"): Role.OWNER,
    ("GET", f"{OF_DOCUMENT}/links"): Role.OWNER,
    ("POST", f"{OF_DOCUMENT}/links"): Role.OWNER,
    ("PATCH", f"{OF_DOCUMENT}/links/{{link_id}}"): Role.OWNER,
    ("DELETE", f"{OF_DOCUMENT}/links/{{link_id}}"): Role.OWNER,
    ("GET", f"{OF_DOCUMENT}/access-requests"): Role.OWNER,
    ("POST", f"{OF_DOCUMENT}/access-requests"): SIGNED_IN,
    ("POST", f"{OF_DOCUMENT}/access-requests/{{request_id}}/grant"): Role.OWNER,
    ("DELETE", f"{OF_DOCUMENT}/access-requests/{{request_id}}"): Role.OWNER,
}
for whose in ("/api/v1/me", OF_DOCUMENT):
    one = f"{whose}/webhooks/{{webhook_id}}"
    LEAST |= dict.fromkeys(
        [
            ("GET", one),
            ("PATCH", one),
            ("DELETE", one),
            ("POST", f"{one}/test"),
            ("GET", f"{one}/deliveries"),
            ("POST", f"{one}/deliveries/{{delivery_id}}/redeliver"),
        ],
        MINE,
    )
    LEAST["GET", f"{whose}/webhooks"] = SIGNED_IN if "/me" in whose else SEES_IT
    LEAST["POST", f"{whose}/webhooks"] = SIGNED_IN if "/me" in whose else ROLE_OF_OWN
# What shows by which links one may write.
NOT_FOR_READERS = {("GET", f"{OF_DOCUMENT}/links")}
# What an allowed request needs to be more than refused for its form.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v1/documents"): {"json": {"title": "new"}},
    ("POST", "/api/v1/me/tokens"): {"json": {}},
    ("PATCH", OF_DOCUMENT): {"json": {"title": "renamed"}},
    ("PUT", f"{OF_DOCUMENT}/content"): {"json": {"content": "# new"}},
    ("PATCH", f"{OF_DOCUMENT}/content"): {
        "json": {"operations": [{"op": "append", "content": "x"}]}
    },
    ("POST", f"{OF_DOCUMENT}/updates"): {"content": b"\x00\x00"},
    ("POST", f"{OF_DOCUMENT}/versions"): {"json": {"label": "first"}},
    ("POST", f"{OF_DOCUMENT}/attachments"): {"content": b"some bytes"},
    **{("POST", f"{whose}/webhooks"): {"json": HOOK} for whose in ("/api/v1/me", OF_DOCUMENT)},
    **{
        ("PATCH", f"{whose}/webhooks/{{webhook_id}}"): {"json": {"enabled": True}}
        for whose in ("/api/v1/me", OF_DOCUMENT)
    },
    ("PATCH", f"{OF_DOCUMENT}/versions/{{number}}"): {"json": {"label": "renamed"}},
    ("POST", f"{OF_DOCUMENT}/members"): {"json": {"user": "carol", "role": "viewer"}},
    ("PATCH", f"{OF_DOCUMENT}/members/{{user_id}}"): {"json": {"role": "viewer"}},
    ("POST", f"{OF_DOCUMENT}/links"): {"json": {"role": "viewer"}},
    ("PATCH", f"{OF_DOCUMENT}/links/{{link_id}}"): {"json": {"enabled": True}},
    ("POST", f"{OF_DOCUMENT}/access-requests"): {"json": {}},
    ("POST", f"{OF_DOCUMENT}/access-requests/{{request_id}}/grant"): {"json": {}},
}


@dataclass(frozen=True)
class Asker:
    """Somebody, and the role that they have in the document; None: no way in."""

    name: str
    role: Role | None
    headers: dict[str, str] = field(default_factory=dict)
    link: str = ""
    is_signed_in: bool = True
    is_known: bool = True
    may_only_read: bool = False

    def expected(self, method: str, least: Least) -> set[int]:
        """The refusals; empty if it is to be let in."""
        if not self.is_known:
            return {401}
        if self.may_only_read and method not in {"GET", "HEAD"}:
            return {403}
        if least == MINE:
            return set() if self.name.startswith("alice") else {401, 404}
        if isinstance(least, str):
            return self._expected_signed_in(least)
        if self.role is None:
            return {404}
        return {403} if self.role < least else set()

    def _expected_of_editors(self) -> set[int]:
        if self.role is None:
            return {404}
        return set() if self.role >= Role.EDITOR and not self.link else {403}

    def _expected_signed_in(self, least: str) -> set[int]:
        if least == EDITOR_BY_NAME:
            return self._expected_of_editors()
        has_own_role = self.role is not None and not self.link
        if not self.is_signed_in:
            return {401, 404} if least in {SEES_IT, ROLE_OF_OWN} else {401}
        if least == SEES_IT:
            return set() if self.role is not None else {404}
        if least == ROLE_OF_OWN:
            return set() if has_own_role else {403, 404}
        return {403} if least == NO_TOKEN else set()


@pytest.fixture(scope="module")
def tokens(server: Server) -> list[str]:
    """Alice's tokens: one that may only read, one that has expired."""
    return server.run_script(
        "from collab.accounts.models import ApiToken;"
        "from django.contrib.auth.models import User;"
        "from django.utils import timezone;"
        "alice = User.objects.get(username='alice');"
        "print(ApiToken.issue(alice.pk, scope='read')[1]);"
        "late, text = ApiToken.issue(alice.pk);"
        "ApiToken.objects.filter(pk=late.pk).update(expires_at=timezone.now());"
        "print(text)"
    ).split()


def askers(stage: "Stage", tokens: list[str]) -> list[Asker]:
    document, closed_link = stage.document, stage.closed_link()
    bearer = {name: person.bearer for name, person in stage.server.people.items()}
    reader, expired = ({"Authorization": f"Bearer {token}"} for token in tokens)
    return [
        Asker("alice, who owns it", Role.OWNER, bearer["alice"]),
        Asker("bob, who edits it", Role.EDITOR, bearer["bob"]),
        Asker("carol, who comments", Role.COMMENTER, bearer["carol"]),
        Asker("victor, who views", Role.VIEWER, bearer["victor"]),
        Asker("mallory, a stranger", None, bearer["mallory"]),
        Asker("a guest without a link", None, is_signed_in=False),
        Asker("a guest who edits", Role.EDITOR, link=document.editor_link, is_signed_in=False),
        Asker("a guest who views", Role.VIEWER, link=document.viewer_link, is_signed_in=False),
        Asker("a guest with a closed link", None, link=closed_link, is_signed_in=False),
        Asker("mallory with a viewer's link", Role.VIEWER, bearer["mallory"], document.viewer_link),
        Asker("alice's read token", Role.OWNER, reader, may_only_read=True),
        Asker("alice's expired token", None, expired, is_known=False),
    ]


class Stage:
    """A document, and whatever a path of the API names in it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.document = server.new_document()
        self._in_document = f"documents/{self.document.id}"
        self._webhook_ids: tuple[str, str] | None = None

    def closed_link(self) -> str:
        link = self._make("links", {"role": "editor"})
        path = f"{self._in_document}/links/{link['id']}"
        self.server.api("PATCH", path, json={"enabled": False}).raise_for_status()
        return str(link["token"])

    def fill(self, path: str) -> str:
        """The path with the ids of things that are there."""
        ids: dict[str, Any] = {"document_id": self.document.id, "token_id": 2**31 - 1}
        if "{link_id}" in path:
            ids["link_id"] = self._make("links", {"role": "viewer"})["id"]
        if "{number}" in path:
            ids["number"] = self._make("versions", {"label": "kept"})["number"]
            ids["other"] = "current"
        if "{request_id}" in path:
            self._make("access-requests", {}, "mallory")
            ids["request_id"] = self._listed("access-requests")[0]["id"]
        if "{attachment_id}" in path:
            file = {"content": b"some bytes"}
            made = self.server.api("POST", f"{self._in_document}/attachments", **file)
            ids["attachment_id"] = made.raise_for_status().json()["id"]
            ids["name"] = "file.txt"
        if "{webhook_id}" in path:
            ids["webhook_id"], ids["delivery_id"] = self._webhook(path)
        if "{user_id}" in path:
            carol = self._make("members", {"user": "carol", "role": "commenter"})
            ids["user_id"] = carol["user"]["id"]
        return path.format(**ids)

    def _webhook(self, path: str) -> tuple[str, str]:
        """One of alice's, and what it was sent; made once, for it is there until she ends it."""
        if self._webhook_ids is None:
            whose = "me" if "/me/" in path else self._in_document
            made = self.server.api("POST", f"{whose}/webhooks", json=HOOK).raise_for_status()
            webhook = made.json()["id"]
            delivery = self.server.run_script(
                "from documents.models import Delivery, Event;"
                f"print(Delivery.objects.create(webhook_id='{webhook}', event=Event.TEST,"
                "payload={}).pk)"
            )
            self._webhook_ids = webhook, delivery.strip()
        return self._webhook_ids

    def _make(self, what: str, body: Any, person: str = "alice") -> Any:
        answer = self.server.api("POST", f"{self._in_document}/{what}", person, json=body)
        return answer.raise_for_status().json() if answer.content else None

    def _listed(self, what: str) -> Any:
        return (
            self.server.api("GET", f"{self._in_document}/{what}").raise_for_status().json()["items"]
        )

    def ask(self, asker: Asker, method: str, path: str) -> int:
        return httpx.request(
            method,
            self.server.url + self.fill(path),
            params={"link": asker.link} if asker.link else {},
            headers={"Content-Type": "application/octet-stream"} | asker.headers
            if "content" in BODIES.get((method, path), {})
            else asker.headers,
            timeout=30,
            **BODIES.get((method, path), {}),
        ).status_code


def test_every_operation_is_in_the_table(server: Server) -> None:
    paths = server.api("GET", "openapi.json").json()["paths"]
    described = {(method.upper(), path) for path in paths for method in paths[path]}
    assert {each for each in LEAST if each[0] != "HEAD"} == described


@pytest.mark.parametrize(("method", "path"), list(LEAST), ids=[" ".join(each) for each in LEAST])
def test_each_is_let_in_from_one_role_on(
    server: Server, tokens: list[str], method: str, path: str
) -> None:
    stage = Stage(server)
    everybody = askers(stage, tokens)
    least = LEAST[method, path]
    # Those who are refused first: what the others do changes what there is.
    for asker in sorted(everybody, key=lambda each: not each.expected(method, least)):
        expected = asker.expected(method, least)
        if (method, asker.role) == ("DELETE", Role.COMMENTER) and "{user_id}" in path:
            expected = set()  # carol leaves by herself, as everybody may
        if asker.may_only_read and (method, path) in NOT_FOR_READERS:
            expected = {403}
        status = stage.ask(asker, method, path)
        assert status in expected if expected else status < 400, f"{asker.name}: {status}"
