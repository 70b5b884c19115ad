"""Entries of the rail that belong to metrics."""

from __future__ import annotations

from typing import Final

from altor.shell import NavItem

ITEMS: Final = (
    NavItem("Improve", 55, "metrics", "Metrics", "chart-line", "metrics:metrics", "metrics.read", go="m"),
    NavItem("Improve", 56, "reviews", "Weekly review", "clipboard-check", "metrics:reviews", "review.read"),
)
