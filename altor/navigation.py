"""Entries of the rail that belong to the project as a whole."""

from __future__ import annotations

from typing import Final

from altor.shell import NavItem

ITEMS: Final = (
    NavItem("Operate", 75, "outbound", "Outbound webhooks", "send", "outbound", "outbound.read"),
    NavItem("Operate", 77, "notices", "Notice channels", "bell", "notices", "notice.channels"),
    NavItem("Administer", 80, "people", "People and teams", "users", "people", "user.edit"),
    NavItem("Administer", 90, "audit", "Audit log", "history", "audit", "audit.read"),
    NavItem("Administer", 95, "account", "Your settings", "settings", "account"),
)
