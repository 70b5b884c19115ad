"""The rail's entry of on-call."""

from __future__ import annotations

from typing import Final

from altor.shell import NavItem

ITEMS: Final = (NavItem("Operate", 68, "on-call", "On call", "phone", "oncall:overview", "oncall.read", go="o"),)
