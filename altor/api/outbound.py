"""Outbound webhooks: endpoints, deliveries, replay."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.filtering import NoFilter, StrictFilterSet
from altor.api.views import ApiViewSet
from altor.models import OutboundAttempt, OutboundDelivery, OutboundEndpoint
from altor.webhooks.endpoints import (
    change_endpoint,
    create_endpoint,
    disable_endpoint,
    drop_old_secrets,
    enable_endpoint,
    rotate_secret,
)
from altor.webhooks.replaying import replay_delivery, replay_undelivered, send_test


class OutboundEndpointSerializer(serializers.ModelSerializer[OutboundEndpoint]):
    """Never a secret: only how many sign."""

    name = serializers.CharField(source="slug", read_only=True)
    owner = serializers.CharField(source="owner.username", default=None, read_only=True, allow_null=True)
    live_secrets = serializers.SerializerMethodField()

    class Meta:
        model = OutboundEndpoint
        fields = (
            "name",
            "title",
            "url",
            "event_types",
            "owner",
            "is_active",
            "disabled_reason",
            "disabled_at",
            "failing_since",
            "last_success_at",
            "live_secrets",
            "created_at",
        )
        read_only_fields = fields

    def get_live_secrets(self, endpoint: OutboundEndpoint) -> int:
        return len(endpoint.live_secrets)


class OutboundEndpointInput(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=80)
    url = serializers.CharField(max_length=500)
    event_types = serializers.ListField(child=serializers.CharField(max_length=60), min_length=1, max_length=100)


class DisableInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300, required=False, default="Switched off over the API.")


class ReplayInput(serializers.Serializer[Any]):
    since = serializers.DateTimeField(help_text="Published at this time or later")


class OutboundAttemptSerializer(serializers.ModelSerializer[OutboundAttempt]):
    class Meta:
        model = OutboundAttempt
        fields = ("number", "started_at", "ended_at", "status", "latency_ms", "answer", "error")
        read_only_fields = fields


class OutboundDeliveryListSerializer(serializers.ModelSerializer[OutboundDelivery]):
    endpoint = serializers.CharField(source="endpoint.slug", read_only=True)

    class Meta:
        model = OutboundDelivery
        fields: tuple[str, ...] = (
            "message_id",
            "endpoint",
            "event_type",
            "status",
            "reason",
            "attempts",
            "not_before",
            "created_at",
            "ended_at",
        )
        read_only_fields = fields


class OutboundDeliverySerializer(OutboundDeliveryListSerializer):
    tried = OutboundAttemptSerializer(many=True, read_only=True)

    class Meta(OutboundDeliveryListSerializer.Meta):
        fields = (*OutboundDeliveryListSerializer.Meta.fields, "payload", "tried")
        read_only_fields = fields


class OutboundDeliveryFilter(StrictFilterSet):
    status = django_filters.MultipleChoiceFilter(choices=OutboundDelivery.Status.choices)
    endpoint = django_filters.CharFilter(field_name="endpoint__slug", max_length=60)
    event_type = django_filters.CharFilter(field_name="event_type", max_length=60)
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = OutboundDelivery
        fields: list[str] = []


_SECRET = inline_serializer(
    "OutboundSecret", {"endpoint": OutboundEndpointSerializer(), "secret": serializers.CharField()}
)
_COUNT = inline_serializer("OutboundReplayed", {"deliveries": serializers.IntegerField()})


class OutboundEndpointViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    required_permissions = {
        "list": "outbound.read",
        "retrieve": "outbound.read",
        **dict.fromkeys(
            ("create", "partial_update", "rotate", "drop_old", "disable", "enable", "test", "replay"), "outbound.edit"
        ),
    }
    lookup_field = "slug"
    lookup_url_kwarg = "name"
    lookup_value_regex = r"[a-z0-9\-_]{1,60}"
    filterset_class = NoFilter
    serializer_class = OutboundEndpointSerializer

    def get_queryset(self) -> QuerySet[OutboundEndpoint]:
        return OutboundEndpoint.objects.select_related("owner").order_by("-pk")

    def _now(self) -> dict[str, Any]:
        """The endpoint as it is after a change."""
        return OutboundEndpointSerializer(self.get_object()).data

    @extend_schema(request=OutboundEndpointInput, responses={201: _SECRET})
    def create(self, request: Request) -> Response:
        """A new endpoint. Its secret is in this answer and nowhere else."""
        body = OutboundEndpointInput(data=request.data)
        body.is_valid(raise_exception=True)
        endpoint, secret = create_endpoint(actor=self.user, **body.validated_data)
        return Response({"endpoint": OutboundEndpointSerializer(endpoint).data, "secret": secret}, status=201)

    @extend_schema(request=OutboundEndpointInput, responses=OutboundEndpointSerializer)
    def partial_update(self, request: Request, name: str) -> Response:
        """Change title, address or event types; what is left out stays."""
        endpoint = self.get_object()
        body = OutboundEndpointInput(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        kept = {field: getattr(endpoint, field) for field in ("title", "url", "event_types")}
        changed = change_endpoint(endpoint, actor=self.user, **{**kept, **body.validated_data})
        return Response(OutboundEndpointSerializer(changed).data)

    @extend_schema(request=None, responses=_SECRET)
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, name: str) -> Response:
        """A new secret. The former ones go on signing beside it until drop-old."""
        secret = rotate_secret(self.get_object(), actor=self.user)
        return Response({"endpoint": self._now(), "secret": secret})

    @extend_schema(request=None, responses=OutboundEndpointSerializer)
    @action(detail=True, methods=["post"], url_path="drop-old")
    def drop_old(self, request: Request, name: str) -> Response:
        """Only the newest secret signs."""
        drop_old_secrets(self.get_object(), actor=self.user)
        return Response(self._now())

    @extend_schema(request=DisableInput, responses=OutboundEndpointSerializer)
    @action(detail=True, methods=["post"])
    def disable(self, request: Request, name: str) -> Response:
        """Send it nothing more; what waits is cancelled."""
        body = DisableInput(data=request.data)
        body.is_valid(raise_exception=True)
        disable_endpoint(self.get_object(), actor=self.user, now=timezone.now(), **body.validated_data)
        return Response(self._now())

    @extend_schema(request=None, responses=OutboundEndpointSerializer)
    @action(detail=True, methods=["post"])
    def enable(self, request: Request, name: str) -> Response:
        """Send it events again; what it missed only by replay."""
        enable_endpoint(self.get_object(), actor=self.user)
        return Response(self._now())

    @extend_schema(request=None, responses={202: OutboundDeliveryListSerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, name: str) -> Response:
        """Send an `endpoint.test` event, tried once. 409 while the endpoint is disabled."""
        delivery = send_test(self.get_object(), actor=self.user, now=timezone.now())
        return Response(OutboundDeliveryListSerializer(delivery).data, status=202)

    @extend_schema(request=ReplayInput, responses={202: _COUNT})
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, name: str) -> Response:
        """Send again what failed or was cancelled since a time, under the same ids. 409 while disabled."""
        body = ReplayInput(data=request.data)
        body.is_valid(raise_exception=True)
        count = replay_undelivered(self.get_object(), actor=self.user, now=timezone.now(), **body.validated_data)
        return Response({"deliveries": count}, status=202)


class OutboundDeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    required_permissions = {"list": "outbound.read", "retrieve": "outbound.read", "replay": "outbound.edit"}
    lookup_field = "message_id"
    lookup_value_regex = r"msg_[0-9a-f]{1,36}"
    filterset_class = OutboundDeliveryFilter

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return OutboundDeliveryListSerializer if self.action == "list" else OutboundDeliverySerializer

    def get_queryset(self) -> QuerySet[OutboundDelivery]:
        found = OutboundDelivery.objects.select_related("endpoint").defer("endpoint__secrets").order_by("-pk")
        return found.defer("payload") if self.action == "list" else found.prefetch_related("tried")

    @extend_schema(request=None, responses={202: OutboundDeliverySerializer})
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, message_id: str) -> Response:
        """Deliver it from the start under the same id, also one that arrived. 409 while it waits."""
        delivery = replay_delivery(self.get_object(), actor=self.user, now=timezone.now())
        return Response(OutboundDeliverySerializer(delivery).data, status=202)
