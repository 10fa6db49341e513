"""The pages around a document: log-in, list, sharing."""

import re

import httpx
from playwright.async_api import expect

from tests.browser.conftest import WITHIN_MS, Paper, Sit
from tests.servers import Server


async def test_logging_in_and_out(sit: Sit, server: Server) -> None:
    server.manage("createuser", "dora", "--password", "a long enough password")
    dora = await (await sit()).opens("/")
    await expect(dora.page).to_have_url(re.compile("/accounts/login/"))
    await dora.page.fill("input[name=login]", "dora")
    await dora.page.fill("input[name=password]", "wrong")
    await dora.page.get_by_role("button", name="Log in").click()
    await expect(dora.page.locator(".errorlist")).to_be_visible()
    await dora.shows("login-error")
    await dora.page.fill("input[name=login]", "dora")
    await dora.page.fill("input[name=password]", "a long enough password")
    await dora.page.get_by_role("button", name="Log in").click()
    await expect(dora.by("doc-list")).to_be_attached(timeout=WITHIN_MS)
    await dora.shows("list-empty")
    await dora.page.get_by_role("button", name="Logged in as dora").click()
    await dora.page.get_by_role("menuitem", name="Log out").click()
    await expect(dora.page).to_have_url(re.compile("/accounts/login/"))


async def test_a_token_is_made_shown_once_and_revoked(sit: Sit, server: Server) -> None:
    alice = await (await sit("alice")).opens("/")
    await alice.page.get_by_role("button", name="Logged in as alice").click()
    await alice.page.get_by_role("menuitem", name="API tokens").click()
    dialog = alice.by("tokens-dialog")
    await dialog.get_by_role("textbox", name="What for").fill("Nightly export")
    await dialog.get_by_label("What it may do").select_option("read")
    await dialog.get_by_role("button", name="Make").click()
    shown = dialog.get_by_role("textbox", name="The new token")
    await expect(shown).to_be_visible(timeout=WITHIN_MS)
    await alice.shows("tokens")
    token = await shown.input_value()
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{server.url}/api/v1/me", headers=headers).json()["username"] == "alice"
    assert httpx.post(f"{server.url}/api/v1/documents", headers=headers).status_code == 403
    await alice.page.reload()
    await alice.page.get_by_role("button", name="Logged in as alice").click()
    await alice.page.get_by_role("menuitem", name="API tokens").click()
    revoke = dialog.get_by_role("button", name="Revoke Nightly export")
    await expect(revoke).to_be_visible(timeout=WITHIN_MS)
    await expect(shown).not_to_be_visible()
    await revoke.click()
    await expect(revoke).not_to_be_visible(timeout=WITHIN_MS)
    assert httpx.get(f"{server.url}/api/v1/me", headers=headers).status_code == 401
    assert alice.faults == []


async def test_a_document_is_made_renamed_thrown_away_and_fetched_back(sit: Sit) -> None:
    mallory = await (await sit("mallory")).opens("/")
    await mallory.by("new-document").click()
    await mallory.is_live()
    await expect(mallory.editor).to_be_focused(timeout=WITHIN_MS)  # it waits for words
    await mallory.page.keyboard.type("Milk ")
    await mallory.sees("Milk")
    await mallory.by("title").fill("Shopping")
    await mallory.types("and bread")
    await mallory.is_saved()
    await mallory.opens("/")
    row = mallory.by("doc-list").get_by_role("listitem").filter(has_text="Shopping")
    await expect(row).to_be_visible(timeout=WITHIN_MS)

    await row.get_by_role("button", name="Actions for Shopping").click()
    await mallory.page.get_by_role("menuitem", name="Rename").click()
    await mallory.page.get_by_role("textbox", name="Title").fill("Groceries")
    await mallory.page.get_by_role("button", name="Rename").click()
    row = mallory.by("doc-list").get_by_role("listitem").filter(has_text="Groceries")
    await expect(row).to_be_visible(timeout=WITHIN_MS)

    await mallory.by("search").fill("nothing like it")
    await expect(row).to_have_count(0, timeout=WITHIN_MS)
    await mallory.by("search").fill("grocer")
    await expect(row).to_be_visible(timeout=WITHIN_MS)
    await mallory.by("search").fill("")

    await row.get_by_role("button", name="Actions for Groceries").click()
    await mallory.page.get_by_role("menuitem", name="Star", exact=True).click()
    await mallory.page.get_by_role("tab", name="Starred").click()
    await expect(row).to_be_visible(timeout=WITHIN_MS)
    await row.get_by_role("button", name="Actions for Groceries").click()
    await mallory.page.get_by_role("menuitem", name="Remove star").click()
    await expect(row).to_have_count(0, timeout=WITHIN_MS)
    await mallory.page.get_by_role("tab", name="All").click()

    await row.get_by_role("button", name="Actions for Groceries").click()
    await mallory.page.get_by_role("menuitem", name="Move to trash").click()
    await expect(row).to_have_count(0, timeout=WITHIN_MS)
    await mallory.page.get_by_role("button", name="Undo").click()
    await expect(row).to_be_visible(timeout=WITHIN_MS)
    await mallory.shows("list")
    await row.get_by_role("link").click()
    await mallory.sees("Milk and bread")
    assert mallory.faults == []


async def test_a_link_from_the_share_dialog_lets_a_guest_edit(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    await alice.by("share").click()
    dialog = alice.by("share-dialog")
    await dialog.get_by_role("button", name="New link to edit").click()
    links = dialog.get_by_role("textbox", name="Link", exact=True)
    await expect(links).to_have_count(3, timeout=WITHIN_MS)
    await alice.shows("share")
    url = await links.last.input_value()
    await dialog.get_by_role("textbox", name="Name or e-mail").fill("bob")
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog.get_by_text("bob", exact=True)).to_be_visible(timeout=WITHIN_MS)
    await alice.page.keyboard.press("Escape")

    guest = await (await sit()).opens_document(url.removeprefix(alice.server.url))
    await guest.types("A guest was here")
    await alice.sees("A guest was here")
    bob = await (await sit("bob")).opens_document(paper.address)
    await bob.types(" and so was bob")
    await guest.sees("and so was bob")
    assert alice.faults == guest.faults == bob.faults == []


async def test_a_renamed_document_is_renamed_on_every_screen(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    viewer = await (await sit()).opens_document(paper.view)
    await alice.by("title").fill("A better plan")
    await expect(viewer.by("title")).to_have_text("A better plan", timeout=WITHIN_MS)


async def test_a_stranger_learns_nothing(sit: Sit, paper: Paper) -> None:
    mallory = await (await sit("mallory")).opens(paper.address)
    await expect(mallory.page.get_by_role("heading")).to_have_text("Nothing here for you")
    guest = await (await sit()).opens(paper.address)
    await expect(guest.page.get_by_role("link", name="Log in")).to_be_visible()
    await guest.shows("missing")
