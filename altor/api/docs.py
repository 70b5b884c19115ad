"""The OpenAPI document and a page to read it, without inline script or style."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import IsAuthenticated

from altor.access import page


class SchemaView(SpectacularAPIView):
    """OpenAPI 3.1, as YAML or JSON."""

    permission_classes = [IsAuthenticated]


@page()
def api_docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI, served from this installation."""
    return render(request, "api/docs.html")
