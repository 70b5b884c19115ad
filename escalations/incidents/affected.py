"""Whom one cause hits: customers that wrote within a day, and those that its newest run measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from altor.words import figure
from escalations.lifecycle.causes import cause_of
from investigations.models import Customer, Investigation, Ticket

#: Tickets whose runs name the same cause belong together within this.
WITHIN: Final = timedelta(hours=24)
#: What a cause is called that is one ticket's own, see `causes.cause_of`.
_OWN: Final = "ticket"
#: Scopes of a diagnosis that hold for one customer, or for nobody.
_OF_ONE: Final = frozenset({"", "none", "customer"})


@dataclass(frozen=True, slots=True)
class Measured:
    """A customer that a run found: `shown` is what was measured. `name` is the directory's, else the id."""

    org_id: str
    shown: str
    customer: Customer | None

    @property
    def name(self) -> str:
        return str(self.customer) if self.customer is not None else self.org_id


@dataclass(frozen=True, slots=True)
class Spread:
    """`runs`: the newest of each ticket, newest first. `total`: all customers, also those that no list names."""

    cause: str
    runs: Sequence[Investigation]
    measured: Sequence[Measured]
    wrote: int
    total: int

    @property
    def tickets(self) -> list[Ticket]:
        return [run.ticket for run in self.runs]

    @property
    def run(self) -> Investigation | None:
        return self.runs[0] if self.runs else None


def is_own(cause: str) -> bool:
    """Whether nobody else can have it: nothing was named that could be behind more than this ticket."""
    return cause.split("|")[1:2] == [_OWN]


def spread_of(cause: str, now: datetime, *, after: datetime | None = None) -> Spread:
    """Finished runs that look at the last day and name `cause`, and not before `after`. Three queries.

    By the time they look at: the history that a helpdesk is read back for is no incident of today.
    """
    since = max(now - WITHIN, after) if after is not None else now - WITHIN
    rows = Investigation.objects.filter(
        status=Investigation.Status.DONE, as_of__gt=since, as_of__lte=now,
        diagnosis__candidates__0__label=cause.split("|")[0],
    )  # fmt: skip
    newest: dict[int, Investigation] = {}
    # The newest run of a ticket says what its cause is; one that an older run named is not counted.
    for run in rows.select_related("ticket__customer", "ticket__team", "ticket__owner").order_by("-pk"):
        if run.ticket_id not in newest and cause_of(run) == cause:
            newest[run.ticket_id] = run
    newer = _newest_runs(list(newest))
    # By what they look at: a run of yesterday's ticket may be the one that was worked last.
    newest = dict(sorted(newest.items(), key=lambda one: (one[1].as_of, one[1].pk), reverse=True))
    runs = [run for run in newest.values() if newer.get(run.ticket_id, run.pk) == run.pk]
    found = measured_by(next((run for run in runs if others_of(run)), None))
    wrote = {run.ticket.customer.org_id if run.ticket.customer else run.ticket.ref for run in runs}
    known = wrote | {one.org_id for one in found}
    return Spread(cause, runs, found, len(wrote), len(known) + _unlisted(runs))


def _newest_runs(tickets: list[int]) -> dict[int, int]:
    """By the ticket's key."""
    rows = Investigation.objects.filter(ticket__in=tickets, status=Investigation.Status.DONE).order_by(
        "ticket_id", "-pk"
    )
    return dict(rows.distinct("ticket_id").values_list("ticket_id", "pk"))


def _unlisted(runs: Sequence[Investigation]) -> int:
    """How many more the query counted than it returned."""
    for run in runs:
        if found := others_of(run):
            return max(0, int(found["total"]) - len(found["customers"]))
    return 0


def others_of(run: Investigation | None) -> Mapping[str, Any] | None:
    """What the run measured of others, where its cause can be theirs: what lies with one customer is that customer's
    own, whoever else shows the symptom.
    """
    document: Mapping[str, Any] = (run.diagnosis or {}) if run is not None else {}
    scope = str((document.get("scope") or {}).get("kind") or "")
    return document.get("affected") or None if scope not in _OF_ONE else None


def measured_by(run: Investigation | None) -> list[Measured]:
    """The others that the run lists, as it lists them. One query."""
    found = others_of(run)
    if not found:
        return []
    directory = Customer.objects.in_bulk([str(one["org_id"]) for one in found["customers"]], field_name="org_id")
    unit = str(found["unit"])
    return [
        Measured(str(one["org_id"]), _shown(one, unit), directory.get(str(one["org_id"]))) for one in found["customers"]
    ]


def _shown(one: Mapping[str, Any], unit: str) -> str:
    before = f", before {figure(float(one['before']), unit)}" if one.get("before") is not None else ""
    return f"{figure(float(one['value']), unit)}{before}"[:120]
