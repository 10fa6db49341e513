"""pycrdt-websocket's ASGI server, as its documentation starts it, on uvicorn."""

import os

import uvicorn
import uvloop
from pycrdt.websocket import ASGIServer, WebsocketServer


async def main() -> None:
    async with WebsocketServer() as rooms:
        config = uvicorn.Config(ASGIServer(rooms), port=int(os.environ["PORT"]), log_level="error")
        await uvicorn.Server(config).serve()


uvloop.run(main())  # as uvicorn's own command does where uvloop is installed
