"""What every page of one rotation begins with: the rotation the reader may see, people, times of forms."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from altor.access import person
from altor.errors import InvalidInput
from altor.models import User
from altor.roles import PERMISSIONS
from escalations.models import Rotation
from escalations.oncall.rotations import Plan

LOCAL = "%Y-%m-%dT%H:%M"


def visible_rotation(request: HttpRequest, slug: str) -> Rotation:
    rows = Rotation.objects.visible_to(person(request)).select_related("team")
    return get_object_or_404(rows, slug=slug)


def editable_rotation(request: HttpRequest, slug: str) -> Rotation:
    """404 for one the reader may see but not edit, too: there is no such page for them."""
    rows = Rotation.objects.editable_by(person(request)).select_related("team").distinct()
    return get_object_or_404(rows, slug=slug)


def candidates(team_id: int | None = None) -> QuerySet[User]:
    """People who may hold a seat, by name."""
    roles = PERMISSIONS["oncall.take"][0]
    rows = User.objects.filter(is_active=True, role__in=roles).order_by("first_name", "last_name", "username")
    return rows.filter(memberships__team_id=team_id) if team_id is not None else rows


def standing(plan: Plan) -> list[User]:
    """Of the rotation's team, and who is in it anyway."""
    found = {one.pk: one for one in candidates(plan.rotation.team_id)}
    found |= {pk: one for pk, one in plan.people.items() if one.is_active and one.may("oncall.take")}
    return sorted(found.values(), key=lambda one: str(one).casefold())


def moment_of(text: str) -> datetime:
    """A time of a form: with an offset as it is, without one in the reader's zone. InvalidInput for none."""
    try:
        found = parse_datetime(text.strip()[:40])
    except ValueError:
        found = None
    if found is None or not 2000 <= found.year <= 2100:
        raise InvalidInput("That is no time: write it like 2026-05-01T16:00.")
    return timezone.make_aware(found) if timezone.is_naive(found) else found
