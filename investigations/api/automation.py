"""The rules of automatic investigations: read, replaced as a whole, tried, brought back; the kill switch."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.filtering import NoFilter
from altor.api.views import ApiView, ApiViewSet
from investigations.automation.rules import read_rules
from investigations.models import AutomationDecision, AutomationVersion
from investigations.services.automation import stopped_why, usage
from investigations.services.automation_rules import InForce, restore_version, rules_in_force, save_rules
from investigations.services.automation_simulation import DAYS, Simulation, simulate
from investigations.services.automation_switch import switch_off, switch_on, switch_state


class SwitchSerializer(serializers.Serializer[Any]):
    is_on = serializers.BooleanField()
    at = serializers.DateTimeField(allow_null=True)
    by = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    cancelled = serializers.IntegerField(help_text="Queued runs that went with it")
    environment_on = serializers.BooleanField(help_text="ALTOR_AUTO_INVESTIGATE: the outer switch")


class AutomationSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(help_text="0: as shipped")
    rules = serializers.JSONField(help_text="As in automation.yaml: rules, default, quota_per_hour, calendars")
    saved_at = serializers.DateTimeField(allow_null=True)
    saved_by = serializers.CharField(allow_null=True)
    comment = serializers.CharField(allow_blank=True)
    used_last_hour = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Tickets that wait for the quota")
    stopped = serializers.CharField(allow_blank=True, help_text="Why nothing runs by itself; empty when it does")
    switch = SwitchSerializer()


class RulesInput(serializers.Serializer[Any]):
    rules = serializers.JSONField(help_text="The whole set, as in automation.yaml")


class AutomationInput(RulesInput):
    version = serializers.IntegerField(
        min_value=0, help_text="The version that was edited: 409 when it is not in force"
    )
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)


class RestoreInput(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=0, help_text="The version in force that this is meant to replace")


class SwitchInput(serializers.Serializer[Any]):
    is_on = serializers.BooleanField()
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)
    cancel_queued = serializers.BooleanField(required=False, default=False)


class VersionSerializer(serializers.ModelSerializer[AutomationVersion]):
    saved_by = serializers.CharField(source="created_by.username", default=None, read_only=True)

    class Meta:
        model = AutomationVersion
        fields: tuple[str, ...] = ("number", "comment", "created_at", "saved_by")
        read_only_fields = fields


class VersionDetailSerializer(VersionSerializer):
    rules = serializers.JSONField(source="data", read_only=True)

    class Meta(VersionSerializer.Meta):
        fields = (*VersionSerializer.Meta.fields, "rules")
        read_only_fields = fields


class AutomationView(ApiView):
    required_permissions = {"get": "automation.read", "put": "automation.edit"}

    @extend_schema(responses=AutomationSerializer)
    def get(self, request: Request) -> Response:
        """The rules in force, what of the quota is used, and the switch."""
        return Response(_state(rules_in_force()))

    @extend_schema(request=AutomationInput, responses=AutomationSerializer)
    def put(self, request: Request) -> Response:
        """A new version of the whole set. 409 `automation_changed` when `version` is not in force any more."""
        body = AutomationInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        rules = read_rules(given["rules"])
        return Response(_state(save_rules(rules, base=given["version"], actor=self.user, comment=given["comment"])))


class AutomationSimulationView(ApiView):
    required_permissions = {"post": "automation.read"}

    @extend_schema(request=RulesInput, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """What these rules would have done with the tickets of the last 14 days. Nothing is saved."""
        body = RulesInput(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(_told(simulate(read_rules(body.validated_data["rules"]), now=timezone.now())))


class AutomationSwitchView(ApiView):
    required_permissions = {"post": "automation.edit"}

    @extend_schema(request=SwitchInput, responses=SwitchSerializer)
    def post(self, request: Request) -> Response:
        """The kill switch. Off needs a reason; 409 when it stands so already."""
        body = SwitchInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        if given["is_on"]:
            switch_on(actor=self.user, reason=given["reason"])
        else:
            switch_off(actor=self.user, reason=given["reason"], cancel_queued=given["cancel_queued"])
        return Response(_switch())


class AutomationVersionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    required_permissions = {"list": "automation.read", "retrieve": "automation.read", "restore": "automation.edit"}
    lookup_field = "number"
    lookup_value_regex = r"[0-9]{1,9}"
    filterset_class = NoFilter

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return VersionSerializer if self.action == "list" else VersionDetailSerializer

    def get_queryset(self) -> QuerySet[AutomationVersion]:
        found = AutomationVersion.objects.select_related("created_by").order_by("-pk")
        return found.defer("data") if self.action == "list" else found

    @extend_schema(request=RestoreInput, responses=AutomationSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, number: str) -> Response:
        """Bring a version back as the newest one; 0 is how Altor is shipped."""
        body = RestoreInput(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(_state(restore_version(int(number), base=body.validated_data["version"], actor=self.user)))


def _state(now: InForce) -> dict[str, Any]:
    row = now.row
    return {
        "version": now.number,
        "rules": now.rules.as_data(),
        "saved_at": row.created_at if row else None,
        "saved_by": row.created_by.username if row and row.created_by else None,
        "comment": row.comment if row else "",
        "used_last_hour": usage("", timezone.now()).total,
        "waiting": AutomationDecision.objects.waiting().count(),
        "stopped": stopped_why(),
        "switch": _switch(),
    }


def _switch() -> dict[str, Any]:
    row = switch_state()
    return {
        "is_on": row is None or row.is_on,
        "at": row.at if row else None,
        "by": row.by.username if row and row.by else None,
        "reason": row.reason if row else "",
        "cancelled": row.cancelled if row else 0,
        "environment_on": settings.AUTO_INVESTIGATE,
    }


def _told(found: Simulation) -> dict[str, Any]:
    return {
        "days": DAYS,
        "tickets": found.total,
        "automatic": found.automatic,
        "suggest": found.suggest,
        "watch": found.watch,
        "classes": [
            {
                "class": line.incident_class, "automatic": line.automatic, "suggest": line.suggest, "watch": line.watch,
            }
            for line in found.lines
        ],
        "rules": dict(found.by_rule),
        "peak_per_hour": found.peak,
        "peak_at": found.peak_at,
        "held_back": found.held_back,
    }  # fmt: skip
