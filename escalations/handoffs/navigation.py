"""The rail's entry of handoffs."""

from __future__ import annotations

from typing import Final

from altor.shell import NavItem

ITEMS: Final = (NavItem("Operate", 69, "handoffs", "Handoffs", "arrows-diff", "handoffs:list", "ticket.read", go="h"),)
