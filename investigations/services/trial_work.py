"""The work of trials: one ticket at a time in the whole installation, behind everything that waits.

An entry of the queue does one ticket that asks sources, or a handful that ask nobody, and then queues the trial again
at the end: runs that customers wait for come first. Only one trial is worked on at any moment, so that past tickets
never flood the upstreams.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from altor.errors import DomainError
from altor.queue import enqueue
from investigations.diagnosis import calibration
from investigations.engine.shadow import NotReplayable, Shadow, replay, shadow_of_run, shadow_of_ticket
from investigations.engine.work import active_version, playbook_of
from investigations.models import Investigation, PlaybookVersion, Ticket, Trial, TrialCase
from investigations.playbooks.format import TRIAGE, Playbook
from investigations.services.briefs import brief
from investigations.services.connections import active_connections
from investigations.services.profiles import current_profile
from investigations.services.runs import playbook_for
from investigations.services.trials import TASK
from investigations.sources.base import ConnectionConfig

log = logging.getLogger(__name__)
#: How long an entry of the queue goes on with tickets that ask nobody.
SLICE_S: Final = 2.0
#: A worker that gives no sign of life for longer has lost the trial.
LEASE: Final = timedelta(seconds=90)
#: A trial that nobody worked on for so long is queued again by the sweep.
FORGOTTEN: Final = timedelta(seconds=30)
#: A case that ended its worker so often is given up.
MAX_STUMBLES: Final = 3
#: Number of the lock under which a trial is claimed.
_CLAIM_LOCK: Final = 7_741_206
Connections = Mapping[str, ConnectionConfig]


@dataclass(frozen=True, slots=True)
class _Claim:
    trial: Trial
    attempt: int


def work_trial(
    trial_id: int,
    *,
    alive: Callable[[], None] | None = None,
    connections: Connections | None = None,
    budget_s: float = SLICE_S,
    ask: bool = True,
    queue: bool = True,
) -> bool:
    """Work on a trial for a while; whether something is left to do. Safe to deliver twice.

    With `ask` off only tickets that ask nobody are done; the rest waits, or is said to be not replayable where the
    trial may not ask. With `queue` what is left is queued behind everything else.
    """
    claim = _claim(trial_id)
    if claim is None:
        return False
    began = time.monotonic()
    done: set[int] = set()
    left = True
    while left:
        cases = TrialCase.objects.filter(trial=claim.trial, status=TrialCase.Status.WAITING).exclude(pk__in=done)
        case = cases.select_related("ticket__customer", "run__playbook", "run__ticket__customer").first()
        if case is None:
            break
        asked = _work_case(claim, case, alive=alive, connections=connections, ask=ask)
        done.add(case.pk)
        if alive:
            alive()
        if not _renew(claim):
            return False  # cancelled, or taken over
        if asked or time.monotonic() - began > budget_s:
            break
    left = _release(claim)
    following = _next(claim.trial) if queue else None
    if following is not None:
        enqueue(TASK, following)
    return left


def work_through(trial: Trial, *, connections: Connections | None = None) -> Trial:
    """Work a trial to its end here and now, for commands."""
    while work_trial(trial.pk, connections=connections, budget_s=3600.0, queue=False):
        pass
    trial.refresh_from_db()
    return trial


def sweep_trials(*, now: datetime | None = None) -> int:
    """Queue the trial again whose entry was lost, or whose worker is gone; how many were."""
    now = now or timezone.now()
    if Trial.objects.held(now).exists():
        return 0
    waiting = Trial.objects.unfinished().filter(created_at__lt=now - FORGOTTEN)
    forgotten = waiting.exclude(worked_at__gt=now - FORGOTTEN).order_by("pk").values_list("pk", flat=True).first()
    if forgotten is None:
        return 0
    enqueue(TASK, forgotten)
    return 1


def _claim(trial_id: int) -> _Claim | None:
    """Take the trial, unless it is over or any trial is being worked on."""
    now = timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIM_LOCK])
        trial = Trial.objects.unfinished().filter(pk=trial_id).first()
        if trial is None or Trial.objects.held(now).exists():
            return None
        trial.status, trial.lease_expires_at, trial.worked_at = Trial.Status.RUNNING, now + LEASE, now
        trial.attempt += 1
        trial.stumbles += 1
        trial.save(update_fields=["status", "lease_expires_at", "worked_at", "attempt", "stumbles"])
        if trial.stumbles > MAX_STUMBLES:
            _give_up_first(trial)
    return _Claim(trial, trial.attempt)


def _give_up_first(trial: Trial) -> None:
    """The case that is in turn has ended its worker again and again."""
    first = trial.cases.filter(status=TrialCase.Status.WAITING).first()
    if first is not None:
        first.status, first.why = TrialCase.Status.FAILED, f"Its worker ended {MAX_STUMBLES} times while working on it."
        first.save(update_fields=["status", "why"])
    Trial.objects.filter(pk=trial.pk).update(stumbles=1)


def _held(claim: _Claim) -> Any:
    return Trial.objects.filter(pk=claim.trial.pk, attempt=claim.attempt, status=Trial.Status.RUNNING)


def _renew(claim: _Claim) -> bool:
    now = timezone.now()
    return bool(_held(claim).update(lease_expires_at=now + LEASE, worked_at=now, stumbles=0))


def _release(claim: _Claim) -> bool:
    """Give the trial back, finished when nothing waits; whether something does."""
    left = claim.trial.cases.filter(status=TrialCase.Status.WAITING).exists()
    changes: dict[str, Any] = {} if left else {"status": Trial.Status.DONE, "finished_at": timezone.now()}
    _held(claim).update(lease_expires_at=None, stumbles=0, **changes)
    return left


def _next(trial: Trial) -> int | None:
    """Whose turn it is: several trials take turns."""
    waiting = Trial.objects.unfinished().order_by(F("worked_at").asc(nulls_first=True), "pk")
    found: int | None = waiting.values_list("pk", flat=True).first()
    return found


def _work_case(
    claim: _Claim,
    case: TrialCase,
    *,
    alive: Callable[[], None] | None,
    connections: Connections | None,
    ask: bool,
) -> bool:
    """Work one case and store its result; whether a source was asked."""
    trial = claim.trial
    may_ask = ask and trial.asks
    reach = (active_connections() if connections is None else connections) if may_ask else None
    shadow: Shadow | None = None
    asks_playbook: Playbook | None = None
    changes: dict[str, Any]
    try:
        shadow, asks_playbook = _shadow(trial, case, reach, alive)
    except NotReplayable as cannot:
        if not ask and trial.asks:
            return False  # a worker asks, later
        changes = {"status": TrialCase.Status.NOT_REPLAYABLE, "why": _reasons(cannot, trial)}
    except DomainError as refused:
        changes = {"status": TrialCase.Status.NOT_REPLAYABLE, "why": refused.detail}
    except Exception as error:
        log.exception("a case of a trial failed", extra={"trial": trial.ref, "ticket": case.ticket.ref})
        changes = {"status": TrialCase.Status.FAILED, "why": f"{type(error).__name__}: {error}"[:500]}
    else:
        titles = {step.id: step.title for step in asks_playbook.steps}
        changes = {
            "status": TrialCase.Status.DONE,
            "way": shadow.way,
            "asked": [titles[step_id] for step_id in shadow.asked if step_id in titles],
            "after": brief(shadow.diagnosis.as_dict()),
            **_weighed_as_now(trial, case),
        }
    # Only while the trial is ours: a cancelled one keeps what it had.
    with transaction.atomic():
        if _held(claim).select_for_update().exists():
            TrialCase.objects.filter(pk=case.pk, status=TrialCase.Status.WAITING).update(**changes)
    return bool(shadow and shadow.asked)


def _weighed_as_now(trial: Trial, case: TrialCase) -> dict[str, Any]:
    """What the run says under the calibration of today: a dry run is about the playbook, not about that."""
    run = case.run
    if trial.kind != Trial.Kind.DRY_RUN or run is None or run.seen.get("calibration") == calibration.current().version:
        return {}
    return {"before": brief(replay(run).as_dict())}


def _shadow(
    trial: Trial, case: TrialCase, connections: Connections | None, alive: Callable[[], None] | None
) -> tuple[Shadow, Playbook]:
    """What the trial says of the case's ticket, and the playbook that it began with."""
    if trial.kind == Trial.Kind.DRY_RUN:
        playbook = Playbook.model_validate(trial.document)
        if case.run is None:
            raise NotReplayable({"run": "the stored run is gone"})
        return shadow_of_run(case.run, playbook, connections=connections, alive=alive), playbook
    if case.run is not None:
        playbook = _in_force(case.run)
        return shadow_of_run(case.run, playbook, connections=connections, alive=alive), playbook
    version, route = playbook_for(case.ticket)
    playbook = Playbook.model_validate(version.document)
    if connections is None:
        raise NotReplayable({step.id: "no run is stored, and no source is asked here" for step in playbook.steps[:1]})
    return _unstored(case.ticket, version, playbook, connections, alive, looks=not route), playbook


def _unstored(
    ticket: Ticket,
    version: PlaybookVersion,
    playbook: Playbook,
    connections: Connections,
    alive: Callable[[], None] | None,
    *,
    looks: bool,
) -> Shadow:
    """A ticket that no run was made of, as Altor would have met it: at the moment the customer wrote."""
    library = {key: found for key in _keys() if (found := active_version(key))}
    triage = library.get(TRIAGE)
    first_look = (playbook if version.key == TRIAGE else triage[1] if triage else None) if looks else None
    return shadow_of_ticket(
        ticket,
        playbook,
        as_of=ticket.opened_at,
        profile=current_profile(),
        connections=connections,
        triage=first_look,
        library=partial(dict.get, library),
        alive=alive,
    )


def _keys() -> list[str]:
    return list(PlaybookVersion.objects.active().values_list("key", flat=True))


def _in_force(run: Investigation) -> Playbook:
    """The version that a new run of the ticket would take: the playbook's active one, else the run's own."""
    found = active_version(run.playbook.key) if run.playbook else None
    return found[1] if found else playbook_of(run)


def _reasons(cannot: NotReplayable, trial: Trial) -> str:
    titles = {step["id"]: step.get("title", step["id"]) for step in trial.document.get("steps", [])}
    return "; ".join(f"{titles.get(step_id, step_id)}: {why}" for step_id, why in cannot.reasons.items()) + "."


def begin_here(trial: Trial) -> bool:
    """Do at once what asks nobody, as far as that goes in a page's time; whether something is left for a worker."""
    return work_trial(trial.pk, ask=False)
