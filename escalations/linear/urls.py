"""Pages of filing in Linear."""

from __future__ import annotations

from django.urls import path

from escalations.linear import views

app_name = "linear"
urlpatterns = [
    path("", views.connection, name="connection"),
    path("edit/", views.edit, name="edit"),
    path("test/", views.test, name="test"),
    path("remove/", views.remove, name="remove"),
    path("issues/<uuid:client_id>/again/", views.again, name="again"),
]
