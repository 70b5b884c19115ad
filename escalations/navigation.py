"""Entries of the rail that belong to escalations."""

from __future__ import annotations

from typing import Final

from altor.shell import NavItem

ITEMS: Final = (
    NavItem("", 15, "queue", "Work queue", "inbox", "escalations:queue", "ticket.read", "q"),
    NavItem("Operate", 57, "sla-policies", "SLA policies", "clock", "escalations:sla-policies", "ticket.read"),
)
