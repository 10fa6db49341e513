"""Who is refused, with which code and which words; over real Daphne."""

import time
from uuid import uuid4

import aiohttp
import pytest

from documents.protocol.messages import Denied, SyncStep1, SyncStep2, Update
from documents.protocol.ywebsocket import encode_message
from tests.clients import Client, connected, text_of, until
from tests.servers import NewDocument, Server


async def refusal(client: Client) -> tuple[int | None, str]:
    """Connect and be refused: nothing but the reason comes, then the code."""
    await client.open()
    try:
        code, reason = await client.end()
    finally:
        await client.disconnect()
    assert [type(said) for said in client.received] == [Denied]
    assert reason
    return code, reason


async def test_somebody_unknown_is_not_authenticated(server):
    code, _ = await refusal(Client(server, server.new_document(), headers={}))
    assert code == 4401


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "collab_nonsense", "%00", "é"])
async def test_a_token_that_is_none_of_ours(server, token):
    document = server.new_document()
    code, _ = await refusal(Client(server, document, headers={}, params={"token": token}))
    assert code == 4401


async def test_an_api_token_that_is_none_of_ours(server):
    headers = {"Authorization": "Bearer collab_nonsense"}
    code, _ = await refusal(Client(server, server.new_document(), headers=headers))
    assert code == 4401


async def test_a_stranger_has_no_access(server):
    mallory = server.people["mallory"]
    for headers in (mallory.bearer, mallory.cookie):
        code, _ = await refusal(Client(server, server.new_document(), headers=headers))
        assert code == 4403


@pytest.mark.parametrize("name", [str(uuid4()), "not-a-uuid", "é"])
async def test_no_such_document(server, name):
    document = NewDocument(name, "", "")
    headers = server.people["alice"].bearer
    code, _ = await refusal(Client(server, document, headers=headers))
    assert code == 4404


async def test_no_such_path(server):
    client = Client(server, server.new_document())
    client.url = client.url.replace("/documents/", "/nonsense/")
    code, _ = await refusal_without_words(client)
    assert code == 4404


async def refusal_without_words(client: Client) -> tuple[int | None, str]:
    await client.open()
    try:
        return await client.end()
    finally:
        await client.disconnect()


async def test_links_and_tokens_that_have_expired(server):
    document = server.new_document()
    tokens = server.run_script(
        f"""
from datetime import timedelta
from django.utils import timezone
from collab.accounts.models import ApiToken
from documents.models import Document, Role, ShareLink
document = Document.objects.get(id="{document.id}")
yesterday = timezone.now() - timedelta(days=1)
print(ShareLink.objects.create(document=document, role=Role.EDITOR, expires_at=yesterday).token)
print(ShareLink.objects.create(document=document, role=Role.EDITOR, is_enabled=False).token)
token, text = ApiToken.issue(document.owner_id)
ApiToken.objects.filter(pk=token.pk).update(expires_at=yesterday)
print(text)
"""
    ).split()
    expired_link, disabled_link, api_token = tokens
    for link in (expired_link, disabled_link):
        code, _ = await refusal(Client(server, document, token=link))
        assert code == 4401
    headers = {"Authorization": f"Bearer {api_token}"}
    code, _ = await refusal(Client(server, document, headers=headers))
    assert code == 4401


async def test_a_socket_token_opens_its_document_only_and_soon(new_server):
    server = new_server(COLLAB_SOCKET_TOKEN_S="2")
    document, other = server.new_document(), server.new_document()
    answer = server.api("POST", f"documents/{document.id}/socket-token").raise_for_status().json()
    assert answer["url"] == f"{server.socket_url}/{document.id}"
    async with Client(server, document, token=answer["token"]) as alice:
        alice.types("hello")
        code, _ = await refusal(Client(server, other, token=answer["token"]))
        assert code == 4403
        tampered = answer["token"][:-1] + ("A" if answer["token"][-1] != "A" else "B")
        code, _ = await refusal(Client(server, document, token=tampered))
        assert code == 4401
        await until(lambda: text_of(server.snapshot(document)) == "hello")

    async def is_refused() -> bool:
        client = await Client(server, document, token=answer["token"]).open()
        await until(lambda: client.received)
        await client.disconnect()
        return isinstance(client.received[0], Denied)

    deadline = time.monotonic() + 5
    while not await is_refused():
        assert time.monotonic() < deadline
    code, reason = await refusal(Client(server, document, token=answer["token"]))
    assert code == 4401
    assert "expired" in reason


async def test_a_document_in_the_trash(server):
    document = server.new_document()
    server.api("DELETE", f"documents/{document.id}").raise_for_status()
    for person in ("alice", "bob"):
        headers = server.people[person].bearer
        code, _ = await refusal(Client(server, document, headers=headers))
        assert code == 4404


async def test_a_page_with_an_old_schema_gets_no_content(server):
    document = server.new_document()
    client = Client(server, document, params={"schema": "0"})
    code, _ = await refusal(client)
    assert code == 4426
    code, _ = await refusal(Client(server, document, params={"schema": "x"}))
    assert code == 4400


# -- Origins --------------------------------------------------------------------------------
async def test_another_site_cannot_use_our_visitors_cookie(server):
    document = server.new_document()
    for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example"):
        headers = {**server.people["alice"].cookie, "Origin": origin}
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await Client(server, document, headers=headers).open()
        assert refused.value.status == 403


async def test_our_own_pages_may_use_the_cookie(server):
    document = server.new_document()
    headers = {**server.people["alice"].cookie, "Origin": server.url}
    async with Client(server, document, headers=headers) as alice:
        assert alice.is_connected


async def test_a_trusted_site_may_use_the_cookie(new_server):
    server = new_server(CSRF_TRUSTED_ORIGINS="https://intranet.example")
    headers = {**server.people["alice"].cookie, "Origin": "https://intranet.example"}
    async with Client(server, server.new_document(), headers=headers) as alice:
        assert alice.is_connected


async def test_a_token_works_from_anywhere(server):
    document = server.new_document()
    headers = {"Origin": "https://elsewhere.example"}
    async with Client(server, document, token=document.editor_link, headers=headers) as guest:
        assert guest.is_connected
    headers |= server.people["bob"].bearer
    async with Client(server, document, headers=headers) as bob:
        assert bob.is_connected


# -- Reading only ---------------------------------------------------------------------------
async def test_a_viewer_may_watch_but_not_write(server: Server):
    document = server.new_document()
    victors = [
        Client(server, document, headers=server.people["victor"].bearer, ack="count"),
        Client(server, document, token=document.viewer_link, ack="count"),
        Client(server, document, headers=server.people["carol"].cookie, ack="count"),
    ]
    async with connected(Client(server, document), *victors) as (bob, *watching):
        for victor in watching:
            victor.types("x")
            await until(lambda v=victor: v.denials == ["read-only"])
        bob.types("hello")
        for victor in watching:
            await victor.sees("hello")
            victor.points_at(1, cursor=3)
            await until(lambda v=victor: bob.awareness.get(v.doc.client_id))
            assert victor.is_connected
            assert victor.saved <= 1  # the answer to SyncStep1; what was refused is never saved
        assert "x" not in str(bob.text)
    assert text_of(server.snapshot(document)) == "hello"


async def test_a_viewer_that_answers_with_nothing_new_is_not_blamed(server):
    document = server.new_document()
    async with Client(server, document) as bob:
        bob.types("hello")
        await until(lambda: text_of(server.snapshot(document)) == "hello")
    async with Client(server, document, token=document.viewer_link) as victor:
        await victor.sees("hello")
        victor.send_frame(encode_message(SyncStep2(victor.doc.get_update())))
        victor.send_frame(encode_message(SyncStep1(b"\x00")))
        await until(lambda: sum(isinstance(s, SyncStep2 | Update) for s in victor.received) >= 2)
        assert victor.denials == []
