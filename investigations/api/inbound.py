"""Inbound events and the endpoints they come through."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.filtering import NoFilter
from altor.api.views import ApiViewSet
from altor.models import InboundEndpoint, InboundEvent
from investigations.api.filtering import InboundFilter
from investigations.services.endpoints import create_endpoint, drop_old_secrets, rotate_secret
from investigations.services.inbound import replay_event


class InboundEventListSerializer(serializers.ModelSerializer[InboundEvent]):
    source = serializers.CharField(source="endpoint.source", read_only=True)  # type: ignore[assignment]  # a field called source
    connection = serializers.CharField(source="endpoint.connection", read_only=True)
    ticket = serializers.CharField(source="result_ref", read_only=True)

    class Meta:
        model = InboundEvent
        fields: tuple[str, ...] = (
            "id",
            "source",
            "connection",
            "delivery_key",
            "kind",
            "status",
            "attempts",
            "reason",
            "ticket",
            "received_at",
            "occurred_at",
            "not_before",
            "processed_at",
        )
        read_only_fields = fields


class InboundEventSerializer(InboundEventListSerializer):
    class Meta(InboundEventListSerializer.Meta):
        fields = (*InboundEventListSerializer.Meta.fields, "headers", "body")
        read_only_fields = fields


class InboundEventViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    required_permissions = {"list": "inbound.read", "retrieve": "inbound.read", "replay": "inbound.replay"}
    lookup_field = "pk"
    lookup_value_regex = r"[0-9]{1,17}"
    filterset_class = InboundFilter

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return InboundEventListSerializer if self.action == "list" else InboundEventSerializer

    def get_queryset(self) -> QuerySet[InboundEvent]:
        found = InboundEvent.objects.select_related("endpoint").order_by("-pk")
        return found.defer("body", "headers") if self.action == "list" else found

    @extend_schema(request=None, responses={202: InboundEventSerializer})
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:
        """Work the event again from the start. 409 while it waits."""
        event = replay_event(self.get_object(), actor=self.user)
        return Response(InboundEventSerializer(event).data, status=202)


class EndpointSerializer(serializers.ModelSerializer[InboundEndpoint]):
    address = serializers.SerializerMethodField()
    live_secrets = serializers.SerializerMethodField()

    class Meta:
        model = InboundEndpoint
        fields = (
            "source",
            "connection",
            "title",
            "ticket_prefix",
            "is_active",
            "address",
            "live_secrets",
            "created_at",
        )
        read_only_fields = fields

    def get_address(self, endpoint: InboundEndpoint) -> str:
        return f"/api/v1/hooks/{endpoint.source}/{endpoint.connection}/"

    def get_live_secrets(self, endpoint: InboundEndpoint) -> int:
        return len(endpoint.secrets.splitlines())


class EndpointInput(serializers.Serializer[Any]):
    source = serializers.CharField(max_length=20, default="generic")  # type: ignore[assignment]  # a field called source
    connection = serializers.CharField(max_length=60)
    title = serializers.CharField(required=False, allow_blank=True, default="", max_length=80)
    ticket_prefix = serializers.CharField(required=False, default="TK", max_length=6)
    secret = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=300, help_text="Made here when left out"
    )


_SECRET = inline_serializer("EndpointSecret", {"endpoint": EndpointSerializer(), "secret": serializers.CharField()})


class EndpointViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "inbound.read",
        "retrieve": "inbound.read",
        "create": "inbound.replay",
        "rotate": "inbound.replay",
        "drop_old": "inbound.replay",
    }
    lookup_url_kwarg = "ref"
    lookup_value_regex = r"[a-z_]{1,20}:[a-z0-9\-]{1,60}"
    filterset_class = NoFilter
    serializer_class = EndpointSerializer

    def get_queryset(self) -> QuerySet[InboundEndpoint]:
        return InboundEndpoint.objects.order_by("-pk")

    def get_object(self) -> InboundEndpoint:
        source, _, connection = self.kwargs["ref"].partition(":")
        return get_object_or_404(self.get_queryset(), source=source, connection=connection)

    @extend_schema(responses=EndpointSerializer)
    def retrieve(self, request: Request, ref: str) -> Response:
        """One endpoint, addressed as source:connection."""
        return Response(EndpointSerializer(self.get_object()).data)

    @extend_schema(request=EndpointInput, responses={201: _SECRET})
    def create(self, request: Request) -> Response:
        """A new address. Its secret is in this answer and nowhere else."""
        body = EndpointInput(data=request.data)
        body.is_valid(raise_exception=True)
        endpoint, secret = create_endpoint(actor=self.user, **body.validated_data)
        return Response({"endpoint": EndpointSerializer(endpoint).data, "secret": secret}, status=201)

    @extend_schema(request=None, responses=_SECRET)
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, ref: str) -> Response:
        """A new secret; the former ones stay valid until drop-old."""
        endpoint = self.get_object()
        secret = rotate_secret(endpoint, actor=self.user)
        return Response({"endpoint": EndpointSerializer(self.get_object()).data, "secret": secret})

    @extend_schema(request=None, responses=EndpointSerializer)
    @action(detail=True, methods=["post"], url_path="drop-old")
    def drop_old(self, request: Request, ref: str) -> Response:
        """Only the newest secret stays valid."""
        drop_old_secrets(self.get_object(), actor=self.user)
        return Response(EndpointSerializer(self.get_object()).data)
