"""The API of documents: a router for each resource, mounted under /api/v1/documents."""

from ninja import Router

from documents.api import content, documents, links, members, snapshot, socket_token

ROUTERS: list[tuple[str, Router]] = [
    ("documents", documents.router),
    ("content", snapshot.router),
    ("sharing", members.router),
    ("sharing", links.router),
    ("live", socket_token.router),
]
# Of operations that await something.
ASYNC_ROUTERS: list[tuple[str, Router]] = [
    ("content", content.router),
]
