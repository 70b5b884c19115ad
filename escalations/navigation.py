"""Entries of the rail that belong to escalations."""

from __future__ import annotations

from typing import Final

from altor.shell import NavItem
from escalations.views.board import open_count

ITEMS: Final = (
    NavItem("", 15, "queue", "Work queue", "inbox", "escalations:queue", "ticket.read", "q"),
    NavItem("", 35, "escalations", "Escalations", "flag", "escalations:board", "escalation.read", "e", open_count,
            "late or waiting"),
    NavItem("", 46, "contracts", "Contracts", "clipboard-check", "escalations:contracts", "contract.read"),
    NavItem("Operate", 57, "sla-policies", "SLA policies", "clock", "escalations:sla-policies", "ticket.read"),
)  # fmt: skip
