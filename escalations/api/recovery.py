"""Proofs of recovery over REST."""

from __future__ import annotations

from typing import Any

import django_filters
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.filtering import StrictFilterSet
from altor.api.views import ApiViewSet
from altor.errors import Conflict
from escalations.models import Escalation, Incident, Recovery, RecoveryReading
from escalations.models.recovery import RecoveryQuerySet
from escalations.recovery.shown import Line, by_ref, shown, visible_recoveries
from escalations.recovery.starting import measure_now


class RecoveryFilter(StrictFilterSet):
    status = django_filters.MultipleChoiceFilter(choices=Recovery.Status.choices)
    escalation = django_filters.CharFilter(method="of_escalation", max_length=24, help_text="ESC-12")
    incident = django_filters.CharFilter(method="of_incident", max_length=24, help_text="INC-3")
    ticket = django_filters.CharFilter(field_name="readings__ticket__ref", max_length=80, distinct=True)

    class Meta:
        model = Recovery
        fields: list[str] = []

    def of_escalation(self, rows: RecoveryQuerySet, name: str, value: str) -> RecoveryQuerySet:
        return rows.filter(escalation__in=Escalation.objects.by_ref(value))

    def of_incident(self, rows: RecoveryQuerySet, name: str, value: str) -> RecoveryQuerySet:
        return rows.filter(incident__in=Incident.objects.by_ref(value))


class RecoverySerializer(serializers.ModelSerializer[Recovery]):
    ref = serializers.CharField()
    escalation = serializers.SerializerMethodField()
    incident = serializers.SerializerMethodField()
    investigation = serializers.CharField(source="run.ref")
    symptom = serializers.SerializerMethodField(help_text="What is measured, in words")
    unit = serializers.SerializerMethodField(help_text="Of the levels; shares are 0 to 1")

    class Meta:
        model = Recovery
        fields = (
            "ref", "escalation", "incident", "investigation", "status", "fixed_at", "onset_at", "symptom", "unit",
            "why", "rounds", "began_at", "measured_at", "next_at", "back_since", "failed_at", "ended_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_escalation(self, found: Recovery) -> str:
        return found.escalation.ref if found.escalation is not None else ""

    def get_incident(self, found: Recovery) -> str:
        return found.incident.ref if found.incident is not None else ""

    def get_symptom(self, found: Recovery) -> str:
        return str(found.symptom.get("title") or "")

    def get_unit(self, found: Recovery) -> str:
        return str(found.symptom.get("unit") or "")


class ReadingSerializer(serializers.Serializer[Any]):
    """One customer. `customer` is empty for those who may not read the customer directory."""

    customer = serializers.CharField(source="name")
    ticket = serializers.SerializerMethodField()
    verdict = serializers.ChoiceField(source="row.verdict", choices=RecoveryReading.Verdict.choices)
    before = serializers.FloatField(source="row.before", allow_null=True)
    during = serializers.FloatField(source="row.during", allow_null=True)
    after = serializers.FloatField(source="row.after", allow_null=True)
    records = serializers.FloatField(source="row.records", help_text="Since the fix")
    since = serializers.DateTimeField(source="row.since", allow_null=True, help_text="Back to normal since")
    error = serializers.CharField(source="row.error")
    measured_at = serializers.DateTimeField(source="row.measured_at", allow_null=True)

    def get_ticket(self, line: Line) -> str:
        return line.ticket.ref if line.ticket is not None else ""


class RecoveryDetailSerializer(RecoverySerializer):
    headline = serializers.SerializerMethodField()
    readings = serializers.SerializerMethodField()

    class Meta:
        model = Recovery
        fields = (*RecoverySerializer.Meta.fields, "headline", "readings")
        read_only_fields = fields

    def get_headline(self, found: Recovery) -> str:
        return str(self.context["shown"].headline)

    @extend_schema_field(ReadingSerializer(many=True))
    def get_readings(self, found: Recovery) -> list[dict[str, Any]]:
        return list(ReadingSerializer(self.context["shown"].lines, many=True).data)


class RecoveryViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {"list": "escalation.read", "retrieve": "escalation.read", "measure": "run.start"}
    lookup_url_kwarg = "ref"
    lookup_value_regex = r"REC-[0-9]{1,17}"
    filterset_class = RecoveryFilter
    serializer_class = RecoverySerializer

    def get_queryset(self) -> RecoveryQuerySet:
        return visible_recoveries(self.user).select_related("escalation", "incident", "run")

    def get_object(self) -> Recovery:
        found = by_ref(self.user, self.kwargs["ref"])
        return found if found is not None else get_object_or_404(Recovery.objects.none())

    def _response(self, found: Recovery) -> Response:
        return Response(RecoveryDetailSerializer(found, context={"shown": shown(found, self.user)}).data)

    @extend_schema(responses=RecoveryDetailSerializer)
    def retrieve(self, request: Request, ref: str) -> Response:
        """With the reading of each customer; those who still show it come first."""
        return self._response(self.get_object())

    @extend_schema(request=None, responses=RecoveryDetailSerializer)
    @action(detail=True, methods=["post"])
    def measure(self, request: Request, ref: str) -> Response:
        """Measure at once instead of at the next round. 409 for a proof that is over."""
        found = self.get_object()
        if not measure_now(found, actor=self.user, now=timezone.now()):
            raise Conflict(f"{found.ref} is over: {found.get_status_display().lower()}.", recovery=found.ref)
        found.refresh_from_db()
        return self._response(found)
