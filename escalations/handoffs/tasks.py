"""Entry points of the supervisor's sweep."""

from __future__ import annotations


def sweep_handoffs() -> None:
    """Draft handoffs of shifts that end, read them again, tell of those that nobody accepts."""
    from escalations.handoffs.sweeping import sweep

    sweep()
