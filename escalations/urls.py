"""Pages of escalations."""

from __future__ import annotations

from django.urls import path

from escalations.views import packets

app_name = "escalations"
urlpatterns = [
    path("packets/schema.json", packets.schema, name="packet-schema"),
    path("investigations/<str:ref>/packet/", packets.packet_preview, name="packet-preview"),
    path("investigations/<str:ref>/packet.json", packets.packet_json, name="packet-json"),
]
