"""From a claimed run to a finished one: load, carry out, and tell apart why it did not finish."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from django.db import close_old_connections
from django.utils import timezone

from altor.registry import parts
from investigations.diagnosis import calibration
from investigations.diagnosis.diagnose import Diagnosis
from investigations.diagnosis.types import RunInputs
from investigations.engine import store
from investigations.engine.asking import abandon
from investigations.engine.execute import Progress, Work, carry_out
from investigations.engine.inputs import build_inputs
from investigations.engine.known import Recognition
from investigations.engine.lease import Lease, LeaseLost, claim, park
from investigations.engine.record import RunRecord
from investigations.engine.warm import warm
from investigations.models import Investigation, PlaybookVersion
from investigations.models.investigations import MAX_ATTEMPTS
from investigations.playbooks.format import TRIAGE, Playbook
from investigations.profile import Profile
from investigations.services.connections import active_connections
from investigations.sources.base import ConnectionConfig

log = logging.getLogger(__name__)
#: What leftovers of a run (a resolver that does not answer, a source that ignores its end) may take at the end.
_LEFTOVERS_S: Final = 0.5
#: What of the ticket is for the reply only and is not copied into its runs.
_NOT_KEPT: Final = ("requester_name",)
T = TypeVar("T")


def work_on(
    run_id: int,
    *,
    owner: str = "",
    progress: Progress | None = None,
    profile: Profile | None = None,
    connections: Mapping[str, ConnectionConfig] | None = None,
    alive: Callable[[], None] | None = None,
    watched: bool = True,
    limit_s: float | None = None,
) -> Diagnosis | None:
    """Claim the run and carry it out. None when somebody else has it, it is over, or it was cancelled.

    `alive` is called with each heartbeat, `limit_s` tightens the playbook's limit. Safe to deliver
    twice. An unexpected fault is recorded; the run is tried again until its attempts are used up.
    """
    lease = claim(run_id, owner=owner or f"{socket.gethostname()}:{os.getpid()}")
    if lease is None:
        return None
    try:
        run = Investigation.objects.with_context().get(pk=run_id)
        in_force = profile or Profile.model_validate(run.profile)
        playbook = playbook_of(run)
        triage = _triage(run, playbook)
        inputs = inputs_of(run, in_force)
        store.prepare_steps(lease, None if playbook is triage else playbook, triage)
        warm()
        work = Work(
            record=partial(RunRecord, lease, run.ticket.ref),
            run_ref=run.ref,
            playbook=playbook,
            inputs=inputs,
            profile=in_force,
            connections=active_connections() if connections is None else connections,
            outcomes=store.stored_outcomes(run.pk),
            progress=progress,
            alive=alive,
            watched=watched,
            limit_s=limit_s,
            triage=triage,
            library=active_version,
            recognitions=[Recognition(one, run, inputs) for one in parts("RECOGNISERS")],
        )
        return run_bounded(carry_out(work))
    except LeaseLost:
        return None
    except Exception as error:
        log.exception("a run ended with an unexpected fault", extra={"run": f"INV-{run_id}"})
        _after_fault(lease, f"{type(error).__name__}: {error}")
        raise
    finally:
        close_old_connections()


def inputs_of(run: Investigation, profile: Profile | None = None) -> RunInputs:
    """The run's inputs: as they were at its start, so that a resumed or replayed run asks the same. Kept with the run
    the first time.
    """
    if run.inputs:
        return stored_inputs(run, profile)
    inputs = build_inputs(run.ticket, as_of=run.as_of, profile=profile or Profile.model_validate(run.profile))
    ticket = {name: value for name, value in inputs.ticket.items() if name not in _NOT_KEPT}
    run.inputs = dict(inputs.values)
    run.seen = {
        "ticket": ticket,
        "customer": dict(inputs.customer),
        "earlier": list(inputs.earlier),
        "calibration": calibration.current().version,
    }
    Investigation.objects.filter(pk=run.pk).update(inputs=run.inputs, seen=run.seen)
    return inputs


def stored_inputs(run: Investigation, profile: Profile | None = None) -> RunInputs:
    """What the run read at its start; writes nothing. Of a run that did not keep it, the ticket as it is now, and the
    earlier cases that were confirmed before its clock.
    """
    now = build_inputs(
        run.ticket,
        as_of=run.as_of,
        profile=profile or Profile.model_validate(run.profile),
        earlier=run.seen.get("earlier"),
    )
    ticket = {**now.ticket, **run.seen.get("ticket", {})}
    customer = run.seen.get("customer", now.customer)
    return RunInputs(now.as_of, ticket, customer, run.inputs or now.values, now.profile, now.earlier)


def playbook_of(run: Investigation) -> Playbook:
    """The version that the run took. ValueError when it has none."""
    if run.playbook is None:
        raise ValueError("the run has no playbook")
    return Playbook.model_validate(run.playbook.document)


def _triage(run: Investigation, playbook: Playbook) -> Playbook | None:
    """The first look of a run that has not had it; None when the playbook is settled."""
    if run.route:
        return None
    if playbook.key == TRIAGE:
        return playbook
    found = active_version(TRIAGE)
    return found[1] if found else None


def active_version(key: str) -> tuple[int, Playbook] | None:
    """The version in force and its playbook; None when there is none."""
    version = PlaybookVersion.objects.active().filter(key=key).first()
    return (version.pk, Playbook.model_validate(version.document)) if version else None


def run_bounded(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, but nothing that is left over at the end can hold the worker."""
    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(abandon(asyncio.all_tasks(loop), _LEFTOVERS_S))
        asyncio.set_event_loop(None)
        loop.close()


def _after_fault(lease: Lease, reason: str) -> None:
    run = Investigation.objects.select_related("ticket").get(pk=lease.run_id)
    if run.attempt != lease.attempt or run.status != Investigation.Status.RUNNING:
        return
    if run.attempt >= MAX_ATTEMPTS:
        park(run, f"It failed {MAX_ATTEMPTS} times. {reason}"[:1000])
    else:
        # The lease ends now: the next sweep queues the run again.
        Investigation.objects.held_by(lease.run_id, lease.attempt).update(
            lease_expires_at=timezone.now(), failure=reason[:1000]
        )
