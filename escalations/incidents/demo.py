"""The demo's incident: nothing is made up. Its runs find one deployment behind several tickets, and it is suggested."""

from __future__ import annotations

from typing import Any

from altor.demo.parts import DemoSetting
from escalations.models import IncidentSuggestion


class IncidentsDemo:
    """Registered in `DEMO_PARTS`."""

    def connect(self, setting: DemoSetting) -> None:
        """Nothing of it depends on addresses."""

    def seed(self, setting: DemoSetting) -> None:
        """The demo's contract says from how many customers on; a newcomer declares what is suggested."""

    def progress(self) -> tuple[int, int]:
        return 0, 0

    def report(self) -> list[dict[str, Any]]:
        """What is suggested: {"external_id", "cause", "figures", "tickets"}."""
        return [
            {
                "external_id": f"incident-suggestion-{one.pk}", "cause": one.cause, "figures": one.figures,
                "tickets": list(one.tickets),
            }
            for one in IncidentSuggestion.objects.open()
        ]  # fmt: skip
