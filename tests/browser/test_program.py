"""A program writes into the document that people have open."""

import asyncio

from playwright.async_api import expect

from tests.browser.conftest import WITHIN_MS, Paper, Sit


async def test_a_program_edits_a_paragraph_while_two_people_type(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    bob = await (await sit()).opens_document(paper.edit)
    path = f"documents/{paper.id}/content"
    kind = {"Content-Type": "text/markdown"}
    lines = [f"Paragraph {number}." for number in range(40)]

    def put() -> None:
        body = "\n\n".join(lines).encode()
        alice.server.api("PUT", path, content=body, headers=kind).raise_for_status()

    def change(text: str) -> None:
        operation = {"op": "replace_text", "find": "Paragraph 20", "replace": text}
        body = {"operations": [operation]}
        alice.server.api("PATCH", path, json=body).raise_for_status()

    await asyncio.to_thread(put)
    await bob.sees("Paragraph 39.")

    async def writes(person, number: int, words: str) -> None:  # type: ignore[no-untyped-def]
        paragraph = person.editor.get_by_text(f"Paragraph {number}.", exact=True)
        await person.goes_to_the_end_of(paragraph)
        await person.page.keyboard.type(words, delay=15)

    async def program() -> None:
        for round_ in range(8):
            await asyncio.to_thread(change, f"Paragraph 20 was changed {round_},")
            await asyncio.sleep(0.1)
        await asyncio.to_thread(
            alice.server.api,
            "PATCH",
            path,
            json={"operations": [{"op": "prepend", "content": "# Title by a program"}]},
        )

    above = " Alice writes here without a break, all the time."
    below = " And Bob does the same further down the page."
    await asyncio.gather(writes(alice, 5, above), writes(bob, 35, below), program())
    # Nobody's caret moved to another place, and no letter is missing.
    for person in (alice, bob):
        await person.sees(f"Paragraph 5.{above}")
        await person.sees(f"Paragraph 35.{below}")
        await person.sees("Title by a program")
    one = alice.by("presence").locator("[data-program]")
    await asyncio.to_thread(change, "Paragraph 20")
    await expect(one).to_have_count(1, timeout=WITHIN_MS)
    await alice.shows("program")
    await alice.is_saved()
    text = alice.server.api("GET", f"documents/{paper.id}/snapshot?format=text").text
    assert f"Paragraph 5.{above}\n" in text
    assert f"Paragraph 35.{below}\n" in text
    assert not [fault for person in (alice, bob) for fault in person.faults]
