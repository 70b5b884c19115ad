"""What this part adds to the page of today."""

from __future__ import annotations

from typing import Final

from investigations.panels import Panel

HANDOFF: Final = Panel("handoff", "Handoffs", "arrows-diff", "handoffs:today", frozenset({"today"}), "handoff.take")
