"""Two Channels consumers on Daphne: pycrdt-websocket's, and the one of every tutorial.

LAYER is the channel layer's class, REDIS_URL where its Redis is; all else is the default.
"""

import os
from typing import Any

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings

layer: dict[str, Any] = {"BACKEND": os.environ["LAYER"]}
if "REDIS_URL" in os.environ:
    layer["CONFIG"] = {"hosts": [os.environ["REDIS_URL"]]}
settings.configure(
    SECRET_KEY="of the benchmark",
    ALLOWED_HOSTS=["*"],
    CHANNEL_LAYERS={"default": layer},
)
django.setup()

from django.urls import path
from pycrdt.websocket.django_channels_consumer import YjsConsumer


class RelayConsumer(AsyncWebsocketConsumer):
    """Every frame goes to everybody in the group."""

    async def connect(self) -> None:
        self.group = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.channel_layer.group_send(self.group, {"type": "relay", "frame": bytes_data})

    async def relay(self, event: dict[str, Any]) -> None:
        await self.send(bytes_data=event["frame"])


application = ProtocolTypeRouter(
    {
        "websocket": URLRouter(
            [
                path("yjs/<str:room>", YjsConsumer.as_asgi()),
                path("relay/<str:room>", RelayConsumer.as_asgi()),
            ]
        )
    }
)
