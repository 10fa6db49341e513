"""One in five bus messages is lost: everybody converges all the same, and nobody notices."""

import asyncio
import os
import random
from typing import Any

from tests.clients import Client, connected, until

SECONDS = 30 if os.environ.get("CI") else 10
SEED = 20261121


async def test_everybody_converges_though_one_message_in_five_is_lost(new_server: Any) -> None:
    lossy = {
        "DJANGO_SETTINGS_MODULE": "tests.lossy_settings",
        "TEST_BUS_LOSS": "0.2",
        "TEST_BUS_SEED": str(SEED),
    }
    here = new_server(backend="postgres", **lossy)
    there = here.another()
    document = here.new_document()
    clients = [Client(server, document, ack="count") for server in (here, there) * 5]
    dice = random.Random(SEED)
    async with connected(*clients):
        loop = asyncio.get_running_loop()
        end = loop.time() + SECONDS
        edits = 0
        while loop.time() < end:
            client = dice.choice(clients)
            length = len(client.text)
            if length > 200 and dice.random() < 0.3:
                start = dice.randrange(length - 5)
                del client.text[start : start + 3]
            else:
                client.types(f"{edits} ", place=dice.randrange(length + 1))
            edits += 1
            await asyncio.sleep(0.01)
        ended = loop.time()
        texts = {str(client.text) for client in clients}
        await until(lambda: len({str(client.text) for client in clients}) == 1, within=5)
        took = loop.time() - ended
        await asyncio.gather(*(client.all_saved(within=10) for client in clients))
        assert all(client.is_connected for client in clients)
        lost = sum(len(server.log_lines("bus gap")) for server in (here, there))
        print(
            f"seed {SEED}: {edits} edits in {SECONDS} s, {lost} gaps noticed; "
            f"{len(texts)} different texts at the end, one and the same {took:.1f} s later"
        )
        assert lost > 10, "messages were lost"
    assert here.snapshot(document)
    assert "hold together" in here.manage("verify", document.id)
