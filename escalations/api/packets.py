"""The packet of an investigation, as JSON, Markdown or plain text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiView
from escalations.packets.markdown import markdown
from escalations.packets.plain import as_text
from escalations.packets.preview import preview
from investigations.models import Investigation


class _Written(BaseRenderer):
    """Text as it is; an error stays a problem in JSON."""

    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return (data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, default=str)).encode()


class MarkdownRenderer(_Written):
    media_type = "text/markdown"
    format = "markdown"


class TextRenderer(_Written):
    media_type = "text/plain"
    format = "text"


class Negotiation(DefaultContentNegotiation):
    """`?format=` beats the Accept header; an unknown one is told, not taken for a missing page."""

    def filter_renderers(self, renderers: Any, format: str) -> Any:
        found = [one for one in renderers if one.format == format]
        if not found:
            known = ", ".join(one.format for one in renderers)
            raise ValidationError({"format": [f"“{format[:40]}” is not one of {known}."]})
        return found


class PacketView(ApiView):
    required_permissions: ClassVar[dict[str, str]] = {"get": "run.read"}
    renderer_classes = [JSONRenderer, MarkdownRenderer, TextRenderer]
    content_negotiation_class = Negotiation

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=["json", "markdown", "text"])],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "text/markdown"): OpenApiTypes.STR,
            (200, "text/plain"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request, ref: str) -> Response:
        """What engineering would read, as of now: summary, impact, cause, reproduction, evidence, timeline, what was
        ruled out and what could not be checked. The JSON's schema stands at `/packets/schema.json`.
        """
        runs = Investigation.objects.visible_to(self.user).with_context()
        packet = preview(get_object_or_404(runs.by_ref(ref)), user=self.user, now=timezone.now()).as_dict()
        match getattr(request.accepted_renderer, "format", ""):
            case "markdown":
                return Response(markdown(packet))
            case "text":
                return Response(as_text(packet))
            case _:
                return Response(packet)
