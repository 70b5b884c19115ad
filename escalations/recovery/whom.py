"""Whose recovery is to be shown: the customers of the tickets, and those that the run measured beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from investigations.models import Customer, Investigation, Ticket

#: More are not measured one by one; the proof says how many were left out.
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Affected:
    org_id: str
    customer: Customer | None  # None: not in the directory
    ticket: Ticket | None  # the first of theirs


def affected(
    run: Investigation, tickets: Sequence[Ticket], named: Sequence[tuple[str, Customer | None]] = ()
) -> Sequence[Affected]:
    """Those with a ticket first, then in the order in which the run's query chose them, then those `named` beside them
    by id. One query.
    """
    found: dict[str, Affected] = {}
    for ticket in [run.ticket, *tickets]:
        if ticket.customer is not None and ticket.customer.org_id:
            found.setdefault(ticket.customer.org_id, Affected(ticket.customer.org_id, ticket.customer, ticket))
    measured = [str(one["org_id"]) for one in ((run.diagnosis or {}).get("affected") or {}).get("customers") or []]
    directory = {one.org_id: one for one in Customer.objects.filter(org_id__in=measured)}
    for org_id in measured:
        found.setdefault(org_id, Affected(org_id, directory.get(org_id), None))
    for org_id, customer in named:
        found.setdefault(org_id, Affected(org_id, customer, None))
    return list(found.values())[:MOST]
