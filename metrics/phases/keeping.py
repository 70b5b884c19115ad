"""Keep the cycles in step with the phase events, and compare what is kept with what the events give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone

from altor.models import PhaseEvent
from escalations.clocks.clock import State
from escalations.clocks.hours import ALWAYS
from escalations.models import SlaPolicyVersion, TicketStanding
from escalations.ownership.facts import ORDER as CLOCK_ORDER
from escalations.ownership.facts import Fact, with_tiers
from escalations.ownership.plan import plan, reading
from escalations.ownership.policies import Case, fitting
from escalations.ownership.terms import NO_TERMS, Terms, terms_of
from investigations.models import Customer, Ticket
from metrics.models import Cycle, Watermark
from metrics.phases.facts import Happened, histories, in_order
from metrics.phases.figures import Figures, figures
from metrics.phases.lanes import Cycle as Told
from metrics.phases.lanes import cycles

#: Tickets that are computed in one transaction.
BATCH: Final = 500
#: Events that are read at once.
EVENTS: Final = 5_000
#: A number that is still missing by then belongs to a transaction that came to nothing.
MISSED_FOR: Final = timedelta(minutes=15)
_FIELDS: Final = tuple(
    field.attname for field in Cycle._meta.concrete_fields if field.attname not in ("id", "ticket_id", "number")
)


def refresh(now: datetime | None = None, *, most: int = 10) -> int:
    """Compute the tickets anew of which something was told since the last time, at most `most` times EVENTS events; how
    many tickets. One process at a time: the others find nothing to do.
    """
    now = now or timezone.now()
    done = 0
    for _ in range(most):
        found, is_all = _step(now)
        done += found
        if is_all:
            break
    return done


@transaction.atomic
def _step(now: datetime) -> tuple[int, bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(4713)")
        if not cursor.fetchone()[0]:
            return 0, True
    mark = Watermark.objects.first() or Watermark()
    new = list(PhaseEvent.objects.filter(pk__gt=mark.event).order_by("pk").values_list("pk", "ticket_ref")[:EVENTS])
    late = list(PhaseEvent.objects.filter(pk__in=[int(pk) for pk in mark.missing]).values_list("pk", "ticket_ref"))
    if not new and not late and not mark.missing:
        return 0, True
    refs = sorted({ref for _, ref in (*new, *late)})
    done = sum(compute(refs[place : place + BATCH], now) for place in range(0, len(refs), BATCH))
    _advance(mark, {pk for pk, _ in new}, {pk for pk, _ in late}, now)
    return done, len(new) < EVENTS


def _advance(mark: Watermark, new: set[int], late: set[int], now: datetime) -> None:
    oldest = (now - MISSED_FOR).isoformat()
    missing = {pk: at for pk, at in mark.missing.items() if int(pk) not in late and at > oldest}
    if new:
        newest = max(new)
        # Of a history that is read for the first time only the end can still be on its way.
        missing |= {
            str(pk): now.isoformat() for pk in range(max(mark.event, newest - EVENTS) + 1, newest) if pk not in new
        }
        mark.event = newest
    mark.missing, mark.at = missing, now
    mark.save()


def verify(now: datetime | None = None) -> Iterator[tuple[str, int, Mapping[str, tuple[Any, Any]]]]:
    """(ticket, number of the cycle, field -> (kept, computed)) of every cycle that is not what the events give. A cycle
    that is missing, or is kept without reason, differs in `closed_at`.
    """
    now = now or timezone.now()
    refs = list(Ticket.objects.order_by("pk").values_list("ref", flat=True))
    for place in range(0, len(refs), BATCH):
        some = refs[place : place + BATCH]
        kept = {(row.ticket_id, row.number): row for row in Cycle.objects.filter(ticket__ref__in=some)}
        names = dict(Ticket.objects.filter(ref__in=some).values_list("pk", "ref"))
        for row in rows(some, now):
            known = kept.pop((row.ticket_id, row.number), None)
            found = differences(known, row) if known is not None else {"closed_at": (None, row.closed_at)}
            if found:
                yield names[row.ticket_id], row.number, found
        for row in kept.values():
            yield names[row.ticket_id], row.number, {"closed_at": (row.closed_at, None)}


@transaction.atomic
def compute(refs: Sequence[str], now: datetime) -> int:
    """Write the cycles of these tickets; how many tickets have any."""
    wanted = list(rows(refs, now))
    kept = {(row.ticket_id, row.number): row for row in Cycle.objects.filter(ticket__ref__in=refs)}
    changed = []
    for row in wanted:
        known = kept.pop((row.ticket_id, row.number), None)
        if known is None or differences(known, row):
            changed.append(row)
    Cycle.objects.filter(pk__in=[row.pk for row in kept.values()]).delete()
    Cycle.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["ticket", "number"],
        update_fields=[name.removesuffix("_id") for name in _FIELDS],
    )  # fmt: skip
    return len({row.ticket_id for row in wanted})


def differences(kept: Cycle, wanted: Cycle) -> dict[str, tuple[Any, Any]]:
    """Field -> (kept, computed). An open cycle grows by the hour: of it only what does not is compared."""
    found = {}
    for name in _FIELDS:
        if wanted.closed_at is None and (
            name.endswith("_s") and name not in ("first_reply_s", "confident_s", "high_s")
        ):
            continue
        before, after = getattr(kept, name), getattr(wanted, name)
        if before != after:
            found[name] = (before, after)
    return found


def rows(refs: Sequence[str], now: datetime) -> Iterator[Cycle]:
    """Unsaved cycles of these tickets, as the events give them. A handful of queries."""
    tickets = {one.ref: one for one in Ticket.objects.filter(ref__in=refs).select_related("team", "customer", "owner")}
    told = histories(list(tickets))
    tiers = _tiers(told.values())
    promises = _promises(tickets)
    for ref, ticket in tickets.items():
        facts = _with_tiers(_begun(told.get(ref, []), ticket), tiers)
        found = cycles(facts, now)
        promised, broken = _clocks(facts, ticket, promises(ref), now)
        hours = promised.hours_of("resolution") if promised.version else ALWAYS
        zone = _zone(ticket.team.timezone)
        for cycle, counted in zip(found, figures(found, hours=hours, now=now), strict=True):
            yield _row(ticket, cycle, counted, zone, promised, broken)


def _row(
    ticket: Ticket, told: Told, counted: Figures, zone: ZoneInfo, promised: Terms, broken: Sequence[datetime]
) -> Cycle:
    values = asdict(counted)
    end = counted.closed_at
    is_broken = any(told.begun <= at and (end is None or at <= end) for at in broken)
    return Cycle(
        ticket=ticket,
        team_id=ticket.team_id,
        begun_week=monday(counted.begun_at, zone),
        week=monday(end, zone) if end is not None else None,
        broken_sla=is_broken if promised.targets else None,
        **{**values, "label": values["label"][:60], "customer": values["customer"][:120], "tier": values["tier"][:40]},
    )


def monday(at: datetime, zone: ZoneInfo) -> date:
    day = at.astimezone(zone).date()
    return day - timedelta(days=day.weekday())


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _begun(facts: list[Happened], ticket: Ticket) -> list[Happened]:
    """A ticket whose beginning was not told begins when it was opened, one of whose owner nothing was told has been
    theirs since.
    """
    found = list(facts)
    if not any(one.kind == "ticket.received" for one in found):
        found.append(Happened(ticket.opened_at, "ticket.received"))
    if ticket.owner is not None and not any(one.kind == "ticket.assigned" for one in found):
        found.append(Happened(ticket.opened_at, "ticket.assigned", data={"owner": ticket.owner.username}))
    return in_order(found)


# ------------------------------------------------------------------------------------------------------------ promises
def _tiers(told: Any) -> dict[str, str]:
    named = {str(fact.data.get("org_id", "")) for facts in told for fact in facts if fact.kind == "ticket.customer_set"}
    return dict(Customer.objects.filter(org_id__in=named).values_list("org_id", "tier")) if named else {}


def _with_tiers(facts: Sequence[Happened], tiers: Mapping[str, str]) -> list[Happened]:
    """Says with each customer that was named which tier it had then, as the clocks do."""
    said = with_tiers([Fact(one.at, one.kind, one.key, one.data, one.subject) for one in facts], tiers)
    return [
        one if one.kind != "ticket.customer_set" else
        Happened(one.at, one.kind, one.key, with_tier.data, one.subject, one.by, one.known)
        for one, with_tier in zip(facts, said, strict=True)
    ]  # fmt: skip


def _promises(refs: Iterable[str]) -> Callable[[str], Callable[[Case], Terms]]:
    """Ticket -> how its terms are chosen: as they were when the ticket first met a case, so that a policy that is
    stored later changes no closed week. Two queries, and one for each version that this process has not read yet.
    """
    pins = dict(TicketStanding.objects.filter(ticket__ref__in=list(refs)).values_list("ticket__ref", "pins"))
    versions = {one.pk: one for one in SlaPolicyVersion.objects.select_related("policy")}
    active = [one for one in versions.values() if one.is_active]

    def of_ticket(ref: str) -> Callable[[Case], Terms]:
        chosen = pins.get(ref, {})

        def choose(case: Case) -> Terms:
            version = versions.get(int(chosen[case.key])) if case.key in chosen else fitting(case, active)
            return terms_of(version) if version is not None else NO_TERMS

        return choose

    return of_ticket


def _clocks(
    facts: Sequence[Happened], ticket: Ticket, choose: Callable[[Case], Terms], now: datetime
) -> tuple[Terms, list[datetime]]:
    """What was promised, and when each promise was broken."""
    today = Case(
        (ticket.customer.tier if ticket.customer else "").lower(),
        ticket.incident_class.lower(),
        ticket.priority.lower(),
    )
    read = [Fact(one.at, one.kind, one.key, one.data, one.subject) for one in facts if one.kind in CLOCK_ORDER]
    planned = plan(read, today=today, choose=choose, now=now)
    broken = []
    for (kind, _), events in planned.clocks.items():
        found, terms = reading(kind, events, now)
        if kind in terms.targets and found.broken_at is not None and found.state is not State.CANCELLED:
            broken.append(found.broken_at)
    return planned.terms, broken
