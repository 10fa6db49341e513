"""Two people and a viewer in one document, in real browsers."""

import re
from collections.abc import Callable

from playwright.async_api import expect

from tests.browser.conftest import WITHIN_MS, Paper, Sit, new_paper
from tests.servers import Server


async def test_what_one_types_the_others_see_with_the_caret(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    bob = await (await sit(dark=True)).opens_document(paper.edit)
    viewer = await (await sit(size=(390, 800))).opens_document(paper.view)

    await alice.types("Hello from alice. ")
    for other in (bob, viewer):
        await other.sees("Hello from alice.")
        caret = other.page.locator(".bn-collaboration-cursor__base", has_text="alice")
        await expect(caret).to_be_attached(timeout=WITHIN_MS)
    await bob.types("And from bob.")
    await alice.sees("And from bob.")
    await viewer.sees("And from bob.")
    await alice.is_saved()
    await bob.is_saved()
    for person in (alice, bob, viewer):  # the viewer is seen, too
        await expect(person.by("presence-user")).to_have_count(3, timeout=WITHIN_MS)
    await alice.shows("live-alice")
    await bob.shows("live-bob-dark")
    await viewer.shows("live-viewer-phone")
    assert alice.faults == bob.faults == viewer.faults == []


async def test_a_viewer_cannot_write_even_by_hand(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    await alice.types("Untouched.")
    viewer = await (await sit()).opens_document(paper.view)
    await viewer.sees("Untouched.")
    await expect(viewer.editor).to_have_attribute("contenteditable", "false")
    await expect(viewer.page.get_by_text("View only")).to_be_visible()
    await viewer.editor.click()
    await viewer.page.keyboard.type("typed into it")
    # An update that a real editor could send: text into the root "t".
    said = await viewer.page.evaluate(
        """async ([id, link]) => {
          const socket = new WebSocket(`ws://${location.host}/ws/documents/${id}?link=${link}`)
          socket.binaryType = 'arraybuffer'
          await new Promise((resolve) => { socket.onopen = resolve })
          const update = [1, 1, 7, 0, 4, 1, 1, 116, 4, 69, 86, 73, 76, 0]
          socket.send(new Uint8Array([0, 2, update.length, ...update]))
          return await new Promise((resolve) => {
            socket.onmessage = ({ data }) => {
              const bytes = new Uint8Array(data)
              if (bytes[0] === 2) resolve(new TextDecoder().decode(bytes.slice(3)))
            }
            setTimeout(() => resolve('nothing'), 3000)
          })
        }""",
        [paper.id, paper.view.split("=")[1]],
    )
    assert said == "read-only"
    await alice.types(" Still.")
    await viewer.sees("Untouched. Still.")
    assert "typed into it" not in await alice.editor.inner_text()
    snapshot = alice.server.api("GET", f"documents/{paper.id}/snapshot?format=yjs").content
    assert b"EVIL" not in snapshot


async def test_nothing_is_lost_when_the_lid_is_closed(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    bob = await (await sit()).opens_document(paper.edit)
    await alice.types("Before. ")
    await bob.sees("Before.")
    await alice.is_saved()

    await alice.page.context.set_offline(True)
    await expect(alice.by("connection")).to_have_text("Offline", timeout=WITHIN_MS)
    await alice.types("Offline. ")
    await expect(alice.by("save-state")).to_have_attribute("data-state", "offline")
    await expect(alice.by("save-state")).to_have_text(
        re.compile(r"^\d+ changes kept on this device$")
    )
    await alice.shows("offline")
    await bob.types("Meanwhile. ")

    await alice.page.context.set_offline(False)
    await alice.is_live()
    # Bob never left: he is there at once, not when he next moves.
    await expect(alice.by("presence-user")).to_have_count(2, timeout=2000)
    for person in (alice, bob):
        await person.sees("Offline.")
        await person.sees("Meanwhile.")
    await alice.is_saved()


async def test_edits_survive_a_reload_while_the_server_is_away(
    sit: Sit, new_server: Callable[..., Server]
) -> None:
    server = new_server()
    paper = new_paper(server)
    alice = await (await sit("alice", at=server)).opens_document(paper.address)
    await alice.types("Safe. ")
    await alice.is_saved()
    server.kill()
    await alice.types("Typed into the void. ")
    await expect(alice.by("save-state")).to_have_attribute("data-state", "offline")
    await expect(alice.by("connection")).to_have_text("Offline", timeout=WITHIN_MS)
    server.start()
    await alice.page.reload()  # a new page: what it knows is what this device kept
    await alice.is_live()
    await alice.sees("Safe. Typed into the void.")
    await alice.is_saved()
    late = await (await sit("alice", at=server)).opens_document(paper.address)
    await late.sees("Safe. Typed into the void.")


async def test_a_reload_keeps_everything(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    await alice.types("# Heading\n")
    await alice.types("A paragraph")
    await alice.is_saved()
    await alice.page.reload()
    await alice.is_live()
    await alice.sees("A paragraph")


async def test_access_that_is_withdrawn_is_said_in_words(sit: Sit, paper: Paper) -> None:
    guest = await (await sit()).opens_document(paper.edit)
    links = guest.server.api("GET", f"documents/{paper.id}/links").json()["items"]
    link = next(each for each in links if each["role"] == "editor")
    path = f"documents/{paper.id}/links/{link['id']}"
    guest.server.api("PATCH", path, json={"role": "viewer"}).raise_for_status()
    await expect(guest.editor).to_have_attribute("contenteditable", "false", timeout=WITHIN_MS)
    guest.server.api("PATCH", path, json={"enabled": False}).raise_for_status()
    await expect(guest.page.get_by_role("alert")).to_contain_text(
        "Your access to this document was withdrawn", timeout=WITHIN_MS
    )
    await expect(guest.by("connection")).to_have_text("Disconnected")
    await guest.shows("withdrawn")


async def test_an_old_page_reloads_itself_once(sit: Sit, paper: Paper) -> None:
    alice = await sit("alice")
    loads: list[str] = []
    alice.page.on("load", lambda page: loads.append(page.url))
    await alice.page.route_web_socket(
        re.compile("/ws/documents/"), lambda socket: socket.close(code=4426, reason="")
    )
    await alice.opens(paper.address)
    await expect(alice.page.get_by_role("alert")).to_contain_text(
        "older than the document", timeout=WITHIN_MS
    )
    assert len(loads) == 2
