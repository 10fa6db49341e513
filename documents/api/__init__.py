"""The API of documents: a router for each resource, mounted under /api/v1/documents."""

from ninja import Router

from documents.api import (
    access_requests,
    attachments,
    changes,
    content,
    deliveries,
    documents,
    downloads,
    links,
    members,
    presence,
    snapshot,
    socket_token,
    stars,
    versions,
    webhooks,
)

ROUTERS: list[tuple[str, Router]] = [
    ("documents", documents.router),
    ("documents", stars.router),
    ("content", snapshot.router),
    ("sharing", members.router),
    ("sharing", links.router),
    ("sharing", access_requests.router),
    ("attachments", attachments.router),
    ("live", socket_token.router),
    ("versions", versions.router),
    ("webhooks", webhooks.router),
    ("webhooks", deliveries.router),
]
# Under /api/v1/me.
MY_ROUTERS: list[tuple[str, Router]] = [
    ("webhooks", webhooks.mine),
    ("webhooks", deliveries.mine),
]
# Of operations that await something.
ASYNC_ROUTERS: list[tuple[str, Router]] = [
    ("content", content.router),
    ("live", presence.router),
    ("versions", versions.async_router),
    ("changes", changes.router),
    ("attachments", downloads.router),
]
