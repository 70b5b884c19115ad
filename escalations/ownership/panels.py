"""What this part adds to the pages of tickets and runs."""

from __future__ import annotations

from typing import Final

from investigations.panels import Panel

OWNERSHIP: Final = Panel(
    "ownership", "Clocks and owners", "clock", "escalations:ownership", frozenset({"ticket", "run"}), "ticket.read"
)
