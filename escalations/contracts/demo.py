"""The demo's contract: the shipped one, with the company's own engineers as owners."""

from __future__ import annotations

from typing import Any, Final

from altor.demo.parts import DemoSetting
from altor.demo.world.issues import TEAM_KEY
from altor.models import Membership, Team, User
from escalations.contracts.stored import load_library, save_contract
from escalations.models import ContractVersion

SLUG: Final = "platform-engineering"
_NOBODY: Final = "owner: {}          # nobody named: the leads of the ticket's team are told"


class ContractsDemo:
    """Registered in `DEMO_PARTS`."""

    def connect(self, setting: DemoSetting) -> None:
        """Before the first ticket: an escalation may be wanted of it."""
        if ContractVersion.objects.exists():
            return
        load_library()
        team, _ = Team.objects.get_or_create(slug=SLUG, defaults={"name": "Platform engineering"})
        engineer = User.objects.filter(username="engineer").first()
        if engineer is not None:
            Membership.objects.get_or_create(user=engineer, team=team)
        shipped = ContractVersion.objects.get(contract__key="engineering")
        named = shipped.source_yaml.replace(_NOBODY, f"owner: {{team: {SLUG}, linear_team: {TEAM_KEY}}}", 1)
        save_contract(named, actor=setting.actor, comment="Our engineers are the owners")

    def seed(self, setting: DemoSetting) -> None:
        """Nothing more: escalations are sent by whoever tries it."""

    def progress(self) -> tuple[int, int]:
        return 0, 0

    def report(self) -> list[dict[str, Any]]:
        return []
