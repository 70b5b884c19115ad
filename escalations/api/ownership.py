"""The work queue and the SLA policies."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiView, ApiViewSet
from altor.errors import InvalidInput
from escalations.models import SlaPolicyVersion
from escalations.ownership.listing import PAGE, VIEWS, QueueFilter, open_tickets, rows_of, with_clocks
from escalations.ownership.policies import activate, save_policy
from escalations.ownership.serializers import QueueSerializer, SlaPolicyInput, SlaPolicySerializer

_VIEW: Final = OpenApiParameter("view", str, enum=[key for key, _ in VIEWS])
_TEAM: Final = OpenApiParameter("team", str, description="Slug of one of your teams")
_PAGE: Final = OpenApiParameter("page", int, description=f"From 1, {PAGE} tickets each")


class QueueView(ApiView):
    required_permissions = {"get": "ticket.read"}

    @extend_schema(parameters=[_VIEW, _TEAM, _PAGE], responses=QueueSerializer)
    def get(self, request: Request) -> Response:
        """Open tickets, what is due first on top, with their clocks and what is at stake."""
        now = timezone.now()
        chosen = QueueFilter(request.query_params, self.user)
        _refuse_strangers(request, chosen)
        found = chosen.apply(open_tickets(self.user))
        begin = (chosen.page - 1) * PAGE
        rows = rows_of(with_clocks(found)[begin : begin + PAGE], self.user, now)
        body = {"total": found.count(), "results": rows}
        return Response(QueueSerializer(body, context={"request": request, "now": now}).data)


def _refuse_strangers(request: Request, chosen: QueueFilter) -> None:
    """A page passes over what it does not know; a program is told."""
    view, team = request.query_params.get("view", ""), request.query_params.get("team", "")
    if view and view not in dict(VIEWS):
        raise InvalidInput(f"There is no view {view[:40]!r}.", errors={"view": [f"one of: {', '.join(dict(VIEWS))}"]})
    if team and chosen.team is None:
        raise InvalidInput(f"{team[:60]!r} is none of your teams.", errors={"team": ["not one of your teams"]})


class SlaPolicyViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {
        "list": "ticket.read",
        "retrieve": "ticket.read",
        "versions": "ticket.read",
        "create": "sla.edit",
        "activate": "sla.edit",
    }
    lookup_url_kwarg = "key"
    lookup_value_regex = r"[a-z0-9][a-z0-9_\-]{0,59}"
    serializer_class = SlaPolicySerializer

    def get_queryset(self) -> QuerySet[SlaPolicyVersion]:
        found = SlaPolicyVersion.objects.select_related("policy", "created_by").order_by("-pk")
        return found.active() if self.action == "list" else found

    @extend_schema(
        request=SlaPolicyInput,
        responses={201: SlaPolicySerializer, 200: OpenApiResponse(SlaPolicySerializer, description="It was known")},
    )
    def create(self, request: Request) -> Response:
        """Store a policy, or a new version of one, and put it in force for tickets that come from now on."""
        body = SlaPolicyInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        if not isinstance(given["policy"], dict):
            raise InvalidInput("A policy is a JSON object.", errors={"policy": ["must be an object"]})
        before = SlaPolicyVersion.objects.count()
        stored = save_policy(
            given["policy"], actor=self.user, comment=given["comment"], based_on=given["based_on"]
        )  # fmt: skip
        is_new = SlaPolicyVersion.objects.count() > before
        return Response(SlaPolicySerializer(stored).data, status=201 if is_new else 200)

    @extend_schema(responses=SlaPolicySerializer)
    def retrieve(self, request: Request, key: str) -> Response:
        """The version in force; the newest one when none is."""
        found = self.get_queryset().filter(policy__key=key).order_by("-is_active", "-number")
        return Response(SlaPolicySerializer(get_object_or_404(found[:1])).data)

    @extend_schema(responses=SlaPolicySerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def versions(self, request: Request, key: str) -> Response:
        """All versions, newest first."""
        found = self.get_queryset().filter(policy__key=key).order_by("-number")
        get_object_or_404(found[:1])
        return Response(SlaPolicySerializer(found, many=True).data)

    @extend_schema(request=None, responses=SlaPolicySerializer)
    @action(detail=True, methods=["post"], url_path=r"versions/(?P<number>[0-9]{1,8})/activate")
    def activate(self, request: Request, key: str, number: str) -> Response:
        """Put a version in force for tickets that come from now on."""
        found = get_object_or_404(self.get_queryset(), policy__key=key, number=int(number))
        activate(found, actor=self.user)
        return Response(SlaPolicySerializer(found).data)
