"""The settings of server processes whose bus loses messages (see ``tests.faults``)."""

from collab.settings import *  # noqa: F403 - all of them, and one changed
from collab.settings import CHANNEL_LAYERS

CHANNEL_LAYERS["default"]["BACKEND"] = "tests.faults.LossyLayer"
