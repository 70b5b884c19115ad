"""The sweep that looks at escalations whose clocks have something to tell: warn, break, climb, remind of gaps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from altor.words import duration
from escalations.contracts.format import ContractForm
from escalations.contracts.stored import form_of
from escalations.lifecycle.history import W, keep_clocks, mark, tell
from escalations.lifecycle.owners import leads, owners
from escalations.lifecycle.telling import tell_owner, tell_support
from escalations.lifecycle.windows import Window, climbs, windows
from escalations.models import Escalation, EscalationEvent

_AT_MOST: Final = 200
#: A step of the chain that nobody told in time (the machine was down) is still told, this long afterwards at most.
_STALE: Final = timedelta(days=7)


def sweep(now: datetime | None = None) -> int:
    """Look at those that are due; how many. Each in its own transaction, skipping what somebody else looks at."""
    now = now or timezone.now()
    ids = list(Escalation.objects.due(now).order_by("next_look_at").values_list("pk", flat=True)[:_AT_MOST])
    return sum(look(pk, now) for pk in ids)


@transaction.atomic
def look(pk: int, now: datetime) -> bool:
    """Whether it was there to be looked at."""
    rows = Escalation.objects.select_for_update(skip_locked=True, of=("self",)).with_context()
    escalation = rows.filter(pk=pk, next_look_at__lte=now).first()
    if escalation is None:
        return False
    form = form_of(escalation.version)
    history = list(escalation.history.all())
    told = {str(one.data.get("mark")) for one in history if one.what in (W.WARNED, W.BROKEN, W.CLIMBED)}
    for name, window in windows(history, form, now).items():
        _window(escalation, name, window, told, now)
    if escalation.status == Escalation.Status.SENT:
        _climb(escalation, form, history, told, now)
    _gaps(escalation, now)
    keep_clocks(escalation, now)
    escalation.save(
        update_fields=["acknowledge_by", "update_by", "resolve_by", "is_broken", "next_look_at", "revision"]
    )
    return True


def _window(escalation: Escalation, name: str, window: Window, told: set[str], now: datetime) -> None:
    due = window.reading.due_at
    if due is None:
        return
    if due < now or window.is_broken:
        broken = window.reading.broken_at or due
        if mark(name, due) in told:
            return
        late = duration(now - broken)
        tell(escalation, W.BROKEN, at=broken, via="clock", data={"window": name, "mark": mark(name, due)},
             key=f"{escalation.pk}:broken:{mark(name, due)}")  # fmt: skip
        _tell_late(escalation, f"{window.title} is over since {late}", f"broken:{mark(name, due)}", now)
        return
    key = f"warn:{mark(name, due)}:{window.warned}"
    if window.warned and key not in told:
        tell(escalation, W.WARNED, at=now, via="clock", data={"window": name, "mark": key},
             key=f"{escalation.pk}:{key}")  # fmt: skip
        _tell_late(escalation, f"{window.title} is due in {duration(due - now)}", key, now, only_owner=True)


def _climb(
    escalation: Escalation, form: ContractForm, history: list[EscalationEvent], told: set[str], now: datetime
) -> None:
    level = form.level(escalation.severity)
    assert level is not None  # noqa: S101  # it was sent under this version
    for number, at in enumerate(climbs(history, form, escalation.severity)):
        name = f"climb:{number}"
        if at > now or name in told or at < now - _STALE:
            continue
        to = level.chain[number].to
        step = owners(to, escalation.ticket, now)
        people = [*step.people, *(leads(escalation.ticket.team) if not to.names_somebody else ())]
        tell(escalation, W.CLIMBED, at=now, via="clock", data={"step": number + 1, "mark": name, "to": step.title},
             key=f"{escalation.pk}:{name}:{escalation.sent_at.isoformat()}")  # fmt: skip
        tell_owner(
            "escalation.late", escalation, f"has not been acknowledged for {duration(now - escalation.sent_at)}",
            people=people, lines=[f"Step {number + 1} of {len(level.chain)}: {step.title} is told"], now=now,
            key=f"escalation.climbed:{escalation.pk}:{number}", team=step.team,
        )  # fmt: skip


def _gaps(escalation: Escalation, now: datetime) -> None:
    late = list(escalation.gaps.filter(closed_at=None, late_at=None, due_at__lte=now))
    if not late:
        return
    escalation.gaps.filter(pk__in=[one.pk for one in late]).update(late_at=now)
    tell_support(
        "escalation.late", escalation, "was sent provisionally, and its gaps are due", and_leads=True, now=now,
        lines=[one.title for one in late], key=f"escalation.gaps:{escalation.pk}:{late[0].pk}",
    )  # fmt: skip


def _tell_late(escalation: Escalation, words: str, key: str, now: datetime, *, only_owner: bool = False) -> None:
    form = form_of(escalation.version)
    people = [one for one in (escalation.accepted_by, escalation.owner_person) if one is not None]
    people = people or list(owners(form.owner_at(escalation.severity), escalation.ticket, now).people)
    told = f"escalation:{escalation.pk}:{key}"
    if only_owner:
        tell_owner("escalation.late", escalation, f": {words}", people=people, now=now, key=told)
    else:
        tell_support("escalation.late", escalation, f": {words}", people=people, now=now, key=told, and_leads=True)
