"""Who works on a run: a lease with a fencing number, and what happens to runs whose worker is gone.

The run's row is the truth. `attempt` is the fencing number: it grows with every claim, and each write of a worker
filters on the number it got, so that a worker that was thought dead cannot overwrite its successor. That is why a
worker that gives no sign of life may be taken for dead early: being wrong costs an attempt, never a wrong result.
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
from investigations.models import Investigation, Ticket
from investigations.models.investigations import MAX_ATTEMPTS

log = logging.getLogger(__name__)
TASK = "investigations.tasks.execute_run"
#: Queued with the last write of a run: whoever waits for its end is told.
ENDED = "investigations.tasks.run_ended"
#: Queued when a run of a helpdesk's ticket is claimed for the first time.
BEGUN = "investigations.tasks.run_begun"
#: A run that nobody claimed for this long is queued again when it has no entry in the queue.
FORGOTTEN = timedelta(seconds=20)
#: A working run tells twice a second that it lives; after this long its lease is ended.
SILENCE = timedelta(seconds=12)
#: An entry handed to a worker this long ago without a claim: its worker is gone or its cluster hangs.
HANDED_OUT = timedelta(seconds=45)


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
        # Waited for, not skipped: who holds the row for a moment may not want the run, and the entry is used up.
        runs = Investigation.objects.select_for_update(of=("self",)).select_related("ticket")
        run = runs.filter(pk=run_id).claimable(now).first()
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
        changed = ["status", "attempt", "lease_owner", "lease_expires_at", "heartbeat_at", "started_at", "live_version"]
        run.save(update_fields=changed)
        if first:
            events.record(
                "run.started", ticket_ref=run.ticket.ref, subject_ref=run.ref, at=now, key=f"run.started:{run.ref}"
            )
            if run.ticket.connection:
                enqueue(BEGUN, run.pk)
    return Lease(run_id, run.attempt, owner)


def renew(lease: Lease, *, now: datetime | None = None) -> None:
    """Extend the lease; LeaseLost when the run is no longer ours or a person asked to cancel it."""
    now = now or timezone.now()
    held = Investigation.objects.held_by(lease.run_id, lease.attempt)
    if not held.update(lease_expires_at=now + lease_length(), heartbeat_at=now):
        raise LeaseLost(f"INV-{lease.run_id}")


def sweep(*, now: datetime | None = None) -> dict[str, int]:
    """Queue lapsed and forgotten runs again; park those that used up their attempts, with the reason."""
    now = now or timezone.now()
    lapsed = Investigation.objects.lapsed(now, SILENCE)
    parked = sum(
        park(run, _reason(run), now=now, lapsed=True)
        for run in lapsed.filter(attempt__gte=MAX_ATTEMPTS).select_related("ticket")
    )
    again = 0
    with transaction.atomic():
        gone = list(
            lapsed.filter(attempt__lt=MAX_ATTEMPTS)
            .select_for_update(skip_locked=True)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        forgotten = Investigation.objects.filter(status=Investigation.Status.QUEUED, queued_at__lt=now - FORGOTTEN)
        forgotten_ids = list(forgotten.order_by("pk").values_list("pk", flat=True)[:500])
        if gone or forgotten_ids:
            Investigation.objects.filter(pk__in=gone).update(lease_expires_at=now)
            waiting, handed_out = _in_queue(now)
            wanted = [run_id for run_id in gone if run_id not in waiting]
            wanted += [run_id for run_id in forgotten_ids if run_id not in waiting | handed_out]
            for run_id in wanted:
                enqueue(TASK, run_id)
            again = len(wanted)
    if parked or again:
        log.info("runs were swept", extra={"requeued": again, "parked": parked})
    return {"requeued": again, "parked": parked}


def _reason(run: Investigation) -> str:
    seen = f"{run.heartbeat_at:%H:%M:%S} UTC" if run.heartbeat_at else "never"
    told = f" Before that: {run.failure}" if run.failure else ""
    return f"Its worker ended {run.attempt} times while working on it; last sign of life {seen}.{told}"


def park(run: Investigation, reason: str, *, now: datetime | None = None, lapsed: bool = False) -> bool:
    """Fail the run with its reason, once. `lapsed`: only while its worker still gives no sign of life, which it may
    have done since the run was read.
    """
    now = now or timezone.now()
    runs = Investigation.objects.lapsed(now, SILENCE) if lapsed else Investigation.objects.all()
    with transaction.atomic():
        done = runs.filter(pk=run.pk, attempt=run.attempt, status__in=["queued", "running"]).update(
            status=Investigation.Status.FAILED,
            failure=reason,
            finished_at=now,
            lease_expires_at=None,
            live_version=F("live_version") + 1,
        )
        if done:
            give_back(run.ticket)
            events.record(
                "run.failed",
                ticket_ref=run.ticket.ref,
                subject_ref=run.ref,
                at=now,
                data={"reason": reason},
                key=f"run.failed:{run.ref}",
            )
            enqueue(ENDED, run.pk)
    return bool(done)


def give_back(ticket: Ticket) -> None:
    """A ticket whose run ended without a diagnosis is no longer being investigated."""
    runs = Investigation.objects.filter(ticket=ticket)
    if runs.unfinished().exists():
        return
    diagnosed = runs.filter(status=Investigation.Status.DONE).exists()
    known = Ticket.Status.CLASSIFIED if ticket.incident_class else Ticket.Status.RECEIVED
    Ticket.objects.filter(pk=ticket.pk, status=Ticket.Status.INVESTIGATING).update(
        status=Ticket.Status.DIAGNOSED if diagnosed else known
    )


def _in_queue(now: datetime) -> tuple[set[int], set[int]]:
    """Runs with an entry that waits to be handed out, and runs whose entry was handed out a short while ago."""
    from django_q.conf import Conf
    from django_q.models import OrmQ

    # An entry's lock is moved into the future by RETRY when it is handed out.
    hung = now - HANDED_OUT + timedelta(seconds=Conf.RETRY)
    waiting: set[int] = set()
    handed_out: set[int] = set()
    for entry in OrmQ.objects.exclude(lock__gt=now, lock__lt=hung).order_by("id")[:5000]:
        task = entry.task
        if task and task.get("func") == TASK and task.get("args"):
            (waiting if entry.lock <= now else handed_out).add(int(task["args"][0]))
    return waiting, handed_out
