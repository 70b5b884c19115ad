"""The customer directory."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiViewSet
from investigations.api.filtering import CustomerFilter
from investigations.models import Customer
from investigations.serializers import CustomerInput, CustomerSerializer, DirectoryInput
from investigations.services.customers import import_directory, update_customer


class CustomerViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    required_permissions = {
        "list": "customer.read",
        "retrieve": "customer.read",
        "partial_update": "customer.edit",
        "directory": "customer.edit",
    }
    lookup_field = "org_id"
    lookup_url_kwarg = "org_id"
    lookup_value_regex = r"[^/\x00]{1,120}"
    filterset_class = CustomerFilter
    max_body_bytes = 4_000_000

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return CustomerSerializer

    def get_queryset(self) -> QuerySet[Customer]:
        return Customer.objects.order_by("-pk")  # the directory belongs to the installation, not to a team

    @extend_schema(request=CustomerInput, responses=CustomerSerializer)
    def partial_update(self, request: Request, org_id: str) -> Response:
        """Change what is given; lists are replaced."""
        body = CustomerInput(data=request.data)
        body.is_valid(raise_exception=True)
        changed = update_customer(self.get_object(), actor=self.user, changes=body.validated_data)
        return Response(CustomerSerializer(changed).data)

    @extend_schema(request=DirectoryInput, responses=OpenApiTypes.OBJECT)
    @action(detail=False, methods=["post"], url_path="import")
    def directory(self, request: Request) -> Response:
        """Create or update customers by `org_id`. Idempotent."""
        body = DirectoryInput(data=request.data)
        body.is_valid(raise_exception=True)
        report = import_directory(body.validated_data["customers"], actor=self.user)
        return Response(
            {
                "created": report.created,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "warnings": list(report.warnings),
            }
        )
