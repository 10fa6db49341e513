"""URLs of the pages."""

from django.urls import path

from documents.views import document, document_list

urlpatterns = [
    path("", document_list, name="document-list"),
    path("d/<uuid:document_id>", document, name="document"),
]
