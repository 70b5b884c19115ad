"""Entry points of the queue and of the supervisor's sweep."""

from __future__ import annotations


def measure(recovery_id: int) -> None:
    """One round of one proof. Safe to deliver twice."""
    from escalations.recovery.rounds import measure_round

    measure_round(int(recovery_id))


def sweep_recoveries() -> int:
    """Queue the rounds that are due."""
    from escalations.recovery.rounds import sweep

    return sweep()
