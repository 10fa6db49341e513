"""Fifty clients open one cold document of 5 MB at once: it is loaded once and encoded once."""

import asyncio
import signal
import socket
import time
from contextlib import ExitStack

from tests.clients import Client, connected, text_of, until

MiB = 1024 * 1024
JOINERS = 50
CROWD = 300
LIMIT = 2 * MiB
PARAGRAPH = "All work and no play makes a dull document. " * 240


async def test_fifty_join_a_cold_document(new_server):
    server = new_server(COLLAB_MAX_MESSAGE_BYTES=str(LIMIT))
    document = server.new_document()
    async with Client(server, document, ack="count") as author:
        for number in range(500):
            author.types(f"{number} {PARAGRAPH}", place=0)  # before the last: they stay apart
        await author.all_saved(within=30)
        whole = str(author.text)
    assert len(whole) > 5 * MiB
    server.restart()

    joiners = [Client(server, document) for _ in range(JOINERS)]
    began = time.monotonic()
    async with connected(*joiners):
        took = time.monotonic() - began
        print(f"{JOINERS} joiners of {len(whole) / MiB:.1f} MiB are synced after {took:.2f} s")
        opened = server.log_lines("room opened", document.id)
        assert len(opened) == 2  # before and after the restart
        assert len(server.log_lines("state encoded", document.id)) == 1
        assert all(str(joiner.text) == whole for joiner in joiners[::10])
        biggest = max(len(frame) for joiner in joiners for frame in joiner.frames)
        assert biggest <= LIMIT, "a state above the limit comes in pieces"
        joiners[0].types("!", place=0)
        await asyncio.gather(*(joiner.sees("!499", within=10) for joiner in joiners))
    await until(lambda: text_of(server.snapshot(document)) == "!" + whole, within=10)


async def test_a_long_text_of_one_author_can_be_opened(new_server):
    """Pieces that one author types one after another become one struct above the frame limit."""
    server = new_server(COLLAB_MAX_MESSAGE_BYTES=str(LIMIT))
    document = server.new_document()
    async with Client(server, document, ack="count") as author:
        for _ in range(3):
            author.types(PARAGRAPH * 100)
        await author.all_saved()
        whole = str(author.text)
    async with asyncio.timeout(5), Client(server, document) as newcomer:
        assert str(newcomer.text) == whole


async def test_a_crowd_that_comes_while_nobody_listens_need_not_try_again(new_server):
    """The kernel lets it in. Whoever it had no place for would try again a second later."""
    server = new_server()
    loop = asyncio.get_running_loop()
    with ExitStack() as sockets:
        server.signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(0.9), asyncio.TaskGroup() as group:
                for _ in range(CROWD):
                    one = sockets.enter_context(socket.socket())
                    one.setblocking(False)
                    group.create_task(loop.sock_connect(one, ("127.0.0.1", server.port)))
        finally:
            server.signal(signal.SIGCONT)
