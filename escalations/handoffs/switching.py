"""Which teams hand off, and how: off until somebody switches it on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from altor.audit import record_event
from altor.errors import InvalidInput, PermissionRefused
from altor.models import Team, User
from altor.roles import Role
from escalations.models import HandoffSetting, Rotation

#: Minutes, for both settings.
LEAST: Final = 5
MOST: Final = 8 * 60


@dataclass(frozen=True, slots=True)
class Terms:
    is_on: bool = False
    draft_before: timedelta = timedelta(minutes=30)
    escalate_after: timedelta = timedelta(minutes=30)


def terms_of(team: Team) -> Terms:
    found = HandoffSetting.objects.filter(team=team).first()
    return terms(found) if found is not None else Terms()


def terms(setting: HandoffSetting) -> Terms:
    return Terms(
        setting.is_on, timedelta(minutes=setting.draft_before_min), timedelta(minutes=setting.escalate_after_min)
    )


def may_lead(actor: User, team: Team) -> bool:
    """Set handoffs of the team, and take over for others in it."""
    if not actor.may("handoff.edit"):
        return False
    return actor.role == Role.ADMIN or actor.memberships.filter(team_id=team.pk).exists()


def teams_led_by(actor: User) -> list[Team]:
    if not actor.may("handoff.edit"):
        return []
    rows = Team.objects.all() if actor.role == Role.ADMIN else Team.objects.filter(memberships__user=actor)
    return list(rows.order_by("name"))


def has_shifts(team: Team) -> bool:
    return Rotation.objects.active().filter(team=team).exists()


@transaction.atomic
def save_setting(
    team: Team, *, is_on: bool, draft_before_min: int, escalate_after_min: int, actor: User | None, now: datetime
) -> HandoffSetting:
    """From now on. Switched off, what is drafted already is still to be accepted. Actor None: configuration files.

    InvalidInput for a team without an active rotation, and for minutes outside of LEAST to MOST.
    """
    if actor is not None and not may_lead(actor, team):
        raise PermissionRefused("Only a lead of the team or an administrator may set its handoffs.")
    errors = {
        name: [f"{LEAST} to {MOST} minutes"]
        for name, value in (("draft_before_min", draft_before_min), ("escalate_after_min", escalate_after_min))
        if not LEAST <= value <= MOST
    }
    if errors:
        raise InvalidInput(f"Choose {LEAST} to {MOST} minutes.", errors=errors)
    if is_on and not has_shifts(team):
        raise InvalidInput(f"{team} has no active rotation: without shifts there is nothing to hand off.")
    setting = HandoffSetting.objects.select_for_update().filter(team=team).first()
    before = _told(setting) if setting is not None else {}
    if setting is None:
        setting = HandoffSetting(team=team, since=now)
    if is_on and not setting.is_on:
        setting.since = now
    setting.is_on, setting.draft_before_min, setting.escalate_after_min = is_on, draft_before_min, escalate_after_min
    after = _told(setting)
    if before == after:
        return setting
    setting.save()
    record_event(
        actor=actor, action="handoff.setting_changed", object_kind="team", object_ref=team.slug, before=before,
        after=after,
    )  # fmt: skip
    return setting


def _told(setting: HandoffSetting) -> dict[str, int | bool]:
    return {
        "is_on": setting.is_on, "draft_before_min": setting.draft_before_min,
        "escalate_after_min": setting.escalate_after_min,
    }  # fmt: skip
