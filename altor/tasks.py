"""Entry points of the queue: upkeep, and what leaves Altor. The supervisor sweeps too; the schedule serves clusters
without one."""

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
    """Delete old results of tasks, which django-q2 itself keeps for ever, and what left Altor long ago; the number of
    the former."""
    from django_q.models import Task

    from altor.notify.delivering import prune as prune_notices
    from altor.webhooks.delivering import prune as prune_webhooks

    now = timezone.now()
    prune_webhooks(now=now)
    prune_notices(now=now)
    deleted: int
    deleted, _ = Task.objects.filter(stopped__lt=now - RESULTS_KEPT).delete()
    return deleted


def deliver_webhook(delivery_id: int) -> None:
    """Try one delivery. Safe to deliver twice: the second finds nothing to claim."""
    from altor.webhooks.delivering import deliver

    deliver(int(delivery_id))


def sweep_webhooks() -> int:
    """Queue deliveries whose next try is due, whose worker was killed, or whose queue entry was lost."""
    from altor.webhooks.delivering import sweep

    return sweep()


def deliver_notice(delivery_id: int) -> None:
    """Try one notice at one place. Safe to deliver twice: the second finds nothing to take."""
    from altor.notify.delivering import deliver

    deliver(int(delivery_id))


def deliver_digest(place: str) -> None:
    """Send what waits for one person's digest. Safe to deliver twice: the second finds nothing to take."""
    from altor.notify.digest import deliver_digest as deliver

    deliver(str(place))


def sweep_notices() -> int:
    """Queue notices whose next try, quiet hours' end or digest is due, and those whose worker was killed."""
    from altor.notify.delivering import sweep

    return sweep()
