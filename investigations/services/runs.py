"""Start, stop and repeat investigations; answers and verdicts of people."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from altor import events
from altor.audit import record_event
from altor.errors import Conflict, DomainError, InvalidInput, NotFound
from altor.models import User
from altor.queue import enqueue
from altor.redaction import redact
from investigations.diagnosis import steps as meaning
from investigations.diagnosis.diagnose import diagnose
from investigations.diagnosis.facts import FactSpace
from investigations.engine import store
from investigations.engine.lease import TASK, give_back
from investigations.engine.work import inputs_of
from investigations.models import Feedback, Investigation, PlaybookVersion, StepResult, Ticket
from investigations.playbooks.format import TRIAGE, Playbook
from investigations.profile import Profile
from investigations.services.agreement import agreement
from investigations.services.causes import known_causes
from investigations.services.claims import facts_of, keep_answer
from investigations.services.outdating import supersede
from investigations.services.profiles import current_profile

#: What a playbook could learn from a correction.
LEARN: Final = "investigations.tasks.propose_change"


class RunAlreadyActive(Conflict):
    code = "run_already_active"
    title = "An investigation of this ticket is under way"


class NoPlaybook(DomainError):
    code = "no_playbook"
    status = 409
    title = "No playbook covers this ticket"


def start_investigation(
    *,
    ticket: Ticket,
    actor: User | None = None,
    trigger: str = "person",
    as_of: datetime | None = None,
    event_key: str | None = None,
    playbook_key: str | None = None,
    previous: Investigation | None = None,
    profile: Profile | None = None,
    queue: bool = True,
) -> Investigation:
    """Queue an investigation, worked after commit.

    With an `event_key` that was used before, that run is returned: at most one run per ticket event. RunAlreadyActive
    when the ticket has an unfinished run, NoPlaybook when its class has none.
    """
    if event_key:
        known = Investigation.objects.filter(event_key=event_key).first()
        if known is not None:
            return known
    playbook, route = playbook_for(ticket, playbook_key)
    in_force = profile or current_profile()
    now = timezone.now()
    try:
        with transaction.atomic():
            run = Investigation.objects.create(
                ticket=ticket,
                playbook=playbook,
                event_key=event_key or f"{trigger}:{ticket.ref}:{uuid.uuid4().hex}",
                trigger=trigger,
                requested_by=actor,
                previous=previous,
                as_of=as_of or now,
                profile=in_force.model_dump(mode="json", exclude={"customers"}),
                route=route,
                claims=facts_of(ticket),
            )
            Ticket.objects.filter(pk=ticket.pk, status__in=["received", "classified", "reopened"]).update(
                status=Ticket.Status.INVESTIGATING
            )
            events.record(
                "run.queued",
                ticket_ref=ticket.ref,
                subject_ref=run.ref,
                at=now,
                actor=actor,
                data={"playbook": str(playbook), "trigger": trigger},
                key=f"run.queued:{run.ref}",
            )
            record_event(
                actor=actor,
                action="run.started",
                target=run,
                after={"ticket": ticket.ref, "playbook": str(playbook), "trigger": trigger},
            )
            if queue:
                enqueue(TASK, run.pk)
    except IntegrityError:
        known = Investigation.objects.filter(event_key=event_key).first() if event_key else None
        if known is not None:
            return known
        active = Investigation.objects.filter(ticket=ticket).unfinished().first()
        raise RunAlreadyActive(
            f"{active.ref if active else 'A run'} is still working on {ticket.ref}.",
            investigation=active.ref if active else "",
        ) from None
    return run


def ask_for_investigation(
    *,
    ticket: Ticket,
    actor: User,
    trigger: str,
    as_of: datetime | None = None,
    playbook_key: str | None = None,
) -> Investigation:
    """A program's `start_investigation`: a run that started by itself and is under way is its answer, unless more is
    asked than any run of the ticket.
    """
    try:
        return start_investigation(ticket=ticket, actor=actor, trigger=trigger, as_of=as_of, playbook_key=playbook_key)
    except RunAlreadyActive:
        runs = Investigation.objects.visible_to(actor).unfinished()
        active = runs.filter(ticket=ticket, trigger="ticket").first()
        if active is None or playbook_key or as_of:
            raise
        return active


def playbook_for(ticket: Ticket, key: str | None = None) -> tuple[PlaybookVersion, dict[str, Any]]:
    """The playbook to begin with, and how it was chosen: {} leaves the last word to the first look.

    NoPlaybook when the ticket's class has none, InvalidInput for a key that is none.
    """
    wanted = PlaybookVersion.objects.active()
    if key:
        found = wanted.filter(key=key).first()
        if found is None:
            known = ", ".join(wanted.order_by("key").values_list("key", flat=True)) or "none"
            raise InvalidInput(f"There is no playbook {key!r}; there are: {known}.", playbook=key)
        return found, {} if key == TRIAGE else {"how": "chosen", "playbook": key, "reasons": []}
    by_person = ticket.class_why.get("how") == "person"
    found = _of_class(ticket)
    if found is not None:
        how = {"how": "person", "playbook": found.key, "reasons": list(ticket.class_why.get("reasons", []))}
        return found, how if by_person and found.key != TRIAGE else {}
    first_look = wanted.filter(key=TRIAGE).first()
    if first_look is not None and not (by_person and ticket.incident_class):
        return first_look, {}
    reason = (
        f"its class is {ticket.incident_class!r}, which has no playbook"
        if ticket.incident_class
        else "its class is not known"
    )
    raise NoPlaybook(f"{ticket.ref} cannot be investigated: {reason}. Choose a class or a playbook.", ticket=ticket.ref)


def _of_class(ticket: Ticket) -> PlaybookVersion | None:
    """Of the playbooks that serve the ticket's class, the one its words fit best."""
    if not ticket.incident_class:
        return None
    fits = ticket.class_why.get("playbooks") or {}
    found = PlaybookVersion.objects.active().filter(incident_class=ticket.incident_class).order_by("key")
    return min(found, key=lambda version: (-float(fits.get(version.key, 0.0)), version.key), default=None)


@transaction.atomic
def cancel_investigation(run: Investigation, *, actor: User | None = None) -> Investigation:
    """Stop a run: at once when it is queued, within a second when a worker has it. A finished run is a Conflict."""
    now = timezone.now()
    locked = Investigation.objects.select_for_update(of=("self",)).select_related("ticket").get(pk=run.pk)
    if not locked.is_active:
        raise Conflict(f"{locked.ref} is over already.")
    # The worker sees the changed status at its next write or heartbeat and stops without writing.
    locked.status, locked.cancel_requested_at, locked.finished_at, locked.lease_expires_at = (
        Investigation.Status.CANCELLED,
        now,
        now,
        None,
    )
    locked.live_version += 1
    locked.save(update_fields=["status", "cancel_requested_at", "finished_at", "lease_expires_at", "live_version"])
    locked.steps.filter(status__in=["waiting", "running", "asked"]).update(
        status=StepResult.Status.CANCELLED, result="The run was cancelled"
    )
    give_back(locked.ticket)
    events.record(
        "run.cancelled",
        ticket_ref=locked.ticket.ref,
        subject_ref=locked.ref,
        at=now,
        actor=actor,
        key=f"run.cancelled:{locked.ref}",
    )
    record_event(actor=actor, action="run.cancelled", target=locked)
    return locked


def rerun_investigation(
    run: Investigation, *, actor: User | None = None, as_of: datetime | None = None, event_key: str | None = None
) -> Investigation:
    """A new run of the ticket that remembers this one, for comparison. Without `as_of` the clock is now.

    With an `event_key` that was used before, that run is returned.
    """
    key = run.playbook.key if run.playbook and run.playbook.key != TRIAGE else None
    return start_investigation(
        ticket=run.ticket,
        actor=actor,
        trigger="rerun",
        as_of=as_of,
        event_key=event_key,
        previous=run,
        playbook_key=key,
    )


def answer_step(run: Investigation, step_id: str, answer: Any, *, actor: User) -> Investigation:
    """A person's answer becomes evidence, and the diagnosis is weighed again with it."""
    answer = redact(answer)
    now = timezone.now()
    with transaction.atomic():
        # A worker that is just finishing waits for this row, then finds the answer; or we find its diagnosis. The
        # playbook is read under the same lock: the first look may be choosing another one at this moment.
        runs = Investigation.objects.select_for_update(of=("self",)).select_related("ticket__customer", "playbook")
        locked = runs.get(pk=run.pk)
        if locked.status in (Investigation.Status.CANCELLED, Investigation.Status.FAILED):
            raise Conflict(f"{locked.ref} is {locked.status}: an answer would change nothing. Run it again.")
        playbook = Playbook.model_validate(locked.playbook.document) if locked.playbook else None
        asked = {step.id: number for number, step in enumerate(playbook.steps, 1)} if playbook else {}
        row = locked.steps.select_for_update().filter(step_id=step_id, source="manual").first()
        if playbook is None or row is None or step_id not in asked:
            raise NotFound(f"{run.ref} has no question {step_id!r}.")
        inputs, outcomes = inputs_of(locked), store.stored_outcomes(run.pk)
        known = FactSpace(inputs, outcomes)
        try:
            outcome = meaning.interpret_manual(playbook.step(step_id), asked[step_id], answer, known)
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"The answer does not fit: {error}.", step=step_id) from None
        before = row.answer
        store.keep_answer(row, outcome, answer, actor, now)
        if (manual := playbook.step(step_id).manual) is not None:
            # With the ticket, so that the next run of it need not ask again.
            ticket = Ticket.objects.select_for_update(of=("self",)).get(pk=locked.ticket_id)
            text = str(outcome.facts["answer"])
            keep_answer(ticket, name=step_id, question=manual.ask, answer=text, actor=actor)
        if locked.status == Investigation.Status.DONE:
            store.refresh(locked, diagnose(playbook, inputs, {**outcomes, step_id: outcome}))
        else:
            Investigation.objects.filter(pk=run.pk).update(live_version=F("live_version") + 1)
        events.record(
            "run.answered", ticket_ref=run.ticket.ref, subject_ref=run.ref, at=now, actor=actor, data={"step": step_id}
        )
        record_event(
            actor=actor,
            action="run.answered",
            target=run,
            before={"step": step_id, "answer": before} if before is not None else None,
            after={"step": step_id, "answer": answer},
        )
    run.refresh_from_db()
    return run


@transaction.atomic
def record_feedback(
    run: Investigation, *, verdict: str = "", label: str = "", comment: str = "", grade: str = "", actor: User
) -> Feedback:
    """`accepted`, or `corrected` with what the cause really was; or a grade of four, which says which of both it is.

    A verdict without a grade gets one where the label tells it: accepted is exact, a correction is as near as its label
    is to what was said. The same grade again by the same person changes nothing.
    """
    if grade and grade not in Feedback.Grade.values:
        raise InvalidInput(f"The grade is one of {', '.join(Feedback.Grade.values)}.", grade=grade)
    meant = ("accepted" if grade == Feedback.Grade.EXACT else "corrected") if grade else verdict
    if meant not in ("accepted", "corrected"):
        raise InvalidInput("The verdict is `accepted` or `corrected`.", verdict=verdict)
    if verdict and verdict != meant:
        raise InvalidInput(f"The grade {grade!r} does not go with the verdict {verdict!r}.", grade=grade)
    label, comment = label[:60], comment.strip()
    if meant == "corrected" and not grade and not (label or comment).strip():
        raise InvalidInput("Say what the cause really was: a label, or a comment.")
    given = grade
    if meant == "accepted":
        label, grade = label or run.top_label, Feedback.Grade.EXACT
    elif label and not grade:
        grade = agreement((run.diagnosis or {}).get("candidates", []), label, known_causes())
    if given:
        # One at a time, so that a double click finds what the first has written.
        Investigation.objects.select_for_update(of=("self",)).get(pk=run.pk)
        last = Feedback.objects.filter(investigation=run).order_by("-pk").first()
        if last is not None and (last.user_id, last.grade, last.label, last.comment) == (
            actor.pk, grade, label, comment,
        ):  # fmt: skip
            return last
    now = timezone.now()
    supersede(run)
    feedback = Feedback.objects.create(
        investigation=run, verdict=meant, grade=grade, label=label, comment=comment, user=actor
    )
    kind = "diagnosis.accepted" if meant == "accepted" else "diagnosis.corrected"
    events.record(
        kind,
        ticket_ref=run.ticket.ref,
        subject_ref=run.ref,
        at=now,
        actor=actor,
        data={"label": feedback.label, "grade": str(grade)},
        key=f"{kind}:{run.ref}:{feedback.pk}",
    )
    record_event(
        actor=actor,
        action=f"run.{meant}",
        target=run,
        before={"label": run.top_label},
        after={"label": feedback.label, "grade": str(grade)},
    )
    if meant == "corrected" and label:
        enqueue(LEARN, feedback.pk)
    return feedback
