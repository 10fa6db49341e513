"""WebSocket URLs: the consumer of each path, made with what the path says."""

from django.urls import path

from documents.consumers import DocumentConsumer

urlpatterns = [path("ws/documents/<str:document_id>", DocumentConsumer)]
