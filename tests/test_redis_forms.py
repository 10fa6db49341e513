"""Several Redis that share the documents, and one behind Sentinel: both carry messages."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from collab.pubsub import PubSubLayer
from tests.backends import Redis
from tests.clients import Client, until
from tests.servers import Server


class Sentinel(Redis):
    """Watches one master, alone."""

    def __init__(self, directory: Path, master: Redis) -> None:
        super().__init__(directory)
        self._master = master

    def start(self) -> "Sentinel":
        configuration = self.directory / "sentinel.conf"
        configuration.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.directory}\n"
            f"sentinel monitor collab 127.0.0.1 {self._master.port} 1\n"
        )
        configuration.chmod(0o666)  # it keeps its notes there
        super().start()
        return self

    def _command(self) -> list[str]:
        program, *_ = super()._command()
        return [program, str(self.directory / "sentinel.conf"), "--sentinel"]


async def hear_each_other(here: Server, there: Server, documents: int) -> None:
    for _ in range(documents):
        document = here.new_document()
        async with Client(here, document, ack="count") as bob, Client(there, document) as carol:
            bob.types("by the bus")
            await carol.sees("by the bus", within=2)  # sooner than any sweep
            carol.points_at(1, cursor=1)
            await until(lambda: carol.doc.client_id in bob.awareness, within=2)
            await bob.all_saved()


async def test_the_layer_says_how_many_processes_received_a_message(tmp_path: Path) -> None:
    with Redis(tmp_path / "redis") as redis:
        here, there = PubSubLayer(hosts=[redis.url]), PubSubLayer(hosts=[redis.url])
        assert await here.group_send("group", {"type": "said"}) == 0
        for layer, receivers in [(here, 1), (there, 2)]:
            channel = await layer.new_channel()
            await layer.group_add("group", channel)
            while await here.group_send("group", {"type": "said"}) < receivers:
                await asyncio.sleep(0.01)  # Redis answers SUBSCRIBE late
            assert (await layer.receive(channel))["type"] == "said"
        await here.flush()
        await there.flush()


async def test_several_redis_share_the_documents(new_server: Any, tmp_path: Path) -> None:
    with ExitStack() as stack:
        shards = [stack.enter_context(Redis(tmp_path / f"redis-{n}")) for n in range(3)]
        urls = ",".join(shard.url for shard in shards)
        here = new_server(backend="postgres", REDIS_URL=urls, COLLAB_SWEEP_S="30")
        there = here.another()
        await hear_each_other(here, there, documents=8)
        status = await asyncio.to_thread(here.manage, "verify")
        assert "hold together" in status


async def test_one_behind_sentinel_is_found(new_server: Any, tmp_path: Path) -> None:
    with (
        Redis(tmp_path / "redis") as master,
        Sentinel(tmp_path / "sentinel", master) as sentinel,
    ):
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/collab"
        here = new_server(backend="postgres", REDIS_URL=url, COLLAB_SWEEP_S="30")
        there = here.another()
        await hear_each_other(here, there, documents=2)
