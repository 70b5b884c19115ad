"""From a claimed run to a finished one: load, carry out, and tell apart why it did not finish."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from django.db import close_old_connections
from django.utils import timezone

from altor.registry import parts
from investigations.diagnosis.diagnose import Diagnosis
from investigations.diagnosis.types import RunInputs
from investigations.engine import store
from investigations.engine.execute import Progress, Work, carry_out, worker_name
from investigations.engine.inputs import build_inputs
from investigations.engine.lease import Lease, LeaseLost, claim, park
from investigations.models import Investigation
from investigations.models.investigations import MAX_ATTEMPTS
from investigations.playbooks.format import Playbook
from investigations.profile import Profile
from investigations.services.connections import active_connections
from investigations.sources.base import ConnectionConfig

log = logging.getLogger(__name__)


def work_on(
    run_id: int,
    *,
    owner: str = "",
    progress: Progress | None = None,
    profile: Profile | None = None,
    connections: Mapping[str, ConnectionConfig] | None = None,
    live: bool = True,
) -> Diagnosis | None:
    """Claim the run and carry it out. None when somebody else has it, it is over, or it was cancelled.

    Safe to deliver twice. An unexpected fault is recorded; the run is tried again until its attempts are used up.
    """
    lease = claim(run_id, owner=owner or worker_name())
    if lease is None:
        return None
    run = Investigation.objects.with_context().get(pk=run_id)
    try:
        return asyncio.run(carry_out(_load(run, lease, progress, profile, connections, live)))
    except LeaseLost:
        _settle_cancel(run_id)
        return None
    except Exception as error:
        log.exception("a run ended with an unexpected fault", extra={"run": run.ref})
        _after_fault(run_id, lease, f"{type(error).__name__}: {error}")
        raise
    finally:
        close_old_connections()


def _load(
    run: Investigation,
    lease: Lease,
    progress: Progress | None,
    profile: Profile | None,
    connections: Mapping[str, ConnectionConfig] | None,
    live: bool,
) -> Work:
    if run.playbook is None:
        raise ValueError("the run has no playbook")
    playbook = Playbook.model_validate(run.playbook.document)
    in_force = profile or Profile.model_validate(run.profile)
    inputs = inputs_of(run, in_force)
    store.prepare_steps(lease, playbook)
    parts("SOURCES")  # imported before the run's clock starts
    return Work(
        lease=lease,
        ticket_ref=run.ticket.ref,
        playbook=playbook,
        inputs=inputs,
        profile=in_force,
        connections=active_connections() if connections is None else connections,
        outcomes=store.stored_outcomes(run.pk),
        progress=progress,
        live=live,
    )


def inputs_of(run: Investigation, profile: Profile | None = None) -> RunInputs:
    """The run's inputs: as they were at its start, so that a resumed or replayed run asks the same."""
    inputs = build_inputs(run.ticket, as_of=run.as_of, profile=profile or Profile.model_validate(run.profile))
    if run.inputs:
        return RunInputs(inputs.as_of, inputs.ticket, inputs.customer, run.inputs, inputs.profile)
    Investigation.objects.filter(pk=run.pk).update(inputs=dict(inputs.values))
    run.inputs = dict(inputs.values)
    return inputs


def _settle_cancel(run_id: int) -> None:
    """A run whose cancel was noticed by its worker is over."""
    Investigation.objects.filter(pk=run_id, status=Investigation.Status.RUNNING).exclude(
        cancel_requested_at=None
    ).update(status=Investigation.Status.CANCELLED, finished_at=timezone.now(), lease_expires_at=None)


def _after_fault(run_id: int, lease: Lease, reason: str) -> None:
    run = Investigation.objects.select_related("ticket").get(pk=run_id)
    if run.attempt != lease.attempt or run.status != Investigation.Status.RUNNING:
        return
    if run.attempt >= MAX_ATTEMPTS:
        park(run, f"It failed {MAX_ATTEMPTS} times. {reason}"[:1000])
    else:
        # The lease ends now: the next sweep queues the run again.
        Investigation.objects.filter(pk=run_id, attempt=lease.attempt).update(
            lease_expires_at=timezone.now(), failure=reason[:1000]
        )
