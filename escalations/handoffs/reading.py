"""What a person has open at this moment: one entry for each ticket and escalation, as a handoff tells it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q

from altor.models import Team, User
from escalations.handoffs.promises import Promise, promises_of
from escalations.models import Escalation, HandoffItem, TicketStanding
from escalations.models.escalations import OPEN
from escalations.ownership.words import KINDS, WAITING
from investigations.models import Investigation, Ticket
from investigations.services.summary import five_lines

U = HandoffItem.Urgency
#: What comes due within this after the shift's end is accepted on its own.
SOON: Final = timedelta(hours=4)
_URGENT: Final = frozenset({"urgent", "critical", "highest", "immediate", "p0", "p1"})
_WORST: Final = "SEV1"
_WINDOWS: Final = (
    ("acknowledge_by", "Acknowledge"), ("update_by", "Next word of engineering"), ("resolve_by", "Resolve"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """`fields` are those of a `HandoffItem` that are read, never written by people."""

    ticket: Ticket | None
    escalation: Escalation | None
    fields: dict[str, Any]

    @property
    def key(self) -> tuple[int | None, int | None]:
        return (self.ticket.pk if self.ticket else None, self.escalation.pk if self.escalation else None)


def open_tickets_of(person: User, team: Team) -> list[Ticket]:
    """The person's open tickets in the team whose shift it is."""
    rows = Ticket.objects.filter(owner=person, team=team).exclude(status=Ticket.Status.RESOLVED)
    return list(rows.select_related("customer").defer("description").order_by("pk"))


def open_escalations_of(person: User, team: Team) -> list[Escalation]:
    """Open escalations the person works on for engineering. Those that hang on a ticket go with it."""
    theirs = Q(accepted_by=person) | Q(accepted_by=None, owner_person=person)
    of_team = Q(owner_team=team) | Q(owner_team=None)
    rows = Escalation.objects.open().filter(theirs & of_team).defer("packet", "checklist")
    return list(rows.select_related("ticket", "run").order_by("pk"))


def read(person: User, team: Team, *, ends_at: datetime) -> list[Found]:
    """Six queries, however much is open."""
    tickets, mine = open_tickets_of(person, team), open_escalations_of(person, team)
    standing = {one.ticket_id: one for one in TicketStanding.objects.filter(ticket__in=tickets)}
    promised = promises_of([*tickets])
    runs = _newest(tickets)
    engaged: dict[int, list[Escalation]] = {}
    rows = Escalation.objects.filter(status__in=OPEN, links__ticket__in=tickets).defer("packet", "checklist")
    for pk, escalation in _by_ticket(rows, tickets):
        engaged.setdefault(pk, []).append(escalation)
    found = [
        Found(one, None, _of_ticket(one, standing.get(one.pk), runs.get(one.pk), promised.get(one.pk, []),
                                    engaged.get(one.pk, []), ends_at))
        for one in tickets
    ]  # fmt: skip
    return [*found, *(Found(None, one, _of_escalation(one, ends_at)) for one in mine)]


def _by_ticket(rows: Any, tickets: Sequence[Ticket]) -> Iterable[tuple[int, Escalation]]:
    wanted = {one.pk for one in tickets}
    for escalation in rows.distinct().prefetch_related("links"):
        for link in escalation.links.all():
            if link.ticket_id in wanted:
                yield link.ticket_id, escalation


def _newest(tickets: Sequence[Ticket]) -> dict[int, Investigation]:
    rows = Investigation.objects.filter(ticket__in=tickets, status=Investigation.Status.DONE).exclude(trigger="trial")
    return {one.ticket_id: one for one in rows.order_by("ticket_id", "-pk").distinct("ticket_id")}


def _of_ticket(
    ticket: Ticket, standing: TicketStanding | None, run: Investigation | None, promised: Sequence[Promise],
    engaged: Sequence[Escalation], ends_at: datetime,
) -> dict[str, Any]:  # fmt: skip
    lines = five_lines(run) if run is not None else []
    said = [ticket.get_status_display()]
    if standing is not None and standing.waiting:
        said.append(WAITING[standing.waiting].lower())
    said += [f"{one.ref} {one.severity} {one.get_status_display().lower()}" for one in engaged]
    due = [(one.due_at, "Promised update") for one in promised]
    if standing is not None and standing.due_at is not None:
        due.append((standing.due_at, KINDS.get(standing.due_kind, "")))
    due += [(at, f"{one.ref}: {name}") for one in engaged for at, name in _windows(one)]
    deadline, kind = min(due, default=(None, ""), key=lambda pair: pair[0])
    is_urgent = (
        ticket.priority.lower() in _URGENT
        or (standing is not None and standing.is_broken)
        or any(one.severity == _WORST for one in engaged)
        or (run is not None and run.severity == _WORST)
    )
    asked = [one.ref for one in engaged if one.waits_for == "support"]
    return {
        "state": "; ".join(said)[:300],
        "evidence": [[line.lead, line.text] for line in lines if line.key != "next"],
        "run_ref": run.ref if run is not None else "",
        "next_step": _next(lines, asked, promised),
        "deadline_at": deadline,
        "deadline_kind": kind[:60],
        "promises": [[one.due_at.isoformat(), one.words] for one in promised],
        "promised_at": promised[0].due_at if promised else None,
        "is_beyond": any(one.due_at > ends_at for one in promised),
        "urgency": _urgency(is_urgent, bool(promised), deadline, ends_at),
    }


def _next(lines: Sequence[Any], asked: Sequence[str], promised: Sequence[Promise]) -> str:
    if asked:
        return f"Answer engineering's question in {asked[0]}"
    if found := next((line.text for line in lines if line.key == "next"), ""):
        return found
    return "Send the promised update" if promised else "Nothing was investigated yet"


def _of_escalation(one: Escalation, ends_at: datetime) -> dict[str, Any]:
    deadline, kind = min(_windows(one), default=(None, ""), key=lambda pair: pair[0])
    lines = five_lines(one.run)
    is_urgent = one.severity == _WORST or one.is_broken
    asks = f"; waits for {one.waits_for}" if one.waits_for else ""
    return {
        "state": f"{one.severity} {one.get_status_display().lower()}{asks}, for {one.ticket.ref}"[:300],
        "evidence": [[line.lead, line.text] for line in lines if line.key != "next"],
        "run_ref": one.run.ref,
        "next_step": kind or "Go on with it",
        "deadline_at": deadline,
        "deadline_kind": kind,
        "promises": [],
        "promised_at": None,
        "is_beyond": False,
        "urgency": _urgency(is_urgent, False, deadline, ends_at),
    }


def _windows(one: Escalation) -> list[tuple[datetime, str]]:
    return [(at, title) for name, title in _WINDOWS if (at := getattr(one, name)) is not None]


def _urgency(is_urgent: bool, is_promised: bool, deadline: datetime | None, ends_at: datetime) -> int:
    if is_urgent:
        return U.URGENT
    if is_promised:
        return U.PROMISED
    return U.SOON if deadline is not None and deadline <= ends_at + SOON else U.REST
