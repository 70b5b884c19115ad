"""What recovery confidence adds to the page of a ticket."""

from __future__ import annotations

from typing import Final

from investigations.panels import Panel

RECOVERY: Final = Panel(
    "recovery", "Recovery confidence", "help", "metrics:recovery", frozenset({"ticket"}), "ticket.resolve"
)
