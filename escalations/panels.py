"""What escalations add to the pages of tickets and runs."""

from __future__ import annotations

from typing import Final

from investigations.panels import Panel

ESCALATION: Final = Panel(
    "escalation", "Escalation", "flag", "escalations:panel", frozenset({"ticket", "run"}), "escalation.read"
)
