"""The plain list that the sidebar's call is held against: what REST framework does by itself, on the same rows."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.widget_peer_settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.urls import path  # noqa: E402  # after the set-up
from rest_framework import generics, pagination, serializers  # noqa: E402  # after the set-up

from investigations.models import Investigation  # noqa: E402  # after the set-up


class RunSerializer(serializers.ModelSerializer[Investigation]):
    class Meta:
        model = Investigation
        fields = (
            "id", "event_key", "trigger", "as_of", "status", "attempt", "failure", "queued_at", "started_at",
            "finished_at", "seconds", "upstream_seconds", "top_label", "confidence", "severity", "result_hash",
        )  # fmt: skip


class Cursor(pagination.CursorPagination):
    page_size = 20
    ordering = "-id"


class RunList(generics.ListAPIView[Investigation]):
    serializer_class = RunSerializer
    pagination_class = Cursor
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    queryset = Investigation.objects.filter(ticket__ref="BN-0").defer("diagnosis", "inputs", "seen", "profile", "route")


urlpatterns = [path("list/", RunList.as_view())]
