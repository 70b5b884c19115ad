"""What the team found to be the cause of a ticket, and recording it for a closed one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from altor.audit import record_event
from altor.errors import InvalidInput
from altor.models import User
from altor.redaction import redact_text
from investigations.models import Feedback, Investigation, Ticket
from investigations.services.causes import known_causes
from investigations.services.runs import record_feedback


@dataclass(frozen=True, slots=True)
class Finding:
    """`label` is "" where somebody said in words alone that it was something else (`comment`)."""

    label: str
    comment: str
    is_acceptance: bool  # of Altor's own answer: somebody who had read it
    by: str
    at: datetime


def findings_of(ticket_ids: Collection[int]) -> dict[int, Finding]:
    """The last word on each ticket that has one, over all its runs. One query."""
    rows = (
        Feedback.objects.filter(Q(ticket__in=ticket_ids) | Q(investigation__ticket__in=ticket_ids))
        .annotate(of=Coalesce("ticket_id", "investigation__ticket_id"))
        .select_related("user")
        .order_by("pk")
    )
    found: dict[int, Finding] = {}
    for row in rows:
        found.pop(row.of, None)  # a later grade without a cause takes back what was said before
        if row.label or row.comment:
            found[row.of] = Finding(row.label, row.comment, row.verdict == "accepted", str(row.user), row.at)
    return found


@transaction.atomic
def record_finding(ticket: Ticket, *, label: str, comment: str = "", actor: User) -> Feedback:
    """What the cause of the ticket was: a verdict on its newest diagnosis, or of the ticket where it has none.

    The same again by the same person changes nothing. InvalidInput for a label that no playbook knows.
    """
    comment = redact_text(comment.replace("\x00", "")).strip()[:2000]
    if label and label not in known_causes():
        raise InvalidInput(f"There is no cause {label!r}.", label=label)
    if not (label or comment):
        raise InvalidInput("Say what the cause was: choose one, or write it.")
    # One at a time, so that a double click finds what the first has written.
    locked = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
    last = Feedback.objects.filter(Q(ticket=locked) | Q(investigation__ticket=locked)).order_by("-pk").first()
    if last is not None and (last.user_id, last.label, last.comment) == (actor.pk, label, comment):
        return last
    run = Investigation.objects.filter(ticket=locked, status=Investigation.Status.DONE).order_by("-pk").first()
    if run is not None:
        verdict = "accepted" if label and label == run.top_label else "corrected"
        return record_feedback(run, verdict=verdict, label=label, comment=comment, actor=actor)
    found = Feedback.objects.create(ticket=locked, verdict="found", label=label, comment=comment, user=actor)
    record_event(actor=actor, action="ticket.cause_found", target=locked, after={"label": label})
    return found
