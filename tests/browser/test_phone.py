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


async def test_a_name_at_the_edge_is_read_whole(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    viewer = await (await sit(size=PHONE)).opens_document(paper.view)
    await alice.types("Plan !")
    await alice.page.keyboard.press("ArrowLeft")
    shown = viewer.page.locator(".bn-collaboration-cursor__base[data-active]", has_text="alice")
    carets, ends = [], []
    for _ in range(12):
        await alice.page.keyboard.type("abc")
        await viewer.page.wait_for_timeout(400)  # it unfolds
        await expect(shown).to_be_attached(timeout=WITHIN_MS)
        caret, end = await viewer.page.evaluate(_NAME)
        carets.append(caret)
        ends.append(end)
    assert max(carets) > PHONE[0] - 60, "it came near the edge"
    assert max(ends) <= PHONE[0]
    await viewer.shows("phone-name-at-the-edge")
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
