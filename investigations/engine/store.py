"""What a run writes while it works. Every write is fenced: it happens only while the lease is held."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from altor import events
from altor.models import User
from altor.queue import enqueue
from investigations.diagnosis.diagnose import Diagnosis
from investigations.diagnosis.facts import plain
from investigations.diagnosis.types import EvidenceDraft, StepOutcome
from investigations.engine.lease import ENDED, Lease, LeaseLost
from investigations.models import Evidence, Investigation, StepResult, Ticket
from investigations.playbooks.format import Playbook
from investigations.sources.base import RequestRecord

#: The text of one request kept with its evidence.
_MAX_TARGET = 8000


#: Who is less sure than this (0 to 1; below it the words say "Low") has no cause that could correct a ticket's class.
CAUSE_FROM: Final = 0.4
#: Labels that name no cause.
NO_CAUSE: Final = frozenset({"inconclusive", "none.no_anomaly"})
#: Position of the steps of the first look, before those of the playbook.
LOOK = 0


def prepare_steps(lease: Lease, playbook: Playbook | None, triage: Playbook | None = None) -> None:
    """One row per step, in the file's order; a resumed run keeps what it has. A transaction of its own."""
    rows = _rows(lease.run_id, playbook) if playbook else []
    rows += _rows(lease.run_id, triage, first_look=True) if triage else []
    with transaction.atomic():
        fence(lease)
        StepResult.objects.bulk_create(rows, ignore_conflicts=True)


def _rows(run_id: int, playbook: Playbook, *, first_look: bool = False) -> list[StepResult]:
    return [
        StepResult(
            investigation_id=run_id,
            step_id=step.id,
            position=LOOK if first_look else position,
            title=step.title,
            source=step.source,
        )
        for position, step in enumerate(playbook.steps, 1)
    ]


def routed(lease: Lease, route: Mapping[str, Any]) -> None:
    """The first look is over: how the playbook was chosen stays with the run, and no attempt looks again."""
    Investigation.objects.filter(pk=lease.run_id).update(route=dict(route))


def reroute(lease: Lease, version_id: int, playbook: Playbook, ticket_ref: str) -> None:
    """The run goes on with another playbook; what the first one had found is not part of it, but what a person has
    answered is kept.
    """
    former = StepResult.objects.filter(investigation_id=lease.run_id, answered_at__isnull=True)
    former.exclude(position=LOOK).delete()
    StepResult.objects.bulk_create(_rows(lease.run_id, playbook), ignore_conflicts=True)
    Investigation.objects.filter(pk=lease.run_id).update(playbook_id=version_id)
    ref = f"INV-{lease.run_id}"
    events.record(
        "run.rerouted",
        ticket_ref=ticket_ref,
        subject_ref=ref,
        at=timezone.now(),
        data={"playbook": playbook.key},
        key=f"run.rerouted:{ref}:{playbook.key}",
    )


def stored_outcomes(run_id: int) -> dict[str, StepOutcome]:
    """What earlier attempts finished: never asked again."""
    found = {}
    rows = StepResult.objects.filter(investigation_id=run_id, status__in=["done", "skipped", "unavailable", "asked"])
    for row in rows.prefetch_related("evidence"):
        found[row.step_id] = StepOutcome(
            step_id=row.step_id,
            source=row.source,
            status=row.status,  # type: ignore[arg-type]  # the filter above admits these four
            verdict=row.verdict,  # type: ignore[arg-type]  # choices of the column
            result=row.result,
            facts=row.facts,
            evidence=tuple(_draft(item, row.step_id) for item in row.evidence.all()),
            error_kind=row.error_kind,
            error=row.error,
            truncated=row.truncated,
            newest_at=row.newest_at,
        )
    return found


def step_started(lease: Lease, step_id: str, at: datetime) -> None:
    StepResult.objects.filter(investigation_id=lease.run_id, step_id=step_id).update(
        status=StepResult.Status.RUNNING, started_at=at, attempt=lease.attempt
    )


def step_ended(lease: Lease, outcome: StepOutcome, seconds: float, ticket_ref: str) -> None:
    """The step's result with its evidence, which replaces any of an earlier attempt, or of a transaction made again."""
    now = timezone.now()
    row = StepResult.objects.get(investigation_id=lease.run_id, step_id=outcome.step_id)
    if row.answered_at:
        return  # a person was faster than the question
    has_ended_before = row.finished_at is not None
    row.status, row.verdict, row.result = outcome.status, outcome.verdict, outcome.result[:500]
    row.facts = dict(outcome.facts)
    row.error_kind, row.error = outcome.error_kind, outcome.error
    row.requests = [_request(item) for item in outcome.requests]
    row.truncated, row.newest_at = outcome.truncated, outcome.newest_at
    row.finished_at, row.seconds, row.attempt = now, seconds, lease.attempt
    row.started_at = row.started_at or now
    row.save()
    fetched = outcome.fetched_at or now
    if has_ended_before:
        row.evidence.all().delete()
    Evidence.objects.bulk_create([_evidence(row, draft, fetched) for draft in outcome.evidence])
    data = {
        "step": outcome.step_id, "status": outcome.status, "source": outcome.source, "seconds": round(seconds, 3),
    }  # fmt: skip
    ref = f"INV-{lease.run_id}"
    events.record(
        "run.step", ticket_ref=ticket_ref, subject_ref=ref, at=now, data=data, key=f"run.step:{ref}:{outcome.step_id}"
    )


def so_far(lease: Lease, diagnosis: Diagnosis) -> None:
    """The diagnosis so far, for the live page; the hash is written only at the end."""
    Investigation.objects.filter(pk=lease.run_id).update(**_concluded(diagnosis))


def answers(run_id: int) -> dict[str, StepOutcome]:
    """What people have answered so far. Under the fence: who answers later finds the run finished."""
    return {
        step_id: outcome
        for step_id, outcome in stored_outcomes(run_id).items()
        if outcome.source == "manual" and outcome.status == "done"
    }


def finish(lease: Lease, diagnosis: Diagnosis, *, seconds: float, upstream_seconds: float) -> None:
    """The run is done, exactly once: the fence before it let only the holder of the lease come here."""
    now = timezone.now()
    run = Investigation.objects.select_related("ticket").get(pk=lease.run_id)
    Investigation.objects.filter(pk=run.pk).update(
        status=Investigation.Status.DONE,
        result_hash=diagnosis.result_hash,
        seconds=seconds,
        upstream_seconds=upstream_seconds,
        finished_at=now,
        lease_expires_at=None,
        failure="",
        **_concluded(diagnosis),
    )
    Ticket.objects.filter(pk=run.ticket_id, status__in=["received", "classified", "investigating", "reopened"]).update(
        status=Ticket.Status.DIAGNOSED
    )
    if (diagnosis.confidence or 0.0) >= CAUSE_FROM and diagnosis.top_label not in NO_CAUSE:
        _correct_class(run.ticket, str(diagnosis.document["class"]), run.ref, now)
    data = {
        "label": diagnosis.top_label,
        "confidence": diagnosis.confidence,
        "seconds": round(seconds, 3),
        "upstream_seconds": round(upstream_seconds, 3),
        "unavailable": diagnosis.document["unavailable"],
    }
    events.record(
        "run.finished", ticket_ref=run.ticket.ref, subject_ref=run.ref, at=now, data=data, key=f"run.finished:{run.ref}"
    )
    enqueue(ENDED, run.pk)


def _correct_class(ticket: Ticket, found: str, run_ref: str, now: datetime) -> None:
    """A ticket may complain in another class's words: the class is that of the cause found, unless a person set it."""
    # Read under its lock: a person may be setting the class at this moment.
    ticket = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
    if ticket.class_why.get("how") == "person" or not found or found == ticket.incident_class:
        return
    reasons = [f"{run_ref} found a cause of this class.", *ticket.class_why.get("reasons", [])][:12]
    why = {**ticket.class_why, "how": "evidence", "reasons": reasons, "from_text": ticket.incident_class}
    Ticket.objects.filter(pk=ticket.pk).update(incident_class=found, class_why=why)
    events.record(
        "ticket.classified",
        ticket_ref=ticket.ref,
        subject_ref=run_ref,
        at=now,
        data={"class": found, "how": "evidence"},
        key=f"ticket.classified:{ticket.ref}:{run_ref}",
    )


def is_finished_by(lease: Lease) -> bool:
    """Whether this very attempt has brought the run to its end."""
    return Investigation.objects.filter(
        pk=lease.run_id, attempt=lease.attempt, status=Investigation.Status.DONE
    ).exists()


def refresh(run: Investigation, diagnosis: Diagnosis) -> None:
    """A finished run learned something more (an answered question): same run, new conclusion."""
    Investigation.objects.filter(pk=run.pk).update(
        result_hash=diagnosis.result_hash, live_version=F("live_version") + 1, **_concluded(diagnosis)
    )
    enqueue(ENDED, run.pk)


def _concluded(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "diagnosis": diagnosis.as_dict(),
        "top_label": diagnosis.top_label,
        "confidence": diagnosis.confidence,
        "severity": diagnosis.severity,
    }


def fence(lease: Lease, *, visible: bool = True) -> None:
    """Lock the run's row while it is ours; LeaseLost otherwise. `visible`: tell who watches that something changed."""
    held = Investigation.objects.held_by(lease.run_id, lease.attempt)
    changes: dict[str, Any] = {"live_version": F("live_version") + 1} if visible else {}
    if not held.update(heartbeat_at=timezone.now(), **changes):
        raise LeaseLost(f"INV-{lease.run_id}")


def _request(record: RequestRecord) -> dict[str, Any]:
    data: dict[str, Any] = plain(asdict(record))
    data["target"] = record.target[:_MAX_TARGET]
    data["seconds"] = round(record.seconds, 4)
    return data


def _evidence(row: StepResult, draft: EvidenceDraft, fetched: datetime) -> Evidence:
    rows: list[Any] = plain(draft.rows)
    ref = plain(draft.ref)
    content: Mapping[str, Any] = {"kind": draft.kind, "ref": ref, "summary": draft.summary, "rows": rows}
    return Evidence(
        investigation_id=row.investigation_id,
        step=row,
        ref_id=draft.ref_id,
        source=draft.source,
        kind=draft.kind,
        ref=ref,
        title=draft.title[:200],
        summary=draft.summary,
        verdict=draft.verdict,
        at=draft.at,
        fetched_at=fetched,
        url=draft.url[:800],
        figures=plain(draft.figures),
        requests=row.requests,
        columns=list(draft.columns),
        rows=rows,
        row_count=draft.row_count,
        truncated=draft.truncated,
        sha256=hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest(),
    )


def _draft(item: Evidence, step_id: str) -> EvidenceDraft:
    return EvidenceDraft(
        ref_id=item.ref_id,
        step_id=step_id,
        source=item.source,
        kind=item.kind,
        summary=item.summary,
        title=item.title,
        ref=item.ref,
        verdict=item.verdict,  # type: ignore[arg-type]  # choices of the column
        at=item.at,
        url=item.url,
        figures=item.figures,
        columns=tuple(item.columns),
        rows=tuple(tuple(row) for row in item.rows),
        row_count=item.row_count,
        truncated=item.truncated,
    )


def keep_answer(row: StepResult, outcome: StepOutcome, answer: Any, actor: User, now: datetime) -> None:
    """A person's answer to a manual step, with the evidence it makes. In the caller's transaction."""
    row.status, row.verdict, row.result = StepResult.Status.DONE, outcome.verdict, outcome.result[:500]
    row.facts, row.answer = dict(outcome.facts), answer
    row.answered_by, row.answered_at, row.finished_at = actor, now, now
    row.save()
    row.evidence.all().delete()
    Evidence.objects.bulk_create([_evidence(row, draft, now) for draft in outcome.evidence])
