"""Channels' layer on Redis pub/sub, that says how many heard a message.

It does by hand what ``group_send`` of channels-redis 4.3 does, with what that keeps to itself:
look at it again with another version (``tests/test_redis_forms.py`` would fail).
"""

from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer


class PubSubLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    async def group_send(self, group: str, message: dict[str, Any]) -> int:
        """The number of processes in the group at that moment: what Redis answers to PUBLISH,
        and channels-redis does not hand on."""
        layer = self._get_layer()
        name = layer._get_group_channel_name(group)
        shard = layer._get_shard(name)
        async with shard._lock:
            shard._ensure_redis()
            receivers: int = await shard._redis.publish(name, self.serialize(message))
        return receivers
