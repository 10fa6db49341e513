"""What people need is on the screen of a phone, too."""

from playwright.async_api import expect

from tests.browser.conftest import WITHIN_MS, Paper, Sit

PHONE = (360, 740)
# Of the name that is shown now: where its caret is, and where it ends.
_NAME = """() => {
  const name = document.querySelector(
    '.bn-collaboration-cursor__base[data-active] .bn-collaboration-cursor__label')
  return [name.parentElement.getBoundingClientRect().left, name.getBoundingClientRect().right]
}"""

_IS_FOLDED = """() => {
  const name = document.querySelector('.bn-collaboration-cursor__label')
  const caret = name.parentElement.getBoundingClientRect()
  return Math.abs(name.getBoundingClientRect().left - caret.left) < 2
}"""


async def test_a_name_at_the_edge_is_read_whole(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    viewer = await (await sit(size=PHONE)).opens_document(paper.view)
    await alice.types("Plan !")
    await alice.page.keyboard.press("ArrowLeft")
    shown = viewer.page.locator(".bn-collaboration-cursor__base[data-active]", has_text="alice")
    caret = 0.0
    while caret < PHONE[0] - 60:
        await alice.page.keyboard.type("abc")
        await viewer.page.wait_for_timeout(400)  # it unfolds
        await expect(shown).to_be_attached(timeout=WITHIN_MS)
        caret, end = await viewer.page.evaluate(_NAME)
        assert end <= PHONE[0]
    await viewer.shows("phone-name-at-the-edge")
    await expect(shown).to_have_count(0, timeout=WITHIN_MS)
    await viewer.page.wait_for_function(_IS_FOLDED, timeout=WITHIN_MS)
    assert alice.faults == viewer.faults == []


async def test_the_list_shows_all_its_tabs_and_stars(sit: Sit, paper: Paper) -> None:
    alice = await sit("alice", size=PHONE)
    alice.server.api("PUT", f"documents/{paper.id}/star", "alice").raise_for_status()
    await alice.opens("/?filter=starred")
    row = alice.by("doc-list").locator("li", has_text="Plan").first
    await expect(row.locator("svg").first).to_be_visible(timeout=WITHIN_MS)
    for tab in await alice.page.get_by_role("tab").all():
        box = await tab.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= PHONE[0]
    await alice.shows("phone-list")
    assert alice.faults == []


async def test_all_that_can_be_done_with_a_selection_is_on_the_screen(
    sit: Sit, paper: Paper
) -> None:
    alice = await (await sit("alice", size=PHONE)).opens_document(paper.address)
    await alice.types("Words to be selected")
    await alice.editor.locator("p").last.dblclick()
    buttons = alice.page.locator(".bn-formatting-toolbar button")
    await expect(buttons.last).to_be_visible(timeout=WITHIN_MS)
    for button in await buttons.all():
        box = await button.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= PHONE[0] - box["width"]
    assert await alice.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    await alice.shows("phone-selection")
    assert alice.faults == []


async def test_what_was_thrown_away_is_said_in_colours_that_can_be_read(
    sit: Sit, paper: Paper
) -> None:
    alice = await sit("alice", size=PHONE)
    await alice.opens("/")
    await alice.page.get_by_label("Actions for Plan").first.click()
    await alice.page.get_by_role("menuitem", name="Move to trash").click()
    toast = alice.page.get_by_role("status").filter(has_text="is in the trash")
    await expect(toast).to_be_visible(timeout=WITHIN_MS)
    behind = await toast.evaluate("(toast) => getComputedStyle(toast).backgroundColor")
    assert behind not in ("rgba(0, 0, 0, 0)", "transparent")
    await alice.shows("phone-toast")
