"""The demo's rotation: a week each, with the office hours' second seat and a swap that waits for an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from altor.demo.parts import DemoSetting
from altor.models import Team, User
from escalations.models import Rotation
from escalations.oncall.editing import create_rotation, next_handover
from escalations.oncall.format import RotationForm
from escalations.oncall.rotations import load_one
from escalations.oncall.swaps import ask_swap
from escalations.oncall.turns import turns

SLUG: Final = "support-triage"
ZONE: Final = "Europe/Berlin"


class OnCallDemo:
    """Registered in `DEMO_PARTS`."""

    def connect(self, setting: DemoSetting) -> None:
        """Nothing of it depends on addresses."""

    def seed(self, setting: DemoSetting) -> None:
        team = Team.objects.filter(slug="support").first()
        if team is None or Rotation.objects.filter(slug=SLUG).exists():
            return
        now = timezone.now()
        # Eight weeks of past, so that the shares have something to show.
        begins = next_handover(now, ZONE, 0, (9, 0)) - timedelta(weeks=8)
        first = begins.isoformat(sep=" ", timespec="minutes")
        form = RotationForm.model_validate(
            {
                "name": "Support triage", "team": team.slug, "owns": "urgent triage", "zone": ZONE, "default": True,
                "seats": [
                    {
                        "key": "primary", "name": "Primary",
                        "layers": [{"people": ["ana", "ben", "lead"], "begins": first}],
                    },
                    {
                        "key": "engineering", "name": "Engineering", "covers": {"week": {"mon-fri": "09:00-18:00"}},
                        "layers": [
                            {
                                "people": ["engineer"], "begins": first,
                                "hours": {"week": {"mon-fri": "09:00-18:00"}},
                            }
                        ],
                    },
                ],
            }
        )  # fmt: skip
        rotation = create_rotation(
            form, actor=setting.actor, now=now, slug=SLUG, comment="Set up with the demo",
            in_force_from=now - timedelta(weeks=8, days=7),
        )  # fmt: skip
        self._swap(rotation)
        setting.say("a rotation of three people")

    def _swap(self, rotation: Rotation) -> None:
        now = timezone.now()
        ana, ben = User.objects.get(username="ana"), User.objects.get(username="ben")
        ahead = turns(load_one(rotation, now=now), now + timedelta(days=7), now + timedelta(weeks=8))
        mine = next((one for one in ahead if one.person == str(ana.pk)), None)
        theirs = next((one for one in ahead if one.person == str(ben.pk)), None)
        if mine is not None and theirs is not None:
            ask_swap(
                rotation, asked=ben, seat=mine.seat, begins_at=mine.begin, ends_at=mine.end, actor=ana, now=now,
                in_return=(theirs.seat, theirs.begin, theirs.end), reason="My sister marries that Saturday",
            )  # fmt: skip

    def progress(self) -> tuple[int, int]:
        return 0, 0

    def report(self) -> list[dict[str, Any]]:
        return []
