"""What a provisional escalation still owes: closed as soon as a later run or a person supplies it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from altor.audit import record_event
from altor.errors import InvalidInput, NotFound, PermissionRefused
from altor.models import User
from escalations.contracts.checklist import Checked
from escalations.lifecycle.acting import lock, save
from escalations.lifecycle.answers import store_answers
from escalations.lifecycle.history import W, tell
from escalations.lifecycle.proposing import escalatable, propose
from escalations.models import Escalation
from investigations.models import Investigation


def run_ended(run: Investigation) -> None:
    """For the setting RUN_ENDED: a run of the ticket may hold what was missing. Safe to call twice."""
    if run.status != Investigation.Status.DONE:
        return
    owing = Escalation.objects.filter(ticket=run.ticket, gaps__closed_at=None, gaps__isnull=False).distinct()
    for escalation in owing:
        supply(escalation, now=timezone.now())


@transaction.atomic
def answer(escalation: Escalation, item: str, text: str, *, actor: User, now: datetime, via: str = "page") -> int:
    """A person says what is missing; how many gaps were closed by it. Where only evidence counts, none."""
    if not actor.may("escalation.send"):
        raise PermissionRefused("Your role may not answer for support.")
    if not text.strip():
        raise InvalidInput("Write the answer.", errors={"text": ["Write the answer."]})
    if not escalation.gaps.filter(item=item, closed_at=None).exists():
        raise NotFound(f"{escalation.ref} does not wait for {item!r}.")
    store_answers(escalation.ticket, {item: text}, actor=actor, now=now)
    return supply(escalation, now=now, by=actor, via=via)


@transaction.atomic
def supply(escalation: Escalation, *, now: datetime, by: User | None = None, via: str = "clock") -> int:
    """Hold the newest run and the answers against the gaps that are open; how many are closed. Engineering is told of
    each as an addition to the packet.
    """
    locked = lock(escalation)
    gaps = {gap.item: gap for gap in locked.gaps.filter(closed_at=None)}
    if not gaps:
        return 0
    wanted = propose(escalatable(locked.ticket), severity=locked.severity, version=locked.version)
    found = {item.id: item for item in wanted.items}
    closed = 0
    for name, gap in gaps.items():
        item = found.get(name)
        # A gate's step that has run is no item any more.
        if item is not None and not item.is_enough:
            continue
        locked.gaps.filter(pk=gap.pk).update(closed_at=now)
        tell(
            locked, W.ADDED, at=now, by=by, via=via, text=_said(gap.title, item),
            data={"item": name, **({"files": [one.id for one in item.files]} if item is not None else {})},
            key=f"{locked.pk}:gap:{gap.pk}",
        )  # fmt: skip
        closed += 1
    if closed:
        save(locked, now)
        record_event(actor=by, action="escalation.gaps_closed", target=locked, after={"closed": closed, "via": via})
    return closed


def _said(title: str, item: Checked | None) -> str:
    if item is None:
        return f"{title}: done"
    if item.evidence:
        return f"{title}: {', '.join(item.evidence)}"
    return f"{title}: {item.says or ('attached' if item.files else 'there')}"
