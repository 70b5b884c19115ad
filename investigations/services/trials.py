"""Start and stop trials: a changed playbook over past tickets, and Altor against what the team found.

The tickets are chosen when a trial begins, among those that the person who asks may open. A trial writes its own rows
and nothing else; the work is done by `trial_work`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from altor.audit import record_event
from altor.errors import Conflict, InvalidInput
from altor.models import User
from altor.queue import enqueue
from investigations.models import Investigation, PlaybookVersion, Ticket, Trial, TrialCase
from investigations.models.tickets import TicketQuerySet
from investigations.playbooks.format import Playbook
from investigations.playbooks.loader import parse_playbook
from investigations.services.briefs import brief

TASK: Final = "investigations.tasks.work_trial"
#: Tickets of one trial: by default, and at most.
USUAL: Final = 20
BACKTEST: Final = 50
MOST: Final = 200


def start_dry_run(
    *,
    text: str = "",
    version: PlaybookVersion | None = None,
    name: str = "playbook.yaml",
    last: int = USUAL,
    asks: bool = True,
    actor: User | None = None,
    queue: bool = True,
) -> Trial:
    """A dry run of a stored version, or of a text, over the last tickets of its playbook.

    PlaybookInvalid as parsed, when the text is no playbook. Of a playbook that was never used, the tickets of its class
    are taken. `asks`: sources may be asked where a step changed. Work it with `trial_work`; with `queue` a worker does.
    """
    if (version is None) == (not text):
        raise ValueError("a dry run is of a version or of a text")
    playbook = Playbook.model_validate(version.document) if version else parse_playbook(text, name=name)
    runs = _runs_of(playbook, _allowed(actor))[: _number(last)]
    with transaction.atomic():
        trial = Trial.objects.create(
            kind=Trial.Kind.DRY_RUN,
            playbook_key=playbook.key,
            playbook=version,
            source_yaml=version.source_yaml if version else text,
            document=playbook.model_dump(by_alias=True, mode="json"),
            asks=asks,
            chosen={"last": last},
            requested_by=actor,
        )
        _add_cases(trial, [(run.ticket_id, run) for run in runs])
        _begun(trial, actor, queue=queue)
    return trial


def start_backtest(
    *,
    incident_class: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    last: int = BACKTEST,
    actor: User | None = None,
    queue: bool = True,
) -> Trial:
    """What Altor would have said of the last closed tickets. `since` and `until` are of their closing, until excluded.

    InvalidInput for an empty span of time.
    """
    if since and until and since >= until:
        raise InvalidInput("The span of time is empty: its end is not after its begin.")
    wanted = _allowed(actor).filter(status=Ticket.Status.RESOLVED, resolved_at__isnull=False)
    if incident_class:
        wanted = wanted.filter(incident_class=incident_class)
    if since:
        wanted = wanted.filter(resolved_at__gte=since)
    if until:
        wanted = wanted.filter(resolved_at__lt=until)
    done = Investigation.objects.filter(ticket=OuterRef("pk"), status=Investigation.Status.DONE, playbook__isnull=False)
    tickets = list(
        wanted.annotate(newest=Subquery(done.order_by("-pk").values("pk")[:1]))
        .order_by("-resolved_at", "-pk")
        .values_list("pk", "newest")[: _number(last)]
    )
    runs = Investigation.objects.in_bulk([newest for _, newest in tickets if newest])
    chosen = {"last": last, "class": incident_class, "since": _iso(since), "until": _iso(until)}
    with transaction.atomic():
        trial = Trial.objects.create(kind=Trial.Kind.BACKTEST, chosen=chosen, requested_by=actor)
        _add_cases(trial, [(ticket_id, runs.get(newest)) for ticket_id, newest in tickets])
        _begun(trial, actor, queue=queue)
    return trial


@transaction.atomic
def cancel_trial(trial: Trial, *, actor: User) -> Trial:
    """Stop it; what was found so far stays. Conflict when it is over."""
    locked = Trial.objects.select_for_update(of=("self",)).get(pk=trial.pk)
    if not locked.is_active:
        raise Conflict(f"{locked.ref} is over already.")
    locked.status, locked.finished_at, locked.lease_expires_at = Trial.Status.CANCELLED, timezone.now(), None
    locked.save(update_fields=["status", "finished_at", "lease_expires_at"])
    record_event(actor=actor, action="trial.cancelled", target=locked)
    return locked


def _allowed(actor: User | None) -> TicketQuerySet:
    """The command line stands for nobody and sees all."""
    return Ticket.objects.visible_to(actor) if actor is not None else Ticket.objects.all()


def _number(last: int) -> int:
    if not 1 <= last <= MOST:
        raise InvalidInput(f"Between 1 and {MOST} tickets can be tried at once.", last=last)
    return last


def _runs_of(playbook: Playbook, tickets: TicketQuerySet) -> Any:
    """The newest finished run of each ticket, of those that took the playbook; newest first."""
    done = Investigation.objects.filter(status=Investigation.Status.DONE, playbook__isnull=False)
    newest = done.filter(ticket=OuterRef("ticket")).order_by("-pk").values("pk")[:1]
    last = done.filter(pk=Subquery(newest), ticket__in=tickets).order_by("-pk")
    of_it = Q(playbook__key=playbook.key)
    if not last.filter(of_it).exists():
        of_it = Q(ticket__incident_class=playbook.incident_class)
    return last.filter(of_it)


def _add_cases(trial: Trial, chosen: Sequence[tuple[int, Investigation | None]]) -> None:
    TrialCase.objects.bulk_create(
        [
            TrialCase(
                trial=trial,
                ticket_id=ticket_id,
                run=run,
                position=position,
                before=brief(run.diagnosis) if run is not None and run.diagnosis else None,
            )
            for position, (ticket_id, run) in enumerate(chosen, 1)
        ]
    )


def _begun(trial: Trial, actor: User | None, *, queue: bool) -> None:
    record_event(
        actor=actor,
        action="trial.started",
        target=trial,
        after={"kind": trial.kind, "playbook": trial.playbook_key, **trial.chosen},
    )
    if queue:
        enqueue(TASK, trial.pk)


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""
