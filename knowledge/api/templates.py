"""Reply templates: read, and the reply as it would read on an investigation."""

from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiViewSet
from investigations.models import Investigation
from knowledge.models import ReplyTemplateVersion
from knowledge.replies.format import form_of
from knowledge.replies.previewing import preview_of
from knowledge.serializers import ReplyPreviewInput, ReplyPreviewSerializer, ReplyTemplateSerializer


class ReplyTemplateViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "reply_template.read",
        "retrieve": "reply_template.read",
        "versions": "reply_template.read",
        "preview": "reply_template.read",
    }
    lookup_url_kwarg = "key"
    lookup_value_regex = r"[a-z0-9][a-z0-9_\-]{0,59}"
    serializer_class = ReplyTemplateSerializer

    def get_queryset(self) -> QuerySet[ReplyTemplateVersion]:
        found = ReplyTemplateVersion.objects.select_related("template", "created_by").order_by("-pk")
        return found.active() if self.action == "list" else found

    def _chosen(self, key: str) -> ReplyTemplateVersion:
        found = self.get_queryset().filter(template__key=key).order_by("-is_active", "-number")
        return get_object_or_404(found[:1])

    @extend_schema(responses=ReplyTemplateSerializer)
    def retrieve(self, request: Request, key: str) -> Response:
        """The version in force; the newest one when none is."""
        return Response(ReplyTemplateSerializer(self._chosen(key)).data)

    @extend_schema(responses=ReplyTemplateSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def versions(self, request: Request, key: str) -> Response:
        """All versions, newest first."""
        self._chosen(key)
        found = self.get_queryset().filter(template__key=key).order_by("-number")
        return Response(ReplyTemplateSerializer(found, many=True).data)

    @extend_schema(request=ReplyPreviewInput, responses={200: ReplyPreviewSerializer}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def preview(self, request: Request, key: str) -> Response:
        """The template in force, filled from a finished investigation that you may see. Stores nothing."""
        body = ReplyPreviewInput(data=request.data)
        body.is_valid(raise_exception=True)
        version = self._chosen(key)
        runs = Investigation.objects.visible_to(self.user).by_ref(body.validated_data["investigation"])
        run = get_object_or_404(runs.filter(status=Investigation.Status.DONE).with_context())
        shown = preview_of(form_of(version), run, self.user)
        return Response(
            {
                "text": shown.draft.text,
                "statements": shown.draft.as_dicts(),
                "unknown": list(shown.draft.unknown),
                "fits": shown.fits,
            }
        )
