"""Escalation contracts: read, store a version, and what one would have made of last month."""

from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiViewSet
from escalations.contracts.simulation import simulate
from escalations.contracts.stored import ensure_library, form_of, save_contract
from escalations.models import ContractVersion
from escalations.serializers import ContractInput, ContractSerializer, SimulationSerializer


class ContractViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "contract.read",
        "create": "contract.edit",
        "retrieve": "contract.read",
        "versions": "contract.read",
        "simulation": "contract.read",
    }
    lookup_url_kwarg = "key"
    lookup_value_regex = r"[a-z0-9][a-z0-9_\-]{0,59}"
    serializer_class = ContractSerializer

    def get_queryset(self) -> QuerySet[ContractVersion]:
        if not getattr(self, "swagger_fake_view", False):
            ensure_library()
        found = ContractVersion.objects.select_related("contract", "created_by").order_by("-pk")
        return found.active() if self.action == "list" else found

    def _chosen(self, key: str) -> ContractVersion:
        found = self.get_queryset().filter(contract__key=key).order_by("-is_active", "-number")
        return get_object_or_404(found[:1])

    @extend_schema(request=ContractInput, responses={201: ContractSerializer})
    def create(self, request: Request) -> Response:
        """Store a version of the contract that the text names, in force unless `activate` is false.

        400 `contract_invalid` with `problems`; 409 when a version was stored since `based_on`.
        """
        body = ContractInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        stored = save_contract(
            given["source_yaml"], actor=self.user, comment=given["comment"], activate=given["activate"],
            based_on=given["based_on"],
        )  # fmt: skip
        return Response(ContractSerializer(stored).data, status=201)

    @extend_schema(responses=ContractSerializer)
    def retrieve(self, request: Request, key: str) -> Response:
        """The version in force; the newest one when none is."""
        return Response(ContractSerializer(self._chosen(key)).data)

    @extend_schema(responses=ContractSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def versions(self, request: Request, key: str) -> Response:
        """All versions, newest first."""
        self._chosen(key)
        found = self.get_queryset().filter(contract__key=key).order_by("-number")
        return Response(ContractSerializer(found, many=True).data)

    @extend_schema(request=None, responses=SimulationSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def simulation(self, request: Request, key: str) -> Response:
        """What the version in force would have made of last month's escalations that you may see."""
        shown = simulate(form_of(self._chosen(key)), self.user, now=timezone.now())
        return Response(SimulationSerializer(shown).data)
