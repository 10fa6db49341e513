"""A process that pycrdt crashes or stalls is ended and, started again, does not fall again."""

import asyncio
import signal
import time
from typing import Any

import pytest

from tests.clients import Client
from tests.poisoned import CRASHES, STALLS
from tests.servers import PYTHON


@pytest.fixture
def server(new_server: Any, tmp_path: Any) -> Any:
    return new_server(
        program=(PYTHON, "tests/poisoned.py"),
        COLLAB_STALL_SECONDS="2",
        COLLAB_STATE_DIR=str(tmp_path),
    )


@pytest.mark.parametrize("poison", [STALLS, CRASHES])
async def test_what_ends_a_process_ends_it_once(server: Any, poison: bytes) -> None:
    document = server.new_document()
    async with Client(server, document, ack="count") as carol:
        carol.types("safe. ")
        await carol.all_saved()
    mallory = Client(server, document)
    await mallory.connect()
    began = time.monotonic()
    mallory.types(poison.decode())
    assert await asyncio.to_thread(server.wait_for_exit, 10) != 0
    assert time.monotonic() - began < 6
    await mallory.disconnect()

    server.start()  # as its supervisor does
    assert server.log_lines("update quarantined", document.id)
    async with Client(server, document, ack="count") as carol:
        assert str(carol.text) == "safe. "
        await mallory.open()  # sends it again
        code, reason = await mallory.end()
        assert code == 4400
        assert "ended a server process before" in reason
        await mallory.disconnect()
        carol.types("still here")
        await carol.all_saved()
    quarantined = server.run_script(
        "from documents.models import Quarantine; q = Quarantine.objects.get(); "
        "print(bytes(q.update)); print(q.reason)"
    )
    assert poison.decode() in quarantined
    assert "apply_update" in quarantined


async def test_a_process_that_is_killed_blames_nobody(server: Any) -> None:
    document = server.new_document()
    async with Client(server, document) as bob:
        for number in range(500):
            bob.types(f"{number} ")
        await bob.sees("499")
        server.kill()
    server.start()
    assert not server.log_lines("update quarantined")
    async with Client(server, document) as newcomer:
        newcomer.types("!")
        await newcomer.sees("!")


async def test_a_pause_shorter_than_the_limit_ends_nothing(server: Any) -> None:

    document = server.new_document()
    async with Client(server, document, ack="count") as bob:
        server.signal(signal.SIGSTOP)
        await asyncio.sleep(1)
        server.signal(signal.SIGCONT)
        bob.types("after a pause")
        await bob.all_saved()
    assert server.is_running
