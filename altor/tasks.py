"""Entry points of the queue for upkeep. The supervisor sweeps too; the schedule serves clusters without one."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.utils import timezone

from altor.registry import parts

#: How long the results of tasks are kept; of those that succeeded none is kept at all.
RESULTS_KEPT: Final = timedelta(days=14)


def sweep() -> None:
    """Queue lapsed and forgotten work of every app again."""
    for one in parts("SWEEPS"):
        one()


def prune_results() -> int:
    """Delete old results of tasks, which django-q2 itself keeps for ever; their number."""
    from django_q.models import Task

    deleted: int
    deleted, _ = Task.objects.filter(stopped__lt=timezone.now() - RESULTS_KEPT).delete()
    return deleted
