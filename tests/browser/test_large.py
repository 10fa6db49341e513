"""A program changes one word in the middle of a thousand blocks while two people type."""

import asyncio
import re

from tests.browser.conftest import Paper, Person, Sit

BLOCKS = 1000


async def writes(person: Person, number: int, words: str) -> None:
    paragraph = person.editor.get_by_text(f"Paragraph {number}.", exact=True)
    await person.goes_to_the_end_of(paragraph)
    await person.page.keyboard.type(words, delay=20)


async def test_one_word_of_a_thousand_blocks(sit: Sit, paper: Paper) -> None:
    alice = await (await sit("alice")).opens_document(paper.address)
    path = f"documents/{paper.id}"
    server = alice.server

    def put(text: str, base: str = "") -> int:
        kind = {"Content-Type": "text/markdown"}
        query = f"?base={base}" if base else ""
        answer = server.api("PUT", f"{path}/content{query}", content=text.encode(), headers=kind)
        head: int = answer.raise_for_status().json()["head"]
        return head

    def row(head: int) -> int:
        return int(
            server.run_script(
                "from documents.models import LogEntry;"
                f"row = LogEntry.objects.get(document_id='{paper.id}', seq={head});"
                "print(len(row.update))"
            )
        )

    text = "\n\n".join(f"Paragraph {number}." for number in range(BLOCKS))
    filled = await asyncio.to_thread(put, text)
    bob = await (await sit()).opens_document(paper.edit)
    for person in (alice, bob):
        await person.sees(f"Paragraph {BLOCKS - 1}.")
    # The editors, which have the whole document now, correct nothing of what the program wrote.
    assert server.api("GET", path).json()["head"] == filled

    async def program() -> None:
        for round_ in range(3):
            page = await asyncio.to_thread(server.api, "GET", f"{path}/snapshot?format=markdown")
            await asyncio.sleep(0.5)  # it thinks, and people go on
            changed = re.sub(r"Paragraph 500\w*\.", f"Paragraph 500{'x' * round_}.", page.text)
            await asyncio.to_thread(put, changed, page.headers["ETag"].strip('"'))

    above, below = " Alice goes on and on above.", " Bob does the same far below."
    await asyncio.gather(writes(alice, 3, above), writes(bob, 997, below), program())
    for person in (alice, bob):
        await person.sees(f"Paragraph 3.{above}")
        await person.sees(f"Paragraph 997.{below}")
        await person.sees("Paragraph 500xx.")
    await alice.is_saved()
    await bob.is_saved()

    head = server.api("GET", path).json()["head"]
    word = await asyncio.to_thread(
        put,
        server.api("GET", f"{path}/snapshot?format=markdown").text.replace(
            "Paragraph 500xx.", "Paragraph five hundred."
        ),
    )
    assert word == head + 1
    assert row(word) < 1000  # bytes
    await bob.sees("Paragraph five hundred.")
    await asyncio.sleep(1)
    assert server.api("GET", path).json()["head"] == word
    assert not alice.faults + bob.faults
