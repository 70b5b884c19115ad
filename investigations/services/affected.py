"""Who else is affected: the customers that a run measured, with what they pay and whether they have written."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from altor.models import User
from altor.spreadsheet import cell
from altor.words import duration, figure, money
from investigations.engine.inputs import WINDOW
from investigations.models import Customer, Investigation, StepResult, Ticket


@dataclass(frozen=True, slots=True)
class AffectedCustomer:
    """`value` and `before` as measured (shares 0 to 1). `mrr_minor` in minor units per month; None = not known.

    `tickets`: references of what they wrote about it, among the tickets that the person may see.
    """

    org_id: str
    name: str
    is_known: bool  # stands in the directory
    value: float
    before: float | None
    n: float
    mrr_minor: int | None
    mrr_currency: str
    tickets: tuple[str, ...]
    unit: str = "%"

    @property
    def shown_value(self) -> str:
        return figure(self.value, self.unit)

    @property
    def shown_before(self) -> str:
        return figure(self.before, self.unit) if self.before is not None else ""

    @property
    def revenue(self) -> str:
        return money(self.mrr_minor, self.mrr_currency) if self.mrr_minor is not None else ""


@dataclass(frozen=True, slots=True)
class AffectedList:
    """`total` are all that show it; `customers` those that the query returned, by revenue. `cost` is a sentence."""

    what: str
    unit: str
    since: str | None
    total: int
    customers: Sequence[AffectedCustomer]
    cost: str

    @property
    def names(self) -> str:
        """One a line, to paste into what is sent about the incident."""
        return "\n".join(one.name for one in self.customers)

    @property
    def silent(self) -> int:
        return sum(not one.tickets for one in self.customers)

    @property
    def unpriced(self) -> int:
        return sum(one.mrr_minor is None for one in self.customers)

    @property
    def revenue(self) -> list[str]:
        """The known revenue per month, one sum per currency, the most frequent one first: nothing is converted."""
        sums: Counter[str] = Counter()
        for one in self.customers:
            if one.mrr_minor is not None:
                sums[one.mrr_currency] += one.mrr_minor
        return [money(sums[currency], currency) for currency in _currencies(self.customers)]


def affected_of(run: Investigation, user: User) -> AffectedList | None:
    """None where the run asked for no others. Three queries, however many customers there are."""
    found: Mapping[str, Any] | None = (run.diagnosis or {}).get("affected")
    if not found:
        return None
    measured = {str(one["org_id"]): one for one in found["customers"]}
    directory = {customer.org_id: customer for customer in Customer.objects.filter(org_id__in=list(measured))}
    written = _written(run, user, [customer.pk for customer in directory.values()])
    customers = []
    for org_id, one in measured.items():
        known = directory.get(org_id)
        customers.append(
            AffectedCustomer(
                org_id,
                str(known) if known else org_id,
                known is not None,
                float(one["value"]),
                one["before"],
                float(one["n"]),
                known.mrr_minor if known else None,
                known.mrr_currency if known else "",
                tuple(written.get(known.pk, ())) if known else (),
                str(found["unit"]),
            )
        )
    order = {currency: n for n, currency in enumerate(_currencies(customers))}
    # The query's order (who has most of it) decides among those of whom no revenue is known.
    customers.sort(key=lambda one: (one.mrr_minor is None, order.get(one.mrr_currency, 0), -(one.mrr_minor or 0)))
    return AffectedList(
        str(found["what"]),
        str(found["unit"]),
        found["since"],
        int(found["total"]),
        customers,
        _cost(run, found["step"]),
    )


def _currencies(customers: Sequence[AffectedCustomer]) -> list[str]:
    counted = Counter(one.mrr_currency for one in customers if one.mrr_minor is not None)
    return sorted(counted, key=lambda currency: (-counted[currency], currency))


def _written(run: Investigation, user: User, customers: list[int]) -> dict[int, list[str]]:
    """Tickets of the same class that are open, or were opened within the run's window."""
    start = parse_datetime(str(run.inputs.get("window_start") or "")) or run.as_of - WINDOW
    classes = {run.ticket.incident_class, str((run.diagnosis or {}).get("class") or "")} - {""}
    tickets = (
        Ticket.objects.visible_to(user)
        .filter(customer__in=customers, incident_class__in=classes, opened_at__lte=run.as_of)
        .filter(~Q(status=Ticket.Status.RESOLVED) | Q(opened_at__gte=start))
        .order_by("-opened_at", "-pk")
        .distinct()
    )
    written: defaultdict[int, list[str]] = defaultdict(list)
    for pk, ref in tickets.values_list("customer_id", "ref")[:2000]:
        written[int(pk or 0)].append(ref)
    return written


def _cost(run: Investigation, step_id: str) -> str:
    step = StepResult.objects.filter(investigation=run, step_id=step_id).only("requests", "seconds").first()
    if step is None or not step.requests:
        return ""
    n = len(step.requests)
    parts = [f"{n} quer{'y' if n == 1 else 'ies'}"]
    if read := sum(one.get("read_rows") or 0 for one in step.requests):
        parts.append(f"{read:,} rows read")
    if step.seconds is not None:
        parts.append(duration(step.seconds))
    return ", ".join(parts)


def as_csv(found: AffectedList) -> str:
    """Values as numbers (shares 0 to 1), amounts in minor units; texts that would be formulas are quoted."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(
        ["org_id", "name", "mrr_minor", "mrr_currency", f"value_{_UNITS[found.unit]}", "before", "records", "tickets"]
    )
    for one in found.customers:
        texts = [one.org_id, one.name, one.mrr_currency, " ".join(one.tickets)]
        org_id, name, currency, tickets = (cell(text) for text in texts)
        amount = "" if one.mrr_minor is None else one.mrr_minor
        rows.writerow([org_id, name, amount, currency, one.value, one.before, round(one.n), tickets])
    return out.getvalue()


_UNITS: Final = {"%": "share", "ms": "ms", "s": "s"}
