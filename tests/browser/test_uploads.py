"""Pictures and files in real browsers: dropped, chosen and pasted; seen by whoever may."""

import base64
import re
from pathlib import Path

from playwright.async_api import Locator, expect

from tests import pictures
from tests.browser.conftest import WITHIN_MS, Paper, Person, Sit, new_paper

PICTURE = pictures.png(320, 180, grey=120)

# What the browser does when files are let go over the editor.
_DROP = """(element, files) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
  const data = new DataTransfer()
  for (const [name, type, content] of files)
    data.items.add(new File([bytes(content)], name, { type }))
  const { left, top } = element.getBoundingClientRect()
  const at = { clientX: left + 40, clientY: top + 5, bubbles: true, cancelable: true }
  element.dispatchEvent(new DragEvent('drop', { ...at, dataTransfer: data }))
}"""


async def drops(person: Person, name: str, kind: str, content: bytes) -> None:
    target = person.editor.locator("p").last
    await target.evaluate(_DROP, [[name, kind, base64.b64encode(content).decode()]])


_PASTE = """(element, [name, type, content]) => {
  const clipboardData = new DataTransfer()
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0))
  clipboardData.items.add(new File([bytes], name, { type }))
  element.dispatchEvent(
    new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })
  )
}"""


async def sees_picture(person: Person, width: int = 320) -> Locator:
    image = person.editor.locator("img.bn-visual-media").first
    await expect(image).to_be_visible(timeout=WITHIN_MS)
    await expect(image).to_have_js_property("naturalWidth", width, timeout=WITHIN_MS)
    return image


def addresses_in(person: Person, paper: Paper) -> list[str]:
    blocks = person.server.api("GET", f"documents/{paper.id}/snapshot?format=blocks").json()
    return [block["props"]["url"] for block in blocks if block["props"].get("url")]


async def test_a_dropped_picture_is_seen_by_all_who_may(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    guest = await (await sit()).opens_document(paper.edit)
    viewer = await (await sit(size=(390, 800))).opens_document(paper.view)
    await alice.types("The plan:")
    await drops(alice, "Plan A.png", "image/png", PICTURE)
    for person in (alice, guest, viewer):
        await sees_picture(person)
    await alice.is_saved()
    await alice.shows("attachment-alice")
    await viewer.shows("attachment-viewer-phone")

    # The document refers to it without a host and without anybody's link.
    (address,) = addresses_in(alice, paper)
    assert re.fullmatch(rf"/api/v1/documents/{paper.id}/attachments/[0-9a-f-]+/Plan-A.png", address)
    stranger = await sit("mallory")
    answer = await stranger.page.request.get(f"{stranger.server.url}{address}")
    assert answer.status == 404
    alone = await stranger.page.goto(f"{stranger.server.url}{address}?link={paper.view[-32:]}")
    assert alone is not None
    assert alone.headers["content-security-policy"].startswith("default-src 'none'; sandbox")
    await alice.page.reload()
    await sees_picture(alice)
    assert alice.faults == guest.faults == viewer.faults == []


async def test_a_guest_who_may_edit_adds_a_picture_by_the_button(sit: Sit, paper: Paper) -> None:
    guest = await (await sit()).opens_document(paper.edit)
    alice = await (await sit("alice")).opens_document(paper.address)
    await guest.types("/image")
    await guest.page.keyboard.press("Enter")
    chooser = guest.page.locator("input[type=file]")
    await chooser.set_input_files(
        {"name": "photo.png", "mimeType": "image/png", "buffer": PICTURE}, timeout=WITHIN_MS
    )
    await sees_picture(guest)
    await sees_picture(alice)
    assert "link=" not in str(addresses_in(guest, paper))


async def test_a_screenshot_is_pasted(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    await alice.types("Look:")
    file = ["image.png", "image/png", base64.b64encode(PICTURE).decode()]
    await alice.editor.locator("p").last.evaluate(_PASTE, file)
    await sees_picture(alice)
    await alice.sees("Look:")
    assert alice.faults == []


async def test_a_file_is_kept_as_a_file_and_a_viewer_can_save_it(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    viewer = await (await sit()).opens_document(paper.view)
    await drops(alice, "drawing.svg", "image/svg+xml", pictures.SVG)  # no picture to us
    card = viewer.editor.locator(".bn-file-name-with-icon")
    await expect(card).to_have_text("drawing.svg", timeout=WITHIN_MS)
    async with viewer.page.expect_download() as got:
        await card.click()
    download = await got.value
    assert download.suggested_filename == "drawing.svg"
    assert Path(await download.path()).read_bytes() == pictures.SVG


async def test_what_is_not_taken_is_said_in_words(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    await drops(alice, "setup.png", "image/png", pictures.WINDOWS_PROGRAM)
    alert = alice.by("uploads").get_by_role("alert")
    await expect(alert).to_contain_text("Programs are not kept here", timeout=WITHIN_MS)
    await alice.shows("attachment-refused")
    await alert.get_by_role("button", name="Dismiss").click()
    await expect(alert).to_have_count(0)
    await alice.page.context.set_offline(True)
    await drops(alice, "plan.png", "image/png", PICTURE)
    await expect(alert).to_contain_text("You are offline", timeout=WITHIN_MS)
    await alice.page.context.set_offline(False)
    await alice.is_live()
    await alice.types("Still here.")  # in what the picture's place has become
    await alice.is_saved()
    assert addresses_in(alice, paper) == []


async def test_a_viewer_cannot_add_files(sit: Sit, paper: Paper) -> None:
    viewer = await (await sit()).opens_document(paper.view)
    await drops(viewer, "plan.png", "image/png", PICTURE)
    await viewer.page.wait_for_load_state("networkidle")
    listed = viewer.server.api("GET", f"documents/{paper.id}/attachments").json()
    assert listed["items"] == []


async def test_a_picture_pasted_into_another_document_becomes_its_own(
    sit: Sit, paper: Paper
) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    await alice.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await drops(alice, "plan.png", "image/png", PICTURE)
    await sees_picture(alice)
    await alice.is_saved()
    await alice.page.keyboard.press("Control+a")
    await alice.page.keyboard.press("Control+a")
    await alice.page.keyboard.press("Control+c")
    other = new_paper(alice.server, "Another")
    await alice.opens_document(other.address)
    await alice.editor.locator("p").last.click()
    await alice.page.keyboard.press("Control+v")
    guest = await (await sit()).opens_document(other.view)  # who knows nothing of the first
    await sees_picture(guest)
    assert all(other.id in address for address in addresses_in(alice, other))


async def test_a_picture_that_somebody_has_selected_can_be_replaced(sit: Sit, paper: Paper) -> None:
    """y-prosemirror by itself fails here, and the page writes the old content back."""
    alice = await (await sit("alice")).opens_document(paper.address)
    guest = await (await sit()).opens_document(paper.edit)
    await drops(alice, "plan.png", "image/png", PICTURE)
    await (await sees_picture(guest)).click()
    await alice.is_saved()
    path = f"documents/{paper.id}"
    (block,) = alice.server.api("GET", f"{path}/snapshot?format=blocks").json()
    change = {"op": "replace_block", "block": block["id"], "content": "Words instead."}
    answer = alice.server.api("PATCH", f"{path}/content", json={"operations": [change]})
    answer.raise_for_status()
    for person in (alice, guest):
        await person.sees("Words instead.")
    await guest.types(" And more.")
    await alice.sees("Words instead. And more.")
    assert alice.faults == guest.faults == []
