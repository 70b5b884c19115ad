"""Entry points of the queue and of the supervisor's sweep."""

from __future__ import annotations


def sweep_clocks() -> None:
    """Read tickets' clocks again where that is due, and tell who waits for what; keep the shipped policies loaded."""
    from escalations.ownership.standing import sweep

    sweep()


def sweep_escalations() -> int:
    """Warn, break and climb where an escalation's clocks have something to tell."""
    from escalations.lifecycle.looking import sweep

    return sweep()
