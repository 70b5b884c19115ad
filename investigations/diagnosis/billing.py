"""What a customer's Stripe record shows around a ticket: findings with their ids, amounts and arithmetic.

Reads the `billing` operation of the Stripe source (amounts in minor units, times ISO 8601). Each finding is a fact that
a playbook weighs; nothing here decides a label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any, Final

from investigations.diagnosis.facts import FactSpace
from investigations.diagnosis.reconciliation import is_usage, reconcile
from investigations.playbooks.conditions import Unknown
from investigations.playbooks.format import Billing

Record = Mapping[str, Any]
Facts = dict[str, Any]

#: Two equal payments closer than this may be one order paid twice.
DUPLICATE_WITHIN: Final = timedelta(hours=24)
#: A bank shows a refund within this many business days.
REFUND_BUSINESS_DAYS: Final = 5
_LIVE: Final = {"active", "trialing", "past_due"}


def findings(measure: Billing, data: Mapping[str, Any], space: FactSpace) -> Facts:
    """The findings, each `{count, list[], latest}`; `latest` is missing when there is none."""
    opened = space.value(measure.opened_at)
    until = space.inputs.as_of if isinstance(opened, Unknown) else max(_time(opened), space.inputs.as_of)
    since = until - timedelta(days=measure.lookback_days)
    recent = {
        key: _between(data.get(key) or [], since, until)
        for key in ("invoices", "charges", "refunds", "disputes", "events")
    }
    everything = {
        key: _between(data.get(key) or [], datetime.min.replace(tzinfo=UTC), until)
        for key in ("invoices", "charges", "subscriptions")
    }
    intents = {str(item.get("id")): item for item in data.get("payment_intents") or []}
    limit_key = str(space.inputs.profile.get("stripe", {}).get("plan_limit_metadata_key") or "rate_limit_per_minute")
    facts = {
        "duplicates": _listed(_duplicates(recent["charges"], data.get("invoices") or [])),
        "double": _listed(_double_subscriptions(everything["subscriptions"])),
        "proration": _listed(_prorations(recent["invoices"])),
        "failed": _listed(_failed(recent["invoices"], everything["subscriptions"], intents, recent["charges"])),
        "refunds": _listed(_refunds(recent["refunds"], until)),
        "disputes": _listed(_disputes(recent["disputes"], everything["charges"])),
        "tax": _listed(_tax_changes(everything["invoices"], since)),
        "currency": _listed(_currency_changes(everything["invoices"], since)),
        "overage": _listed(_overages(recent["invoices"])),
        "plan_changes": _listed(_plan_changes(recent["events"], data.get("subscriptions") or [], limit_key)),
        "subscription": _current_subscription(everything["subscriptions"], limit_key),
        "last_invoice": _last_invoice(everything["invoices"]),
        "usual": _usual(everything["invoices"]),
        "reconciliation": reconcile(everything["invoices"], everything["subscriptions"]),
        "customer": dict(data.get("customer") or {}),
    }
    return {key: value for key, value in facts.items() if value}


def _time(value: Any) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _between(items: Sequence[Record], start: datetime, end: datetime) -> list[Record]:
    """Items created in [start, end], newest first: nothing later than the run's clock is read."""
    kept = [item for item in items if item.get("created") and start <= _time(item["created"]) <= end]
    return sorted(kept, key=lambda item: (_time(item["created"]), str(item.get("id"))), reverse=True)


def _listed(items: list[Facts]) -> Facts:
    return {"count": float(len(items)), "list": items[:10], **({"latest": items[0]} if items else {})}


def _duplicates(charges: Sequence[Record], invoices: Sequence[Record]) -> list[Facts]:
    """Pairs of succeeded, unrefunded payments of the same amount by the same card for the same thing."""
    paid = [
        item
        for item in charges
        if item.get("status") == "succeeded" and not item.get("refunded") and not item.get("amount_refunded")
    ]
    invoice_of = {intent: str(invoice.get("id")) for invoice in invoices for intent in _intents_of(invoice)}
    pairs = []
    for index, second in enumerate(paid):
        for first in paid[index + 1 :]:
            apart = _time(second["created"]) - _time(first["created"])
            if apart > DUPLICATE_WITHIN:
                break
            one, other = (
                invoice_of.get(str(first.get("payment_intent"))),
                invoice_of.get(str(second.get("payment_intent"))),
            )
            if one and other and one != other:
                continue
            same_order = bool(_order(first)) and _order(first) == _order(second)
            if _alike(first, second) and (same_order or not (_order(first) and _order(second))):
                pairs.append(
                    {
                        "id": second["id"],
                        "first": first["id"],
                        "amount": second["amount"],
                        "currency": second["currency"],
                        "at": second["created"],
                        "minutes_apart": apart.total_seconds() / 60,
                        "same_order": same_order,
                        "order": _order(second),
                        "url": second.get("url", ""),
                        "description": second.get("description") or "",
                    }
                )
    return pairs


def _alike(first: Record, second: Record) -> bool:
    same = all(first.get(key) == second.get(key) for key in ("amount", "currency", "description"))
    return same and (first.get("fingerprint") or first.get("card_fingerprint")) == (
        second.get("fingerprint") or second.get("card_fingerprint")
    )


def _order(charge: Record) -> str:
    """The order a payment was for, by the metadata keys shops use."""
    metadata = charge.get("metadata") or {}
    return str(
        next(
            (
                metadata[key]
                for key in ("order_id", "order", "order_number", "cart_id", "reference", "invoice")
                if metadata.get(key)
            ),
            "",
        )
    )


def _intents_of(invoice: Record) -> list[str]:
    found = []
    for payment in invoice.get("payments") or []:
        intent = payment.get("payment_intent")
        if isinstance(intent, Mapping):
            intent = intent.get("id")
        if intent:
            found.append(str(intent))
    return found


def _plan(subscription: Record) -> Facts:
    """The plan of a subscription: its licensed item (metered items are usage, not the plan)."""
    items = subscription.get("items") or []
    item = next((item for item in items if item.get("usage_type") != "metered"), items[0] if items else {})
    return dict(item)


def _double_subscriptions(subscriptions: Sequence[Record]) -> list[Facts]:
    live = [item for item in subscriptions if item.get("status") in _LIVE and not item.get("cancel_at_period_end")]
    found = []
    for index, newer in enumerate(live):
        for older in live[index + 1 :]:
            one, other = _plan(newer), _plan(older)
            same = one.get("product") == other.get("product") or one.get("price") == other.get("price")
            if same and one:
                found.append(
                    {
                        "id": newer["id"],
                        "other": older["id"],
                        "at": newer["created"],
                        "plan": one.get("plan") or one.get("nickname") or "",
                        "amount": one.get("unit_amount"),
                        "currency": one.get("currency") or newer.get("currency"),
                        "url": newer.get("url", ""),
                        "same_price": one.get("price") == other.get("price"),
                    }
                )
    return found


def _prorations(invoices: Sequence[Record]) -> list[Facts]:
    found = []
    for invoice in invoices:
        lines = [line for line in invoice.get("lines") or [] if line.get("proration")]
        if lines:
            credit, charge = (
                sum(line["amount"] for line in lines if line["amount"] < 0),
                sum(line["amount"] for line in lines if line["amount"] > 0),
            )
            found.append(
                {
                    **_invoice(invoice),
                    "credit": credit,
                    "charge": charge,
                    "net": credit + charge,
                    "lines": [line.get("description") or "" for line in lines],
                }
            )
    return found


def _failed(
    invoices: Sequence[Record],
    subscriptions: Sequence[Record],
    intents: Mapping[str, Record],
    charges: Sequence[Record],
) -> list[Facts]:
    found = []
    states = {str(item["id"]): item.get("status") for item in subscriptions}
    for invoice in invoices:
        if invoice.get("status") not in ("open", "uncollectible") or not invoice.get("attempted"):
            continue
        error = _payment_error(invoice, intents, charges)
        found.append(
            {
                **_invoice(invoice),
                **error,
                "attempts": invoice.get("attempt_count") or 0,
                "next_attempt": invoice.get("next_payment_attempt"),
                "remaining": invoice.get("amount_remaining"),
                "subscription": invoice.get("subscription"),
                "subscription_status": states.get(str(invoice.get("subscription"))),
            }
        )
    return found


def _payment_error(invoice: Record, intents: Mapping[str, Record], charges: Sequence[Record]) -> Facts:
    for intent_id in _intents_of(invoice) or [
        key
        for key, intent in intents.items()
        if intent.get("amount") == invoice.get("amount_due") and intent.get("last_payment_error")
    ]:
        error = (intents.get(intent_id) or {}).get("last_payment_error") or {}
        if error:
            return {
                "decline_code": error.get("decline_code") or error.get("code") or "",
                "message": error.get("message") or "",
                "payment_intent": intent_id,
            }
    for charge in charges:
        if charge.get("status") == "failed" and charge.get("amount") == invoice.get("amount_due"):
            return {
                "decline_code": charge.get("decline_code") or charge.get("failure_code") or "",
                "message": charge.get("failure_message") or "",
                "charge": charge.get("id"),
            }
    return {}


def business_days(start: datetime, end: datetime) -> int:
    """Whole days Monday to Friday after `start`, up to `end` (public holidays are not known here)."""
    days, day = 0, start.date()
    while day < end.date():
        day += timedelta(days=1)
        days += day.weekday() < 5
    return days


def _refunds(refunds: Sequence[Record], now: datetime) -> list[Facts]:
    found = []
    for refund in refunds:
        days = business_days(_time(refund["created"]), now)
        found.append(
            {
                "id": refund["id"],
                "status": refund.get("status"),
                "amount": refund.get("amount"),
                "currency": refund.get("currency"),
                "at": refund["created"],
                "charge": refund.get("charge"),
                "business_days": float(days),
                "under_way": refund.get("status") in ("pending", "requires_action")
                or (refund.get("status") == "succeeded" and days <= REFUND_BUSINESS_DAYS),
                "url": refund.get("url", ""),
            }
        )
    return found


def _disputes(disputes: Sequence[Record], charges: Sequence[Record]) -> list[Facts]:
    return [
        {
            "id": item["id"],
            "status": item.get("status"),
            "reason": item.get("reason"),
            "amount": item.get("amount"),
            "currency": item.get("currency"),
            "at": item["created"],
            "charge": item.get("charge"),
            "due_by": item.get("due_by") or (item.get("evidence_details") or {}).get("due_by"),
            "is_open": item.get("status")
            in ("needs_response", "under_review", "warning_needs_response", "warning_under_review"),
            "url": item.get("url", ""),
        }
        for item in disputes
    ]


def _tax(invoice: Record) -> int:
    if invoice.get("tax") is not None:
        return int(invoice["tax"])
    if invoice.get("total_taxes"):
        return sum(int(item.get("amount") or 0) for item in invoice["total_taxes"])
    without = invoice.get("total_excluding_tax")
    return int(invoice.get("total") or 0) - int(without) if without is not None else 0


def _tax_changes(invoices: Sequence[Record], since: datetime) -> list[Facts]:
    found = []
    for newer, older in pairwise(invoices):
        before, after = _tax_rate(older), _tax_rate(newer)
        if _time(newer["created"]) >= since and after > 0 and abs(after - before) > 0.004:
            found.append(
                {**_invoice(newer), "tax": _tax(newer), "tax_before": _tax(older), "rate": after, "rate_before": before}
            )
    return found


def _tax_rate(invoice: Record) -> float:
    tax = _tax(invoice)
    base = int(invoice.get("total") or 0) - tax
    return tax / base if base > 0 else 0.0


def _currency_changes(invoices: Sequence[Record], since: datetime) -> list[Facts]:
    found = []
    for newer, older in pairwise(invoices):
        if _time(newer["created"]) >= since and newer.get("currency") != older.get("currency"):
            found.append(
                {**_invoice(newer), "currency_before": older.get("currency"), "total_before": older.get("total")}
            )
    return found


def _overages(invoices: Sequence[Record]) -> list[Facts]:
    """Invoices with usage lines: how much of the total is metered use above what is included."""
    found = []
    for invoice in invoices:
        lines = [line for line in invoice.get("lines") or [] if is_usage(line) and line["amount"] > 0]
        if lines:
            found.append(
                {
                    **_invoice(invoice),
                    "usage_amount": sum(line["amount"] for line in lines),
                    "quantity": float(sum(line.get("quantity") or 0 for line in lines)),
                    "unit": _unit(lines),
                    "lines": [line.get("description") or "" for line in lines],
                    "period_start": lines[0].get("period_start"),
                    "period_end": lines[0].get("period_end"),
                }
            )
    return found


def _unit(lines: Sequence[Record]) -> float | None:
    """Minor units for one metered unit: the price's, else amount by quantity."""
    quantity = sum(line.get("quantity") or 0 for line in lines)
    amount = sum(line["amount"] for line in lines)
    return float(amount) / float(quantity) if quantity else None


def _limit(metadata: Mapping[str, Any] | None, key: str) -> float | None:
    try:
        return float((metadata or {})[key])
    except (KeyError, TypeError, ValueError):
        return None


def _plan_changes(events: Sequence[Record], subscriptions: Sequence[Record], limit_key: str) -> list[Facts]:
    """Subscription updates that changed the plan, with the quota before and after where the price's metadata tells."""
    found = []
    for event in events:
        if event.get("type") != "customer.subscription.updated":
            continue
        before, after = _event_item(event.get("previous_attributes") or {}), _event_item(event.get("object") or {})
        if not before or before.get("price") == after.get("price"):
            continue
        old, new = _limit(before.get("metadata"), limit_key), _limit(after.get("metadata"), limit_key)
        item: Facts = {
            "id": event["id"],
            "at": event["created"],
            "subscription": event.get("object_id"),
            "plan_before": before.get("plan") or "",
            "plan": after.get("plan") or "",
            "amount_before": before.get("unit_amount"),
            "amount": after.get("unit_amount"),
            "url": event.get("url", ""),
        }
        if old is not None and new is not None:
            item |= {"limit_before": old, "limit": new, "is_downgrade": new < old}
        elif before.get("unit_amount") is not None and after.get("unit_amount") is not None:
            item["is_downgrade"] = after["unit_amount"] < before["unit_amount"]
        found.append(item)
    return found


def _event_item(part: Record) -> Facts:
    items = part.get("items")
    items = items.get("data") if isinstance(items, Mapping) else items
    if not items:
        return {}
    price = items[0].get("price") or items[0].get("plan") or {}
    if isinstance(price, str):
        return {
            "price": price,
            "metadata": items[0].get("metadata") or {},
            "plan": items[0].get("plan") or "",
            "unit_amount": items[0].get("unit_amount"),
        }
    metadata = price.get("metadata") or {}
    return {
        "price": price.get("id"),
        "metadata": metadata,
        "plan": metadata.get("plan") or price.get("nickname") or "",
        "unit_amount": price.get("unit_amount"),
    }


def _current_subscription(subscriptions: Sequence[Record], limit_key: str) -> Facts:
    live = [item for item in subscriptions if item.get("status") in {*_LIVE, "unpaid", "incomplete"}]
    if not live:
        return {}
    plan = _plan(live[0])
    facts: Facts = {
        "id": live[0]["id"],
        "status": live[0].get("status"),
        "created": live[0]["created"],
        "plan": plan.get("plan") or plan.get("nickname") or "",
        "amount": plan.get("unit_amount"),
        "currency": plan.get("currency") or live[0].get("currency"),
        "url": live[0].get("url", ""),
    }
    renews = _renews_at(live[0])
    if renews:
        facts["renews_at"] = renews
    limit = _limit(plan.get("metadata"), limit_key)
    return facts | ({"limit": limit} if limit is not None else {})


def _renews_at(subscription: Record) -> str:
    """The end of the period that runs, the first of its items'; empty for a subscription that ends then."""
    if subscription.get("cancel_at_period_end") or subscription.get("cancel_at"):
        return ""
    ends = [
        str(item["current_period_end"]) for item in subscription.get("items") or [] if item.get("current_period_end")
    ]
    return min(ends, default="")


def _invoice(invoice: Record) -> Facts:
    return {
        "id": invoice["id"],
        "number": invoice.get("number") or "",
        "at": invoice["created"],
        "total": invoice.get("total"),
        "currency": invoice.get("currency"),
        "status": invoice.get("status"),
        "reason": invoice.get("billing_reason") or "",
        "url": invoice.get("url", ""),
    }


def _last_invoice(invoices: Sequence[Record]) -> Facts:
    return _invoice(invoices[0]) if invoices else {}


def _usual(invoices: Sequence[Record]) -> Facts:
    """The usual invoice: the median total of the regular ones before the last."""
    regular = [
        item for item in invoices[1:] if item.get("billing_reason") in ("subscription_cycle", "subscription_create")
    ]
    if not regular or not invoices:
        return {}
    usual = float(median(int(item.get("total") or 0) for item in regular))
    last = float(invoices[0].get("total") or 0)
    return {
        "total": usual,
        "last": last,
        "difference": last - usual,
        "currency": invoices[0].get("currency"),
        "n": float(len(regular)),
    }
