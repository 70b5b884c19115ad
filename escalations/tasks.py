"""Entry points of the queue and the sweep: ids in, nothing out."""

from __future__ import annotations


def sweep_clocks() -> None:
    """Read tickets' clocks again where that is due, and tell who waits for what; keep the shipped policies loaded."""
    from escalations.ownership.standing import sweep

    sweep()
