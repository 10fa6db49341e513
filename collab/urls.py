"""Pages, API, accounts, admin."""

from django.contrib import admin
from django.urls import include, path, re_path

from collab.api import api, no_such_path

urlpatterns = [
    path("", include("documents.urls")),
    path("api/v1/", no_such_path, {"path": ""}),  # before Ninja, which answers in HTML
    path("api/v1/", api.urls),
    re_path(r"^api/v1/(?P<path>[\s\S]*)", no_such_path),  # a line's end is no reason for HTML
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
