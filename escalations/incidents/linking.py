"""Tickets and customers of an incident: linked at the declaration, later by a run of the same cause, or by a person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from altor.audit import record_event
from altor.errors import NotFound
from altor.models import User
from escalations.incidents.affected import Measured, is_own, measured_by, spread_of
from escalations.incidents.history import W, allow, lock, require_open, save, tell
from escalations.incidents.telling import tell_people, tell_team
from escalations.lifecycle.causes import cause_of
from escalations.lifecycle.history import clean
from escalations.models import Incident, IncidentCustomer, IncidentTicket
from investigations.models import Customer, Investigation, Ticket

How = IncidentTicket.How
#: The sweep looks at runs that ended within this; the end of a run itself looks at once.
_LATELY: Final = timedelta(hours=1)


@transaction.atomic
def join(incident: Incident, ticket: Ticket, *, actor: User, now: datetime, via: str = "page") -> bool:
    """Link the ticket by a person's choice; whether it was not linked before. Conflict for a closed incident."""
    allow(actor, "incident.declare")
    locked = lock(incident)
    require_open(locked)
    return link(locked, ticket, how=How.PERSON, actor=actor, now=now, via=via)


def link(
    locked: Incident, ticket: Ticket, *, how: IncidentTicket.How, actor: User | None, now: datetime, via: str = "page",
    tells: bool = True,
) -> bool:  # fmt: skip
    """In the caller's transaction, with the incident locked; whether it is new. What a person took out only a person
    links again. `tells`: not at the declaration, which tells of all at once.
    """
    row, is_new = IncidentTicket.objects.get_or_create(
        incident=locked, ticket=ticket, defaults={"how": how, "linked_by": actor, "linked_at": now}
    )
    if not is_new:
        if row.unlinked_at is None or how != How.PERSON:
            return False
        row.unlinked_at, row.how, row.linked_by, row.linked_at = None, how, actor, now
        row.save()
    if ticket.customer is not None:
        add_customers(locked, [ticket.customer], found=IncidentCustomer.Found.TICKET, now=now)
    if not tells:
        return True
    save(locked)
    tell(
        locked, W.LINKED, at=now, by=actor, via=via, data={"ticket": ticket.ref, "how": str(how)},
        key=f"{locked.pk}:linked:{ticket.pk}:{locked.revision}",
    )  # fmt: skip
    record_event(actor=actor, action="incident.ticket_linked", target=locked, after={"ticket": ticket.ref, "via": via})
    tell_team(
        "incident.word", locked, f"has another ticket: {ticket.ref}", people=[ticket.owner], actor=actor, now=now,
        key=f"incident.linked:{locked.pk}:{ticket.pk}:{locked.revision}",
        lines=["The same cause was found by its investigation"] if how == How.CAUSE else [],
    )  # fmt: skip
    return True


@transaction.atomic
def unlink(incident: Incident, ticket_ref: str, *, actor: User, why: str, now: datetime, via: str = "page") -> bool:
    """Take a ticket out; nothing links it again by itself. NotFound for one that is not in it."""
    allow(actor)
    locked = lock(incident)
    require_open(locked)
    row = locked.links.filter(ticket__ref=ticket_ref, unlinked_at=None).select_related("ticket").first()
    if row is None:
        raise NotFound(f"{ticket_ref} is not part of {locked.ref}.")
    row.unlinked_at = now
    row.save(update_fields=["unlinked_at"])
    save(locked)
    tell(locked, W.UNLINKED, at=now, by=actor, via=via, text=clean(why), data={"ticket": row.ticket.ref})
    record_event(
        actor=actor, action="incident.ticket_unlinked", target=locked, reason=clean(why)[:300],
        after={"ticket": row.ticket.ref, "via": via},
    )  # fmt: skip
    return True


def add_customers(
    locked: Incident, customers: Iterable[Customer], *, found: IncidentCustomer.Found, now: datetime
) -> int:
    """Of the directory; how many were not there. One who has written is called so, however they were found first."""
    new = 0
    for one in customers:
        row, is_new = IncidentCustomer.objects.get_or_create(
            incident=locked, org_id=one.org_id, defaults={"customer": one, "found": found, "added_at": now}
        )
        if not is_new and found == IncidentCustomer.Found.TICKET and row.found != found:
            row.found = found
            row.save(update_fields=["found"])
        new += is_new
    return new


def add_measured(locked: Incident, measured: Iterable[Measured], *, now: datetime) -> int:
    """Those that a run lists; how many were not there."""
    before = locked.customers.count()
    IncidentCustomer.objects.bulk_create(
        [
            IncidentCustomer(
                incident=locked, org_id=one.org_id, customer=one.customer, shown=one.shown, added_at=now,
                found=IncidentCustomer.Found.MEASURED,
            )
            for one in measured
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    return locked.customers.count() - before


def run_ended(run: Investigation, now: datetime) -> bool:
    """A run whose cause has an open incident belongs to it: its ticket is linked, and the others it measured are added.
    Whether something was new. Safe to call twice.
    """
    if run.status != Investigation.Status.DONE:
        return False
    cause = cause_of(run)
    known = None if is_own(cause) else Incident.objects.open().filter(cause=cause).first()
    if known is None:
        return False
    with transaction.atomic():
        locked = lock(known)
        if not locked.is_open:
            return False
        is_linked = link(locked, run.ticket, how=How.CAUSE, actor=None, now=now, via="clock")
        added = add_measured(locked, measured_by(run), now=now)
        if added:
            save(locked)
            tell(
                locked, W.CUSTOMERS, at=now, via="clock", data={"count": added, "run": run.ref},
                key=f"{locked.pk}:customers:{run.pk}:{run.live_version}",
            )  # fmt: skip
            tell_people(
                "incident.word", locked, f"hits {added} more customer{'' if added == 1 else 's'}", now=now,
                people=[locked.commander], lines=[f"Measured by {run.ref}"],
                key=f"incident.customers:{locked.pk}:{run.pk}:{run.live_version}",
            )  # fmt: skip
    return is_linked or bool(added)


def link_new(now: datetime) -> int:
    """For the sweep: what the end of a run did not link because the machine was down; how many were new."""
    found = 0
    for incident in Incident.objects.open():
        if is_own(incident.cause):
            continue
        linked = set(incident.links.values_list("ticket_id", flat=True))
        runs = spread_of(incident.cause, now, after=now - _LATELY).runs
        found += sum(run_ended(run, now) for run in runs if run.ticket_id not in linked)
    return found
