"""Entry points of the supervisor's sweep."""

from __future__ import annotations


def sweep_incidents() -> int:
    """Warn of promised updates and late follow-ups, link tickets of the same cause."""
    from escalations.incidents.sweeping import sweep

    return sweep()
