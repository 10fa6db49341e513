"""A channel layer that loses messages, for server processes of tests only.

``tests.lossy_settings`` puts it in the place of the real one.
"""

import os
import random
from typing import Any

from collab.pubsub import PubSubLayer

_LOSS = float(os.environ.get("TEST_BUS_LOSS", "0"))
_dice = random.Random(os.environ.get("TEST_BUS_SEED", "0"))


class LossyLayer(PubSubLayer):
    """Each message to a group is lost with the probability ``TEST_BUS_LOSS``."""

    async def group_send(self, group: str, message: dict[str, Any]) -> int:
        return 0 if _dice.random() < _LOSS else await super().group_send(group, message)
