"""Real Chromium, one context for each person, on a real server."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from tests.servers import Server

ARTEFACTS = Path(__file__).resolve().parent.parent / "artefacts"
CHROMIUM = shutil.which("chromium")
# Without these Chromium looks for its makers' hosts at every start.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WITHIN_MS = 10_000
ANOTHER_CLICK_MS = 600  # ProseMirror counts what comes within 500 as a double click
HAS_CARET_AT_END = """(paragraph) => {
  const { focusNode, focusOffset, isCollapsed } = window.getSelection()
  if (!isCollapsed || !paragraph.contains(focusNode)) return false
  const rest = document.createRange()
  rest.selectNodeContents(paragraph)
  rest.setStart(focusNode, focusOffset)
  const words = rest.cloneContents()
  words.querySelectorAll('.ProseMirror-widget').forEach((caret) => caret.remove())
  return words.textContent === ''
}"""


@dataclass
class Person:
    """Somebody at a screen. ``faults``: what the console complained about or what went abroad."""

    page: Page
    server: Server
    faults: list[str] = field(default_factory=list)

    async def opens(self, address: str) -> "Person":
        await self.page.goto(f"{self.server.url}{address}")
        return self

    async def opens_document(self, address: str) -> "Person":
        await self.opens(address)
        await self.is_live()
        await expect(self.editor).to_be_visible(timeout=WITHIN_MS)
        return self

    @property
    def editor(self):  # type: ignore[no-untyped-def]
        return self.page.locator(".bn-editor")

    def by(self, test_id: str):  # type: ignore[no-untyped-def]
        return self.page.get_by_test_id(test_id)

    async def types(self, words: str) -> None:
        """Write at the end of the last paragraph."""
        await self.goes_to_the_end_of(self.editor.locator("p").last)
        await self.page.keyboard.type(words)

    async def goes_to_the_end_of(self, paragraph: Locator) -> None:
        """Put the caret there, and look whether it stays, as people do.

        The page may move under a click, and ProseMirror hears of a moved caret with the next
        frame only: an edit of somebody else in that very moment puts it back. Whoever clicks
        again at once has clicked twice or thrice, and writes over a word or the paragraph.
        """
        async with asyncio.timeout(WITHIN_MS / 1000):
            while True:
                await paragraph.click()
                await self.page.keyboard.press("End")
                await self.page.wait_for_timeout(50)
                if await paragraph.evaluate(HAS_CARET_AT_END):
                    return
                await self.page.wait_for_timeout(ANOTHER_CLICK_MS)

    async def sees(self, words: str) -> None:
        await expect(self.editor).to_contain_text(words, timeout=WITHIN_MS)

    async def is_live(self) -> None:
        await expect(self.by("connection")).to_have_text("Live", timeout=WITHIN_MS)

    async def is_saved(self) -> None:
        await expect(self.by("save-state")).to_have_attribute(
            "data-state", "saved", timeout=WITHIN_MS
        )

    async def shows(self, name: str) -> None:
        """Keep a picture of the screen as a test artefact."""
        ARTEFACTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=ARTEFACTS / f"{name}.png")


Sit = Callable[..., Awaitable[Person]]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        reason = "no chromium on this machine"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def sit(browser: Browser, server: Server) -> Sit:
    """``await sit("alice")``: somebody in front of a browser; ``await sit()``: a guest."""

    async def sit(
        name: str = "",
        *,
        at: Server = server,
        size: tuple[int, int] = (1280, 850),
        dark: bool = False,
    ) -> Person:
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
        )
        if name:
            session = at.people[name].session
            await context.add_cookies([{"name": "sessionid", "value": session, "url": at.url}])
        person = Person(await context.new_page(), at)
        person.page.on(
            "console",
            lambda said: person.faults.append(said.text) if said.type == "error" else None,
        )
        person.page.on("pageerror", lambda error: person.faults.append(str(error)))
        person.page.on(
            "request",
            lambda request: (
                person.faults.append(f"abroad: {request.url}")
                if not request.url.startswith((at.url, "data:", "blob:"))
                else None
            ),
        )
        return person

    return sit


@dataclass(frozen=True)
class Paper:
    """A document with a first paragraph, as people make them."""

    id: str
    edit: str  # the address of its link to edit, without the host
    view: str

    @property
    def address(self) -> str:
        return f"/d/{self.id}"


@pytest.fixture
def paper(server: Server) -> Paper:
    return new_paper(server)


def new_paper(server: Server, title: str = "Plan") -> Paper:
    document = server.api("POST", "documents", json={"title": title}).raise_for_status().json()

    def link(role: str) -> str:
        path = f"documents/{document['id']}/links"
        token = server.api("POST", path, json={"role": role}).raise_for_status().json()["token"]
        return f"/d/{document['id']}?link={token}"

    return Paper(document["id"], edit=link("editor"), view=link("viewer"))
