"""Pages, API, accounts, admin."""

from django.contrib import admin
from django.urls import include, path

from collab.api import api, no_such_path

urlpatterns = [
    path("", include("documents.urls")),
    path("api/v1/", api.urls),
    path("api/v1/<path:path>", no_such_path),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
