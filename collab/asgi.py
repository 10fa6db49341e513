"""The ASGI application: HTTP to Django, WebSocket past the origin check to the consumers."""

import os
from collections.abc import Awaitable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collab.settings")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

http = get_asgi_application()  # loads the apps: consumers may be imported only after it

from django.urls import Resolver404, resolve

from collab.errors import NotFound
from collab.health import Health
from collab.origin import OriginCheck
from collab.socket import SocketConsumer
from documents import routing


class NoSuchSocket(SocketConsumer):
    """Answers every other path, instead of Channels' traceback."""

    async def converse(self) -> None:
        raise NotFound("no such WebSocket")


def route(scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[None]:
    """The consumer of this path, which speaks with who has connected.

    Channels' ``URLRouter`` and ``as_asgi`` would do it with three coroutines and a second scope,
    which each connection keeps for as long as it lives: 2 KB.
    """
    try:
        match = resolve(scope["path"], routing.__name__)
    except Resolver404:
        return NoSuchSocket()(scope, receive, send)
    consumer: SocketConsumer = match.func(**match.kwargs)
    return consumer(scope, receive, send)


application = ProtocolTypeRouter({"http": Health(http), "websocket": OriginCheck(route)})
