"""The ASGI application: HTTP to Django, WebSocket past the origin check to the consumers."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collab.settings")

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

http = get_asgi_application()  # loads the apps: consumers may be imported only after it

from django.urls import re_path

from collab.errors import NotFound
from collab.health import Health
from collab.origin import OriginCheck
from collab.socket import SocketConsumer
from documents.routing import websocket_urlpatterns


class NoSuchSocket(SocketConsumer):
    """Answers every other path, instead of Channels' traceback."""

    async def converse(self) -> None:
        raise NotFound("no such WebSocket")


application = ProtocolTypeRouter(
    {
        "http": Health(http),
        "websocket": OriginCheck(
            URLRouter([*websocket_urlpatterns, re_path("", NoSuchSocket.as_asgi())])
        ),
    }
)
