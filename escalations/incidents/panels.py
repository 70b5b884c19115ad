"""What incidents add to the pages of tickets and runs and to today."""

from __future__ import annotations

from typing import Final

from investigations.panels import Panel

INCIDENT: Final = Panel(
    "incident", "Incident", "bell", "incidents:panel", frozenset({"ticket", "run"}), "incident.read"
)
TODAY: Final = Panel("incidents-today", "Incidents", "bell", "incidents:today", frozenset({"today"}), "incident.read")
