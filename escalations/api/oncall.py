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
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from altor.api.views import ApiView, ApiViewSet
from altor.errors import InvalidInput
from altor.models import Team, User
from escalations.api.oncall_shapes import (
    OnCallNowSerializer,
    RotationChange,
    RotationDetailSerializer,
    RotationInput,
    RotationOverrideInput,
    RotationOverrideSerializer,
    RotationSerializer,
    RotationVersionSerializer,
    ScheduleSerializer,
    seat_shape,
    shift_shape,
)
from escalations.models import Rotation, RotationOverride
from escalations.oncall.editing import allow_edit, create_rotation, save_rotation, set_active, usernames
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
    """As on the page: a lead of the rotation's team or an administrator changes it, and who gains or loses time on call
    is told.
    """

    required_permissions = {
        "list": "oncall.read",
        "retrieve": "oncall.read",
        "versions": "oncall.read",
        "create": "oncall.edit",
        "update": "oncall.edit",
        "activate": "oncall.edit",
        "withdraw": "oncall.edit",
    }
    lookup_field = "slug"
    lookup_value_regex = r"[a-z0-9][a-z0-9_\-]{0,59}"
    serializer_class = RotationSerializer
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[Rotation]:
        return Rotation.objects.visible_to(self.user).select_related("team").order_by("-pk")

    @extend_schema(responses=RotationDetailSerializer)
    def retrieve(self, request: Request, slug: str) -> Response:
        """With its seats and layers, as they are written in a configuration file."""
        return self._told(self.get_object())

    @extend_schema(request=RotationInput, responses={201: RotationDetailSerializer})
    def create(self, request: Request) -> Response:
        """Begin a rotation. 409 when the team has one of that name."""
        body = RotationInput(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        made = create_rotation(
            body.form(), actor=self.user, now=timezone.now(), slug=given["slug"], comment=given["comment"], origin="api"
        )
        return self._told(made, status=201)

    @extend_schema(request=RotationChange, responses=RotationDetailSerializer)
    def update(self, request: Request, slug: str) -> Response:
        """Store a version, in force from now or from a moment to come; the same words are the version they are.

        409 when somebody stored a version since `based_on`.
        """
        row = self._editable()
        body = RotationChange(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        save_rotation(
            row, body.form(), actor=self.user, now=timezone.now(), based_on=given["based_on"],
            in_force_from=given["in_force_from"], comment=given["comment"], origin="api",
        )  # fmt: skip
        return self._told(self.get_queryset().get(pk=row.pk))

    @extend_schema(responses=RotationVersionSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def versions(self, request: Request, slug: str) -> Response:
        """All versions, newest first, with when each began to count."""
        found = self.get_object().versions.select_related("created_by").order_by("-number")
        return Response(RotationVersionSerializer(found, many=True).data)

    @extend_schema(request=None, responses=RotationDetailSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, slug: str) -> Response:
        """Put it in force again."""
        return self._switch(is_active=True)

    @extend_schema(request=None, responses=RotationDetailSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, slug: str) -> Response:
        """End it. Its past stays."""
        return self._switch(is_active=False)

    def _editable(self) -> Rotation:
        """One that the caller may read and not edit is 403: everybody may read all of on-call."""
        row: Rotation = self.get_object()
        allow_edit(self.user, row.team)
        return row

    def _switch(self, *, is_active: bool) -> Response:
        row = self._editable()
        set_active(row, is_active, actor=self.user, now=timezone.now())
        return self._told(self.get_queryset().get(pk=row.pk))

    @staticmethod
    def _told(row: Any, status: int = 200) -> Response:
        newest, row.version, row.seats = row.versions.order_by("-number").first(), 0, []
        if newest is not None:
            form = usernames(newest.document).model_dump(mode="json", exclude_defaults=True)
            row.version, row.seats = newest.number, form["seats"]
        return Response(RotationDetailSerializer(row).data, status=status)


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
