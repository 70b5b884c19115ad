"""Backtests: closed tickets, what Altor would have said, what the team found."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiViewSet
from investigations.models import Trial
from investigations.services.trial_report import as_document, report_of
from investigations.services.trials import BACKTEST, MOST, cancel_trial, start_backtest


class BacktestListSerializer(serializers.ModelSerializer[Trial]):
    trial = serializers.CharField(source="ref", read_only=True)
    requested_by = serializers.CharField(source="requested_by.username", default=None, read_only=True, allow_null=True)

    class Meta:
        model = Trial
        fields = ("trial", "status", "chosen", "requested_by", "created_at", "finished_at")
        read_only_fields = fields


class BacktestInput(serializers.Serializer[Any]):
    last = serializers.IntegerField(required=False, default=BACKTEST, min_value=1, max_value=MOST)
    incident_class = serializers.SlugField(required=False, default="", allow_blank=True, max_length=20)
    since = serializers.DateTimeField(required=False, default=None, allow_null=True, help_text="Closed then or later")
    until = serializers.DateTimeField(required=False, default=None, allow_null=True, help_text="Closed before")


class BacktestViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "run.read",
        "retrieve": "run.read",
        "create": "trial.start",
        "cancel": "trial.start",
    }
    throttle_scopes = {"create": "run"}
    lookup_url_kwarg = "ref"
    lookup_value_regex = r"TRY-[0-9]{1,17}"

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return BacktestListSerializer

    def get_queryset(self) -> QuerySet[Trial]:
        found = Trial.objects.visible_to(self.user).filter(kind=Trial.Kind.BACKTEST)
        return found.select_related("requested_by", "playbook").order_by("-pk")

    def get_object(self) -> Trial:
        found = Trial.objects.visible_to(self.user).filter(kind=Trial.Kind.BACKTEST).by_ref(self.kwargs["ref"])
        return get_object_or_404(found)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def retrieve(self, request: Request, ref: str) -> Response:
        """Counts with their 95 % intervals, and a case per ticket that you may see: Altor's answer, what the team
        found, and how near they are (exact, one_hop, area, wrong; null where nobody has said).
        """
        return Response(as_document(report_of(self.get_object(), self.user)))

    @extend_schema(request=BacktestInput, responses={202: OpenApiTypes.OBJECT})
    def create(self, request: Request) -> Response:
        """Begin one over the last closed tickets that you may see. A worker does it, one ticket at a time."""
        body = BacktestInput(data=request.data)
        body.is_valid(raise_exception=True)
        trial = start_backtest(actor=self.user, **body.validated_data)
        return Response(as_document(report_of(trial, self.user)), status=202)

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, ref: str) -> Response:
        """Stop it; what was found so far stays. 409 when it is over."""
        return Response(as_document(report_of(cancel_trial(self.get_object(), actor=self.user), self.user)))
