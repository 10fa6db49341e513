"""A channel layer that loses messages, for server processes of tests only.

``tests.lossy_settings`` puts it in the place of the real one.
"""

import os
import random
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer

_LOSS = float(os.environ.get("TEST_BUS_LOSS", "0"))
_dice = random.Random(os.environ.get("TEST_BUS_SEED", "0"))


class LossyLayer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """Each message to a group is lost with the probability ``TEST_BUS_LOSS``."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if _dice.random() >= _LOSS:
            await self._get_layer().group_send(group, message)
