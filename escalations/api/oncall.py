"""Who is on call now, rotations, the schedule between two instants, overrides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiView, ApiViewSet
from altor.errors import InvalidInput
from altor.models import Team, User
from escalations.api.oncall_shapes import (
    OnCallNowSerializer,
    RotationDetailSerializer,
    RotationOverrideInput,
    RotationOverrideSerializer,
    RotationSerializer,
    ScheduleSerializer,
    seat_shape,
    shift_shape,
)
from escalations.models import Rotation, RotationOverride
from escalations.oncall.editing import usernames
from escalations.oncall.now import on_call
from escalations.oncall.overrides import add_override, cancel_override
from escalations.oncall.rotations import load, load_one

_LONGEST: Final = timedelta(days=200)
_DEFAULT: Final = timedelta(weeks=2)


class OnCallNowView(ApiView):
    required_permissions = {"get": "oncall.read"}

    @extend_schema(
        responses=OnCallNowSerializer, parameters=[OpenApiParameter("team", str, description="Of this team only")]
    )
    def get(self, request: Request) -> Response:
        """Every seat now, the default rotation first, with who comes next."""
        now, team = timezone.now(), None
        slug = request.query_params.get("team", "")
        if slug:
            team = get_object_or_404(Team.objects.filter(slug=slug))
        return Response(OnCallNowSerializer({"at": now, "seats": [seat_shape(one) for one in on_call(now, team)]}).data)


class ScheduleView(ApiView):
    required_permissions = {"get": "oncall.read"}

    @extend_schema(
        responses=ScheduleSerializer,
        parameters=[
            OpenApiParameter("from", OpenApiTypes.DATETIME, description="Now when left out"),
            OpenApiParameter(
                "to", OpenApiTypes.DATETIME, description="Two weeks later when left out; at most 200 days"
            ),
            OpenApiParameter("rotation", str, description="Of this rotation only"),
        ],
    )
    def get(self, request: Request) -> Response:
        """The final schedule: every instant of every seat once, gaps included."""
        now = timezone.now()
        begin = _instant(request, "from") or now
        end = _instant(request, "to") or begin + _DEFAULT
        if end <= begin or end - begin > _LONGEST:
            raise InvalidInput("`to` comes after `from`, by at most 200 days.")
        rows = Rotation.objects.visible_to(self.user).select_related("team").order_by("-is_default", "name")
        slug = request.query_params.get("rotation", "")
        rows = rows.filter(pk=get_object_or_404(rows, slug=slug).pk) if slug else rows.active()
        shifts = []
        for plan in load(rows, now=now):
            for seat in plan.seats:
                missed = [(one.begin, one.end) for one in plan.gaps(seat.key, begin, end)]
                shifts += [
                    shift_shape(plan.rotation, seat.key, one, plan.people, missed)
                    for one in plan.shifts(seat.key, begin, end)
                ]
        return Response(ScheduleSerializer({"begins_at": begin, "ends_at": end, "shifts": shifts}).data)


def _instant(request: Request, name: str) -> datetime | None:
    """InvalidInput for a parameter that is no time; one without an offset is UTC."""
    given = request.query_params.get(name, "").strip()
    if not given:
        return None
    try:
        # A plus that was not escaped arrives as a space.
        found = parse_datetime(given[:40].replace(" ", "+") if "T" in given else given[:40])
    except ValueError:
        found = None
    if found is None or not 1990 <= found.year <= 2150:
        raise InvalidInput(f"`{name}` is no time: 2026-05-01T16:00:00Z.")
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.get_default_timezone())


class RotationViewSet(mixins.ListModelMixin, ApiViewSet):
    required_permissions = {"list": "oncall.read", "retrieve": "oncall.read"}
    lookup_field = "slug"
    lookup_value_regex = r"[a-z0-9][a-z0-9_\-]{0,59}"
    serializer_class = RotationSerializer
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[Rotation]:
        return Rotation.objects.visible_to(self.user).select_related("team").order_by("-pk")

    @extend_schema(responses=RotationDetailSerializer)
    def retrieve(self, request: Request, slug: str) -> Response:
        """With its seats and layers, as they are written in a configuration file."""
        row = self.get_object()
        newest, row.version, row.seats = row.versions.order_by("-number").first(), 0, []
        if newest is not None:
            form = usernames(newest.document).model_dump(mode="json", exclude_defaults=True)
            row.version, row.seats = newest.number, form["seats"]
        return Response(RotationDetailSerializer(row).data)


class OverrideViewSet(mixins.ListModelMixin, ApiViewSet):
    """What replaces a rotation's turns. Without `oncall.edit`: put yourself in, and take that back."""

    required_permissions = {"list": "oncall.read", "create": "oncall.take", "destroy": "oncall.take"}
    lookup_field = "pk"
    lookup_value_regex = r"[0-9]{1,18}"
    serializer_class = RotationOverrideSerializer
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[RotationOverride]:
        rows = RotationOverride.objects.filter(rotation__in=Rotation.objects.visible_to(self.user))
        return rows.select_related("rotation__team", "person", "instead_of", "made_by").order_by("-pk")

    @extend_schema(request=RotationOverrideInput, responses={201: RotationOverrideSerializer})
    def create(self, request: Request) -> Response:
        """Somebody for a time, whoever it would be. Those whose shifts change are told."""
        body = RotationOverrideInput(data=request.data)
        body.is_valid(raise_exception=True)
        data, now = body.validated_data, timezone.now()
        rotation = get_object_or_404(
            Rotation.objects.visible_to(self.user).select_related("team"), slug=data["rotation"]
        )
        who = User.objects.filter(username=data["person"]).first()
        if who is None:
            raise InvalidInput(f"Nobody is called {data['person']!r}.", errors={"person": ["is unknown"]})
        seat = data["seat"] or load_one(rotation, now=now).seats[0].key
        made = add_override(
            rotation, seat=seat, begins_at=data["begins_at"], ends_at=data["ends_at"], person=who, actor=self.user,
            now=now, reason=data["reason"],
        )  # fmt: skip
        return Response(RotationOverrideSerializer(made).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """From now on it counts no more; what it changed until now stays."""
        cancel_override(self.get_object(), actor=self.user, now=timezone.now())
        return Response(status=204)
