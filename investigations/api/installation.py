"""What an administrator configures: connections to sources, the installation profile."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.filtering import NoFilter
from altor.api.views import ApiView, ApiViewSet
from altor.errors import InvalidInput
from investigations.models import Connection, InstallationProfile
from investigations.services.connections import (
    check_connection,
    config_of,
    environment_connections,
    save_connection,
    secret_ending,
)
from investigations.services.profiles import current_profile, save_profile


class ConnectionSerializer(serializers.ModelSerializer[Connection]):
    """Never the secret: only whether there is one, and how it ends."""

    has_secret = serializers.SerializerMethodField()
    secret_ends = serializers.SerializerMethodField()
    overridden = serializers.SerializerMethodField(help_text="The environment replaces it in this process")

    class Meta:
        model = Connection
        fields = (
            "source",
            "name",
            "base_url",
            "has_secret",
            "secret_ends",
            "options",
            "is_active",
            "overridden",
            "health",
            "health_message",
            "checked_at",
            "last_ok_at",
            "latency_ms",
            "scopes",
            "warnings",
            "updated_at",
        )
        read_only_fields = fields

    def get_has_secret(self, row: Connection) -> bool:
        return bool(row.secret)

    def get_secret_ends(self, row: Connection) -> str:
        return secret_ending(row.secret)

    def get_overridden(self, row: Connection) -> bool:
        return row.source in environment_connections()


class ConnectionInput(serializers.Serializer[Any]):
    base_url = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)
    secret = serializers.CharField(required=False, allow_null=True, max_length=2000, help_text="Left out: as stored")
    options = serializers.DictField(required=False, allow_null=True)


class ConnectionViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "connection.read",
        "retrieve": "connection.read",
        "update": "connection.edit",
        "test": "connection.edit",
    }
    throttle_scopes = {"test": "test"}
    lookup_url_kwarg = "ref"
    lookup_value_regex = r"[a-z]{1,20}:[A-Za-z0-9_\-]{1,60}"
    filterset_class = NoFilter
    serializer_class = ConnectionSerializer

    def get_queryset(self) -> QuerySet[Connection]:
        return Connection.objects.order_by("-pk")  # sources belong to the installation, not to a team

    def get_object(self) -> Connection:
        source, _, name = self.kwargs["ref"].partition(":")
        return get_object_or_404(self.get_queryset(), source=source, name=name)

    @extend_schema(responses=ConnectionSerializer)
    def retrieve(self, request: Request, ref: str) -> Response:
        """One connection, addressed as source:name."""
        return Response(ConnectionSerializer(self.get_object()).data)

    @extend_schema(request=ConnectionInput, responses=ConnectionSerializer)
    def update(self, request: Request, ref: str) -> Response:
        """Create or change a connection. A secret that is left out stays, unless the address names another host."""
        source, _, name = ref.partition(":")
        body = ConnectionInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        row = save_connection(
            source=source,
            name=name,
            base_url=given["base_url"],
            secret=given.get("secret"),
            options=given.get("options"),
            actor=self.user,
        )
        return Response(ConnectionSerializer(row).data)

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, ref: str) -> Response:
        """Ask the source who we are and what we may; warns when more than reading is allowed. Always 200."""
        report = check_connection(config_of(self.get_object()))
        return Response(asdict(report))


class ProfileView(ApiView):
    """The installation profile: names that differ between companies."""

    required_permissions = {"get": "connection.read", "put": "connection.edit"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The profile in force and its version. The customer directory is at customers/."""
        return Response(_profile())

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request) -> Response:
        """A new version. Unknown keys are refused with their path."""
        if not isinstance(request.data, dict):
            raise InvalidInput("A profile is a JSON object.")
        save_profile(request.data, actor=self.user, comment="changed through the API")
        return Response(_profile())


def _profile() -> dict[str, Any]:
    row = InstallationProfile.objects.select_related("created_by").first()
    return {
        "version": row.pk if row else 0,
        "saved_at": row.created_at if row else None,
        "saved_by": row.created_by.username if row and row.created_by else None,
        "comment": row.comment if row else "",
        "profile": current_profile().model_dump(mode="json", exclude={"customers"}),
    }
