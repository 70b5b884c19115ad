"""Whom it hits and how hard: the failing share, the customers, the money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, cast

from django.contrib.auth.models import AnonymousUser

from altor.models import User
from altor.words import figure, money
from escalations.packets.format import Affected, CustomerBrief, Figure, Impact, Money, Scope, TicketBrief
from escalations.packets.material import Material, address, link, sentence
from investigations.models import Customer, Evidence, Ticket
from investigations.services.affected import AffectedList, affected_of
from investigations.services.summary import scope_words

#: Evidence kinds that state what the customer feels, before those that explain it.
_FELT: Final = frozenset({
    "status_429_share", "status_5xx_share", "status_4xx_share", "status_401_share", "latency_p95",
    "webhook_success_rate", "webhook_error", "webhook_delay", "webhook_volume", "metered_vs_served",
})  # fmt: skip
#: Other customers that are listed by name.
LISTED: Final = 25


def figure_of(item: Evidence) -> Figure | None:
    """The item's figures, None where it has none."""
    figures = item.figures if isinstance(item.figures, Mapping) else {}
    value, unit = _number(figures.get("value")), str(figures.get("unit") or "")
    if value is None:
        return None
    baseline, threshold = _number(figures.get("baseline")), _number(figures.get("threshold"))
    shown = [figure(value, unit)]
    shown += [f"before {figure(baseline, unit)}"] if baseline is not None else []
    shown += [f"threshold {figure(threshold, unit)}"] if threshold is not None else []
    return Figure(
        value=value, baseline=baseline, threshold=threshold, unit=unit, shown=", ".join(shown),
        numerator=_number(figures.get("numerator")), denominator=_number(figures.get("denominator")),
    )  # fmt: skip


def symptom_of(material: Material) -> Evidence | None:
    """The evidence that states the symptom best: what the customer feels, else a breach that is a reason, else any."""
    breaches = [item for item in material.ordered if item.verdict == "abnormal"]
    felt = [item for item in breaches if item.kind in _FELT and figure_of(item) is not None]
    measured = [item for item in breaches if figure_of(item) is not None]
    reasons = [material.by_ref[ref] for ref in material.reasons]
    telling = [item for item in reasons if item.verdict == "abnormal"]
    return next(iter([*felt, *telling, *measured, *breaches, *reasons]), None)


def scope_of(material: Material) -> Scope:
    scope = material.diagnosis.get("scope") or {}
    refs = material.refs(*(material.rests_on.get("scope") or ()))
    return Scope(
        kind=str(scope.get("kind") or "none"), value=str(scope.get("value") or ""), words=scope_words(scope),
        evidence=refs,
    )  # fmt: skip


def customer_of(customer: Customer | None) -> CustomerBrief | None:
    if customer is None:
        return None
    return CustomerBrief(
        org_id=customer.org_id, name=str(customer), plan=customer.plan, tier=customer.tier,
        stripe_customer=customer.stripe_customer, linear_customer=customer.linear_customer, revenue=_revenue(customer),
    )  # fmt: skip


def ticket_of(ticket: Ticket) -> TicketBrief:
    return TicketBrief(
        ref=ticket.ref, subject=ticket.subject, status=ticket.status, priority=ticket.priority,
        customer=str(ticket.customer or ""), opened_at=ticket.opened_at, url=link(ticket.url),
        altor_url=address("investigations:ticket", ticket.ref),
    )  # fmt: skip


def impact_of(material: Material) -> Impact:
    """Three queries for the other customers, none where the run asked for no others."""
    symptom = symptom_of(material)
    others = affected_of(material.run, material.user or cast(User, AnonymousUser()))
    hit = _hit(material, symptom)
    listed = list(others.customers[:LISTED]) if others else []
    # Customers of tickets that are joined were measured among the others as well.
    joined = {one.org_id for one in hit}
    rest = [one for one in others.customers if one.org_id not in joined] if others else []
    total = others.total - (len(others.customers) - len(rest)) if others and not _is_nothing(material) else 0
    sums: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for minor, currency in [
        *((one.mrr_minor, one.mrr_currency) for one in hit),
        *((one.mrr_minor, one.mrr_currency) for one in (rest if total else [])),
    ]:
        if minor is not None:
            sums[currency] += minor
            counted[currency] += 1
    revenue = [
        Money(
            amount_minor=sums[currency], currency=currency, shown=money(sums[currency], currency),
            customers=counted[currency],
        )
        for currency in sorted(sums, key=lambda one: (-counted[one], one))
    ]  # fmt: skip
    unknown = len(hit) + total - sum(counted.values())
    return Impact(
        says=[*_felt(symptom), *_whom(material, hit, others), *_worth(revenue, unknown)],
        main=figure_of(symptom) if symptom else None,
        main_what=(symptom.title or symptom.kind) if symptom else "",
        main_evidence=symptom.ref_id if symptom else "",
        customers=len(hit) + total,
        others=others.total if others else 0,
        others_what=others.what if others else "",
        silent=others.silent if others and material.user else 0,
        listed=[
            Affected(
                org_id=one.org_id, name=one.name, shown=one.shown_value, before=one.shown_before, revenue=one.revenue,
                tickets=list(one.tickets),
            )
            for one in listed
        ],
        revenue=revenue,
        revenue_unknown=unknown if revenue or unknown else 0,
        revenue_how=(
            "Revenue a month of the affected customers as the customer directory has it; nothing is converted."
            if revenue
            else ""
        ),
    )  # fmt: skip


def _hit(material: Material, symptom: Evidence | None) -> list[Customer]:
    """Customers of the tickets, where something was found that hits them."""
    if _is_nothing(material) or (symptom is None and not material.is_decided):
        return []
    return list({ticket.customer.pk: ticket.customer for ticket in material.tickets if ticket.customer}.values())


def _is_nothing(material: Material) -> bool:
    """Whether the diagnosis says that nothing is wrong for this customer; what others show is their own then."""
    scope = material.diagnosis.get("scope") or {}
    nowhere = str(scope.get("kind") or "none") == "none"
    return nowhere and str(material.top.get("label") or "").startswith(("none.", "other."))


def _felt(symptom: Evidence | None) -> list[str]:
    return [sentence(symptom.summary)] if symptom else []


def _whom(material: Material, hit: list[Customer], others: AffectedList | None) -> list[str]:
    names = " and ".join(str(one) for one in hit)
    if others is not None and others.total:
        n = others.total
        told = f"{n:,} other customer{'s show' if n > 1 else ' shows'} it{' too' if hit else ''}: {others.what}."
        if material.user and others.customers:
            told += f" {others.silent:,} of {len(others.customers):,} have not written about it."
        return [f"{names} and others are affected. {told}" if names else told]
    if others is not None:
        return [f"{names or 'This customer'} only: others were measured, and none shows it."]
    if hit and (material.diagnosis.get("scope") or {}).get("kind") == "customer":
        return [f"{names} only, as far as the diagnosis goes; others were not measured one by one."]
    return [f"Affected for certain: {names}; others were not measured one by one."] if names else []


def _worth(revenue: list[Money], unknown: int) -> list[str]:
    if not revenue:
        return ["Revenue at risk is not known: the customer directory has none for them."] if unknown else []
    told = " and ".join(f"{one.shown} a month ({_customers(one.customers)})" for one in revenue)
    return [f"Revenue at risk: {told}" + (f"; of {_customers(unknown)} it is not known." if unknown else ".")]


def _customers(n: int) -> str:
    return f"{n:,} customer{'' if n == 1 else 's'}"


def _revenue(customer: Customer) -> str:
    return money(customer.mrr_minor, customer.mrr_currency) if customer.mrr_minor is not None else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
