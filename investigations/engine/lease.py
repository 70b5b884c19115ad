"""Who works on a run: a lease with a fencing number, and what happens to runs whose worker is gone.

The run's row is the truth. `attempt` is the fencing number: it grows with every claim, and each write of a worker
filters on the number it got, so that a worker that was thought dead cannot overwrite its successor.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from altor import events
from altor.queue import enqueue
from investigations.models import Investigation
from investigations.models.investigations import MAX_ATTEMPTS

log = logging.getLogger(__name__)
TASK = "investigations.tasks.execute_run"
#: A queued run that nobody claimed for this long is queued again: its notice may have been lost.
FORGOTTEN = timedelta(seconds=20)


class LeaseLost(Exception):
    """Another worker has the run, or it was cancelled: stop without writing."""


@dataclass(frozen=True, slots=True)
class Lease:
    run_id: int
    attempt: int
    owner: str


def lease_length() -> timedelta:
    return timedelta(seconds=settings.RUN_LEASE_S)


def claim(run_id: int, *, owner: str, now: datetime | None = None) -> Lease | None:
    """Take the run until the lease runs out; of two workers arriving together exactly one gets it."""
    now = now or timezone.now()
    with transaction.atomic():
        run = Investigation.objects.select_for_update(skip_locked=True).filter(pk=run_id).claimable(now).first()
        if run is None or (run.not_before and run.not_before > now):
            return None
        first = run.attempt == 0
        run.status = Investigation.Status.RUNNING
        run.attempt += 1
        run.lease_owner = owner[:80]
        run.lease_expires_at = now + lease_length()
        run.heartbeat_at = now
        run.started_at = run.started_at or now
        run.live_version += 1
        run.save(
            update_fields=[
                "status",
                "attempt",
                "lease_owner",
                "lease_expires_at",
                "heartbeat_at",
                "started_at",
                "live_version",
            ]
        )
        if first:
            events.record(
                "run.started", ticket_ref=run.ticket.ref, subject_ref=run.ref, at=now, key=f"run.started:{run.ref}"
            )
    return Lease(run_id, run.attempt, owner)


def renew(lease: Lease, *, now: datetime | None = None) -> None:
    """Extend the lease; LeaseLost when the run is no longer ours or a person asked to cancel it."""
    now = now or timezone.now()
    held = Investigation.objects.filter(
        pk=lease.run_id, attempt=lease.attempt, status=Investigation.Status.RUNNING, cancel_requested_at=None
    ).update(lease_expires_at=now + lease_length(), heartbeat_at=now)
    if not held:
        raise LeaseLost(f"INV-{lease.run_id}")


def release(lease: Lease) -> None:
    """Give the run back unfinished (a stopping worker): it is queued again at once and the attempt does not count."""
    with transaction.atomic():
        given = Investigation.objects.filter(
            pk=lease.run_id, attempt=lease.attempt, status=Investigation.Status.RUNNING
        ).update(
            status=Investigation.Status.QUEUED,
            lease_owner="",
            lease_expires_at=None,
            live_version=F("live_version") + 1,
        )
        if given:
            enqueue(TASK, lease.run_id)


def sweep(*, now: datetime | None = None) -> dict[str, int]:
    """Queue lapsed and forgotten runs again; park those that used up their attempts, with the reason."""
    now = now or timezone.now()
    parked = 0
    lapsed = Investigation.objects.filter(status=Investigation.Status.RUNNING, lease_expires_at__lt=now)
    for run in lapsed.filter(attempt__gte=MAX_ATTEMPTS).select_related("ticket"):
        parked += park(
            run,
            f"The worker ended {MAX_ATTEMPTS} times while working on this run; last seen {run.heartbeat_at:%H:%M:%S} UTC.",
            now=now,
        )
    again = 0
    with transaction.atomic():
        for run_id in lapsed.filter(attempt__lt=MAX_ATTEMPTS).values_list("pk", flat=True):
            enqueue(TASK, run_id)
            again += 1
        forgotten = Investigation.objects.filter(status=Investigation.Status.QUEUED, queued_at__lt=now - FORGOTTEN)
        waiting = _queued_ids()
        for run_id in forgotten.values_list("pk", flat=True)[:500]:
            if run_id not in waiting:
                enqueue(TASK, run_id)
                again += 1
    if parked or again:
        log.info("sweep", extra={"requeued": again, "parked": parked})
    return {"requeued": again, "parked": parked}


def park(run: Investigation, reason: str, *, now: datetime | None = None) -> bool:
    """Fail the run with its reason, once."""
    now = now or timezone.now()
    with transaction.atomic():
        done = Investigation.objects.filter(pk=run.pk, attempt=run.attempt, status__in=["queued", "running"]).update(
            status=Investigation.Status.FAILED,
            failure=reason,
            finished_at=now,
            lease_expires_at=None,
            live_version=F("live_version") + 1,
        )
        if done:
            events.record(
                "run.failed",
                ticket_ref=run.ticket.ref,
                subject_ref=run.ref,
                at=now,
                data={"reason": reason},
                key=f"run.failed:{run.ref}",
            )
    return bool(done)


def _queued_ids() -> set[int]:
    """Runs that have an entry in the queue already."""
    from django_q.models import OrmQ

    found = set()
    for entry in OrmQ.objects.order_by("id")[:2000]:
        task = entry.task()
        if task and task.get("func") == TASK and task.get("args"):
            found.add(int(task["args"][0]))
    return found
