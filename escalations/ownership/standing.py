"""Reads a ticket's clocks and owners from its events and keeps the result for lists; tells what is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from escalations.clocks.clock import Reading, What
from escalations.models import SlaPolicyVersion, TicketClock, TicketClockEvent, TicketClockWork, TicketStanding
from escalations.ownership.custody import Custody, custody
from escalations.ownership.facts import facts_of
from escalations.ownership.plan import Plan, Planned, plan, reading
from escalations.ownership.policies import Case, ensure_library, fitting
from escalations.ownership.telling import tell_clock, tell_custody
from escalations.ownership.terms import NO_TERMS, Terms, terms_of
from investigations.models import Ticket

#: Tickets that one sweep looks at, of each sort.
BATCH: Final = 200


def refresh_waiting(ticket_ref: str, now: datetime | None = None) -> bool:
    """Read the ticket's clocks again if something happened to it since; False when nothing did."""
    if not TicketClockWork.objects.filter(ticket_ref=ticket_ref).exists():
        return False
    refresh(ticket_ref, now)
    return True


@transaction.atomic
def refresh(ticket_ref: str, now: datetime | None = None) -> TicketStanding | None:
    """How the ticket stands at `now`, from all its events, kept and told of. None for a ticket that is gone.

    Safe to call at any time, by several at once, and twice: it then changes and tells nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4712))", [ticket_ref])
    work = list(TicketClockWork.objects.filter(ticket_ref=ticket_ref).values_list("pk", flat=True))
    ticket = Ticket.objects.filter(ref=ticket_ref).with_context().first()
    standing = _read(ticket, now or timezone.now()) if ticket is not None else None
    TicketClockWork.objects.filter(pk__in=work).delete()
    return standing


def _read(ticket: Ticket, now: datetime) -> TicketStanding:
    standing = TicketStanding.objects.filter(ticket=ticket).first() or TicketStanding(ticket=ticket)
    facts = facts_of(ticket)
    today = today_of(ticket)
    planned = plan(facts, today=today, choose=_chooser(standing), now=now)
    held = custody(facts, now)
    checks = _keep_clocks(ticket, standing, planned, now)
    checks.append(tell_custody(ticket, standing, held, planned.terms, now) if planned.is_open else None)
    _keep_custody(standing, planned, held, now)
    standing.check_at = min((at for at in checks if at is not None), default=None)
    standing.save()
    return standing


def today_of(ticket: Ticket) -> Case:
    tier = ticket.customer.tier if ticket.customer is not None else ""
    return Case(tier.lower(), ticket.incident_class.lower(), ticket.priority.lower())


def _chooser(standing: TicketStanding) -> Callable[[Case], Terms]:
    """The terms of a case as they were chosen when the ticket first met it: a policy that is stored later is for
    tickets that come later.
    """
    known: dict[int, SlaPolicyVersion] = {}

    def choose(case: Case) -> Terms:
        if case.key not in standing.pins:
            if not known:
                ensure_library()  # the first ticket of a new installation comes before the first sweep
                known.update({one.pk: one for one in SlaPolicyVersion.objects.active().select_related("policy")})
            found = fitting(case, known.values())
            standing.pins[case.key] = found.pk if found is not None else 0
        pk = int(standing.pins[case.key])
        return terms_of(SlaPolicyVersion(pk=pk, sha256=_digests([pk])[pk])) if pk else NO_TERMS

    return choose


def _digests(pks: Sequence[int]) -> dict[int, str]:
    return dict(SlaPolicyVersion.objects.filter(pk__in=pks).values_list("pk", "sha256"))


# --------------------------------------------------------------------------------------------------------------- clocks
def _keep_clocks(ticket: Ticket, standing: TicketStanding, planned: Plan, now: datetime) -> list[datetime | None]:
    """Store the clocks and their events; when to look at each again."""
    known = {(clock.kind, clock.number): clock for clock in TicketClock.objects.filter(ticket=ticket)}
    wanted = {key: list(events) for key, events in planned.clocks.items()}
    for kind, number in wanted.keys() - known.keys():
        known[kind, number] = TicketClock.objects.create(ticket=ticket, kind=kind, number=number)
    stored = _stored([clock.pk for clock in known.values()])
    checks: list[datetime | None] = []
    readings: list[tuple[TicketClock, Reading]] = []
    for key, clock in sorted(known.items()):
        events = wanted.get(key, [])
        _append(clock, events, stored.get(clock.pk, []))
        found, terms = reading(clock.kind, events, now)
        _note(clock, found, terms, events)
        checks.append(tell_clock(ticket, clock, found, terms, now))
        clock.save()
        readings.append((clock, found))
    live = [(clock, found) for clock, found in readings if clock.is_live and clock.target_s is not None]
    due = min(((clock.due_at, clock.kind) for clock, _ in live if clock.due_at is not None), default=(None, ""))
    standing.due_at, standing.due_kind = due
    standing.is_broken = any(found.broken_at is not None for _, found in live)
    return checks


def _note(clock: TicketClock, found: Reading, terms: Terms, events: Sequence[Planned]) -> None:
    is_promised = clock.kind in terms.targets
    clock.state, clock.pause, clock.version_id = found.state, found.pause, terms.version or None
    clock.target_s = round(found.target.total_seconds()) if is_promised else None
    clock.elapsed_s = int(found.elapsed.total_seconds())
    clock.due_at = found.due_at if is_promised else None
    clock.broken_at = found.broken_at
    clock.started_at = events[0].at if events else None
    clock.ended_at = events[-1].at if events and not clock.is_live else None


_Row = tuple[datetime, int, str, str, int, str, str]


def _stored(clocks: Sequence[int]) -> dict[int, list[TicketClockEvent]]:
    """The events that stand: not voided, and no voids themselves."""
    found: dict[int, list[TicketClockEvent]] = {}
    for event in TicketClockEvent.objects.filter(clock__in=clocks, voids=None, voided_by=None):
        found.setdefault(event.clock_id, []).append(event)
    return found


def _append(clock: TicketClock, wanted: Sequence[Planned], stored: Sequence[TicketClockEvent]) -> None:
    """Add what is new and void what a late event has shown to be wrong."""
    rows = [_row(event, sum(other.at == event.at for other in wanted[:index])) for index, event in enumerate(wanted)]
    standing = {_row_of(event): event for event in stored}
    gone = [event for row, event in standing.items() if row not in set(rows)]
    new = [row for row in rows if row not in standing]
    if not gone and not new:
        return
    voids = [
        TicketClockEvent(clock=clock, at=event.at, place=event.place, what=event.what, cause=event.cause, voids=event)
        for event in gone
    ]
    TicketClockEvent.objects.bulk_create(
        [
            *voids,
            *(
                TicketClockEvent(
                    clock=clock, at=at, place=place, what=what, reason=reason, version_id=version or None, cause=cause,
                    cause_key=key,
                )
                for at, place, what, reason, version, cause, key in new
            ),
        ]
    )  # fmt: skip


def _row(event: Planned, place: int) -> _Row:
    version = event.terms.version if event.terms is not None else 0
    return event.at, place, str(event.what), event.reason, version, event.cause, event.key


def _row_of(event: TicketClockEvent) -> _Row:
    return event.at, event.place, event.what, event.reason, event.version_id or 0, event.cause, event.cause_key


def events_of(clock: TicketClock) -> list[Planned]:
    """The clock's events from the database, as `plan.reading` reads them."""
    found = _stored([clock.pk]).get(clock.pk, [])
    digests = _digests([event.version_id for event in found if event.version_id])
    return [
        Planned(
            event.at, What(event.what), event.cause, event.cause_key, event.reason,
            terms_of(SlaPolicyVersion(pk=event.version_id, sha256=digests[event.version_id]))
            if event.version_id
            else NO_TERMS if event.what in (What.ACTIVATE, What.RETARGET) else None,
        )
        for event in sorted(found, key=lambda one: (one.at, one.place))
    ]  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- owners
def _keep_custody(standing: TicketStanding, planned: Plan, held: Custody, now: datetime) -> None:
    standing.waiting = planned.waiting
    standing.owner_since = held.since
    standing.unowned_since = held.unowned_since
    running = now - held.unowned_since if held.unowned_since is not None else None
    total = held.unowned_time(now)
    standing.unowned_s = round((total - running if running is not None else total).total_seconds())
    standing.owner_changes, standing.circles = len(held.changes), len(held.circles)
    standing.read_at = now


# ---------------------------------------------------------------------------------------------------------------- sweep
def sweep(now: datetime | None = None) -> int:
    """Read again what was left over, what was never read, and what comes due: how many tickets. Cheap when nothing is:
    three look-ups by index.
    """
    now = now or timezone.now()
    ensure_library()
    refs = list(TicketClockWork.objects.order_by("pk").values_list("ticket_ref", flat=True)[:BATCH])
    fresh = Ticket.objects.exclude(status=Ticket.Status.RESOLVED).filter(standing=None)
    refs += fresh.order_by("pk").values_list("ref", flat=True)[:BATCH]
    due = TicketStanding.objects.to_check(now).order_by("check_at")
    refs += due.values_list("ticket__ref", flat=True)[:BATCH]
    wanted = list(dict.fromkeys(refs))
    for ref in wanted:
        refresh(ref, now)
    return len(wanted)
