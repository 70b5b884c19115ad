"""Stripe's objects in our compact shapes: what a billing question needs, nothing more.

Amounts are integers in the currency's minor unit (JPY has none), times ISO 8601 in UTC, lists plain lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from investigations.sources.http import cut_text
from investigations.sources.stripe.basics import Raw, Shape, head, metadata, ref, time
from investigations.sources.stripe.payments import charge, dispute, payment_intent, refund

_MAX_LINES = 50


def customer(raw: Raw) -> Shape:
    address = raw.get("address") or {}
    return head(raw) | {
        "name": cut_text(raw.get("name"), 200),
        "email": cut_text(raw.get("email"), 200),
        "deleted": bool(raw.get("deleted")),
        "currency": raw.get("currency"),
        "balance": raw.get("balance"),
        "delinquent": raw.get("delinquent"),
        "tax_exempt": raw.get("tax_exempt"),
        "address": {key: address.get(key) for key in ("country", "state", "city", "postal_code")} if address else None,
        "livemode": raw.get("livemode"),
    }


def price(raw: Raw, details: Mapping[str, Raw]) -> Shape:
    """A price with its product. `details` holds fully read prices by id, with `product` expanded."""
    full = {**raw, **details.get(str(raw.get("id")), {})}
    product = full.get("product")
    recurring = full.get("recurring") or {}
    told = {**(metadata(product) if isinstance(product, Mapping) else {}), **metadata(full)}
    return {
        "price": full.get("id"),
        "product": ref(product),
        "product_name": cut_text(product.get("name"), 200) if isinstance(product, Mapping) else "",
        "plan": str(told.get("plan") or full.get("nickname") or ""),
        "nickname": full.get("nickname") or "",
        "unit_amount": full.get("unit_amount"),
        "currency": full.get("currency"),
        "interval": recurring.get("interval"),
        "interval_count": recurring.get("interval_count"),
        "usage_type": recurring.get("usage_type"),
        "billing_scheme": full.get("billing_scheme"),
        "tiers": [
            {key: tier.get(key) for key in ("up_to", "unit_amount", "unit_amount_decimal", "flat_amount")}
            for tier in full.get("tiers") or []
        ],
        "metadata": told,
    }


def items(raw: Any, details: Mapping[str, Raw]) -> list[Shape]:
    """Subscription items; `raw` is Stripe's list object."""
    found = []
    for item in (raw or {}).get("data") or []:
        priced = item.get("price") or item.get("plan") or {}
        priced = {"id": priced} if isinstance(priced, str) else priced
        found.append(
            price(priced, details)
            | {
                "id": item.get("id"),
                "quantity": item.get("quantity"),
                "created": time(item.get("created")),
                "current_period_start": time(item.get("current_period_start")),
                "current_period_end": time(item.get("current_period_end")),
                "item_metadata": metadata(item),
            }
        )
    return found


def subscription(raw: Raw, details: Mapping[str, Raw]) -> Shape:
    cancellation = raw.get("cancellation_details") or {}
    return head(raw) | {
        "status": raw.get("status"),
        "currency": raw.get("currency"),
        "collection_method": raw.get("collection_method"),
        "start_date": time(raw.get("start_date")),
        "billing_cycle_anchor": time(raw.get("billing_cycle_anchor")),
        "trial_start": time(raw.get("trial_start")),
        "trial_end": time(raw.get("trial_end")),
        "cancel_at": time(raw.get("cancel_at")),
        "cancel_at_period_end": bool(raw.get("cancel_at_period_end")),
        "canceled_at": time(raw.get("canceled_at")),
        "ended_at": time(raw.get("ended_at")),
        "cancellation_reason": cancellation.get("reason"),
        "pause_collection": raw.get("pause_collection"),
        "latest_invoice": ref(raw.get("latest_invoice")),
        "items": items(raw.get("items"), details),
    }


def invoice_line(raw: Raw, details: Mapping[str, Raw]) -> Shape:
    pricing = (raw.get("pricing") or {}).get("price_details") or {}
    price_id = ref(pricing.get("price"))
    parent = raw.get("parent") or {}
    item = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    period = raw.get("period") or {}
    known = price({"id": price_id}, details) if price_id in details else {}
    return {
        "id": raw.get("id"),
        "amount": raw.get("amount"),
        "currency": raw.get("currency"),
        "description": cut_text(raw.get("description"), 300),
        "quantity": raw.get("quantity"),
        "proration": bool(item.get("proration")),
        "period_start": time(period.get("start")),
        "period_end": time(period.get("end")),
        "price": price_id,
        "product": ref(pricing.get("product")),
        "plan": known.get("plan", ""),
        "usage_type": known.get("usage_type"),
        "unit_amount_decimal": (raw.get("pricing") or {}).get("unit_amount_decimal"),
        "subscription": item.get("subscription"),
        "subscription_item": item.get("subscription_item"),
        "discount_amount": sum(int(d.get("amount") or 0) for d in raw.get("discount_amounts") or []),
        "tax": sum(int(t.get("amount") or 0) for t in raw.get("taxes") or []),
        "metadata": metadata(raw),
    }


def invoice(raw: Raw, details: Mapping[str, Raw]) -> Shape:
    parent = (raw.get("parent") or {}).get("subscription_details") or {}
    lines = raw.get("lines") or {}
    taxes = raw.get("total_taxes") or []
    transitions = raw.get("status_transitions") or {}
    address = raw.get("customer_address") or {}
    keys = (
        "number", "status", "currency", "billing_reason", "collection_method", "subtotal", "total",
        "total_excluding_tax", "amount_due", "amount_paid", "amount_remaining", "attempted", "attempt_count",
        "customer_tax_exempt", "starting_balance", "ending_balance", "pre_payment_credit_notes_amount",
        "post_payment_credit_notes_amount",
    )  # fmt: skip
    return (
        head(raw)
        | {key: raw.get(key) for key in keys}
        | {
            "description": cut_text(raw.get("description"), 300),
            "subscription": ref(parent.get("subscription")),
            "next_payment_attempt": time(raw.get("next_payment_attempt")),
            "due_date": time(raw.get("due_date")),
            "period_start": time(raw.get("period_start")),
            "period_end": time(raw.get("period_end")),
            "finalized_at": time(transitions.get("finalized_at")),
            "paid_at": time(transitions.get("paid_at")),
            "voided_at": time(transitions.get("voided_at")),
            "last_finalization_error": (raw.get("last_finalization_error") or {}).get("code"),
            "tax": sum(int(each.get("amount") or 0) for each in taxes),
            "taxes": [
                {key: each.get(key) for key in ("amount", "taxable_amount", "tax_behavior", "type")} for each in taxes
            ],
            "automatic_tax": bool((raw.get("automatic_tax") or {}).get("enabled")),
            "discount_amount": sum(int(d.get("amount") or 0) for d in raw.get("total_discount_amounts") or []),
            "customer_country": address.get("country"),
            "hosted_url": raw.get("hosted_invoice_url") or "",
            "lines": [invoice_line(line, details) for line in (lines.get("data") or [])[:_MAX_LINES]],
            "lines_truncated": bool(lines.get("has_more")) or len(lines.get("data") or []) > _MAX_LINES,
            "payments": [_invoice_payment(each) for each in (raw.get("payments") or {}).get("data") or []],
        }
    )


def _invoice_payment(raw: Raw) -> Shape:
    payment = raw.get("payment") or {}
    return {
        "id": raw.get("id"),
        "status": raw.get("status"),
        "amount_paid": raw.get("amount_paid"),
        "amount_requested": raw.get("amount_requested"),
        "currency": raw.get("currency"),
        "payment_intent": ref(payment.get("payment_intent")),
        "charge": ref(payment.get("charge")),
        "paid_at": time((raw.get("status_transitions") or {}).get("paid_at")),
    }


def credit_note(raw: Raw) -> Shape:
    keys = ("number", "amount", "total", "subtotal", "currency", "status", "reason", "type")
    return (
        head(raw)
        | {key: raw.get(key) for key in keys}
        | {"invoice": ref(raw.get("invoice")), "refund": ref(raw.get("refund")), "memo": cut_text(raw.get("memo"), 300)}
    )


def event(raw: Raw, details: Mapping[str, Raw]) -> Shape:
    """An event with its object in the shape above and the former values of what changed, likewise."""
    data = raw.get("data") or {}
    subject = data.get("object") or {}
    return head(raw) | {
        "type": raw.get("type"),
        "object_id": subject.get("id"),
        "object_type": subject.get("object"),
        "object": _subject(subject, details),
        "previous_attributes": _previous(data.get("previous_attributes") or {}, details),
        "request_id": (raw.get("request") or {}).get("id"),
        "is_automatic": not (raw.get("request") or {}).get("id"),
        "pending_webhooks": raw.get("pending_webhooks"),
    }


def _subject(raw: Raw, details: Mapping[str, Raw]) -> Shape:
    match raw.get("object"):
        case "customer":
            return customer(raw)
        case "subscription":
            return subscription(raw, details)
        case "invoice":
            return {key: value for key, value in invoice(raw, details).items() if key not in ("lines", "payments")}
        case "charge":
            return charge(raw)
        case "refund":
            return refund(raw)
        case "dispute":
            return dispute(raw)
        case "payment_intent":
            return payment_intent(raw)
    return {"id": raw.get("id")}


def _previous(raw: Raw, details: Mapping[str, Raw]) -> Shape:
    """Former values. Subscription items as in `items`; times as text; other nested values as Stripe sent them."""
    shaped: Shape = {}
    for key, value in raw.items():
        if key == "items":
            shaped["items"] = items(value, details)
        elif isinstance(value, int) and not isinstance(value, bool) and key in _TIMES:
            shaped[key] = time(value)
        elif isinstance(value, str):
            shaped[key] = cut_text(value, 300)
        else:
            shaped[key] = value
    return shaped


_TIMES = frozenset(
    {"cancel_at", "canceled_at", "current_period_start", "current_period_end", "ended_at", "trial_end", "trial_start",
     "billing_cycle_anchor", "next_payment_attempt", "due_date", "period_start", "period_end"}
)  # fmt: skip
