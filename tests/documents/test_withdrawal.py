"""Access that ends reaches open sockets within a second: closed with the right code."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
from django.utils import timezone

from tests.clients import Client, until
from tests.servers import Server


def of(server: Server, name: str, document: Any) -> Client:
    return Client(server, document, headers=server.people[name].cookie)


async def run(server: Server, code: str) -> None:
    """Change a row behind the server's back, from another process: no bus reaches it."""
    await asyncio.to_thread(server.run_script, code)


async def test_a_link_that_expires_closes_its_guests(server: Server) -> None:
    document = server.new_document()
    until_when = timezone.now() + timedelta(seconds=1.5)
    path = f"documents/{document.id}/links"
    link = server.api("POST", path, json={"role": "editor", "expires_at": until_when.isoformat()})
    guest = Client(server, document, token=link.raise_for_status().json()["token"])
    async with guest, Client(server, document) as other:
        code, reason = await guest.end(within=4)
        assert (code, reason) == (4403, "your access to this document was withdrawn")
        assert timezone.now() - until_when < timedelta(seconds=2.5)
        assert other.is_connected


async def test_logging_out_closes_the_sockets_of_that_log_in(new_server: Any) -> None:
    server = new_server()
    document = server.new_document()
    cookies = {"sessionid": server.people["bob"].session}
    with httpx.Client(base_url=server.url, cookies=cookies) as browser:
        page = browser.get("/accounts/logout/")
        csrf = page.cookies.get("csrftoken") or browser.cookies.get("csrftoken") or ""

        def new_token() -> str:
            path = f"/api/v1/documents/{document.id}/socket-token"
            answer = browser.post(path, headers={"X-CSRFToken": csrf, "Referer": server.url})
            token: str = answer.raise_for_status().json()["token"]
            return token

        by_token, unused = Client(server, document, token=new_token()), new_token()
        bob, carol = of(server, "bob", document), of(server, "carol", document)
        async with bob, carol, by_token:
            gone = browser.post(
                "/accounts/logout/",
                data={"csrfmiddlewaretoken": csrf},
                headers={"Referer": server.url},
            )
            assert gone.status_code == 302
            for each in (bob, by_token):
                assert await each.end(within=1) == (4401, "your log-in has ended")
            assert carol.is_connected
            late = await Client(server, document, token=unused).open()
            assert (await late.end())[0] == 4401


async def test_a_session_ends_by_its_age_as_well(new_server: Any) -> None:
    server = new_server()
    document = server.new_document()
    await run(
        server,
        "from django.contrib.sessions.models import Session; from django.utils import timezone; "
        "from datetime import timedelta; "
        f"Session.objects.filter(pk='{server.people['bob'].session}')"
        ".update(expire_date=timezone.now() + timedelta(seconds=3))",
    )
    async with of(server, "bob", document) as bob, of(server, "carol", document) as carol:
        assert (await bob.end(within=6))[0] == 4401
        assert carol.is_connected


async def test_a_document_that_is_deleted_for_good_closes_everybody(new_server: Any) -> None:
    server = new_server(COLLAB_SWEEP_S="0.5")
    document, other = server.new_document(), server.new_document()
    async with of(server, "bob", document) as bob, of(server, "bob", other) as elsewhere:
        change = f"Document.objects.get(id='{document.id}').delete()"
        await run(server, "from documents.models import Document; " + change)
        assert (await bob.end(within=3))[0] == 4404
        assert elsewhere.is_connected


async def test_a_deactivated_user_is_sent_away_though_nobody_told_the_rooms(
    new_server: Any,
) -> None:
    server = new_server(COLLAB_SWEEP_S="0.5")
    document = server.new_document()
    async with of(server, "bob", document) as bob, of(server, "carol", document) as carol:
        change = "u = User.objects.get(username='bob'); u.is_active = False; u.save()"
        await run(server, "from django.contrib.auth.models import User; " + change)
        code, _ = await bob.end(within=3)
        assert code == 4401
        assert carol.is_connected


async def test_a_new_password_closes_what_the_old_one_opened(new_server: Any) -> None:
    server = new_server(COLLAB_SWEEP_S="0.5")
    document = server.new_document()
    bob = of(server, "bob", document)
    program = Client(server, document, headers=server.people["bob"].bearer)
    answer = server.api("POST", f"documents/{document.id}/socket-token", "carol")
    carol = Client(server, document, token=answer.raise_for_status().json()["token"])
    async with bob, program, carol:
        change = "[(u.set_password('x' * 20), u.save()) for u in User.objects.all()]"
        await run(server, "from django.contrib.auth.models import User; " + change)
        assert (await bob.end(within=3))[0] == 4401
        assert program.is_connected  # a token of its own
        assert carol.is_connected  # issued to a program of Carol's


async def test_a_revoked_api_token_closes_its_sockets(new_server: Any) -> None:
    server = new_server(COLLAB_SWEEP_S="0.5")
    document = server.new_document()
    async with Client(server, document, headers=server.people["bob"].bearer) as program:
        change = "ApiToken.objects.filter(user__username='bob').first().delete()"
        await run(server, "from collab.accounts.models import ApiToken; " + change)
        assert (await program.end(within=3))[0] == 4401


async def test_a_role_that_is_lowered_while_the_bus_is_away_is_lowered_all_the_same(
    new_server: Any,
) -> None:
    server = new_server(COLLAB_SWEEP_S="0.5")
    document = server.new_document()
    async with Client(
        server, document, headers=server.people["bob"].bearer, params={"events": "1"}
    ) as bob:
        await run(
            server,
            "from documents.models import *; from documents.sharing import grant; "
            "from django.contrib.auth.models import User; "
            f"grant(Document.objects.get(id='{document.id}'), "
            "User.objects.get(username='bob'), Role.VIEWER)",
        )
        await until(lambda: bob.roles == ["viewer"], within=3)
