"""Makers of Stripe objects in the shapes of one API version. Times are epoch seconds, amounts minor units."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

from altor.demo.world.company import token

API_VERSION: Final = "2026-10-28.endive"
MONTH_S: Final = 30 * 86_400
Json = dict[str, Any]
RESOURCES: Final = (
    "products", "prices", "customers", "subscriptions", "invoices", "invoice_payments", "charges", "payment_intents",
    "refunds", "disputes", "events", "webhook_endpoints", "balance_transactions",
)  # fmt: skip
_DECLINES: Final = {
    "insufficient_funds": ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "expired_card": ("expired_card", "expired_card", "Your card has expired."),
}


class Maker:
    """Makes objects and keeps them in lists by resource."""

    def __init__(self, rng: np.random.Generator, anchor: datetime) -> None:
        self.rng = rng
        self.lists: dict[str, list[Json]] = {name: [] for name in RESOURCES}
        self._prices: dict[tuple[str, str], Json] = {}
        self._start = int(anchor.timestamp()) - 700 * 86_400
        self._number = 40

    def _add(
        self, resource: str, prefix: str, kind: str, created: int, fields: Mapping[str, Any], *, id_: str = ""
    ) -> Json:
        base = {
            "id": id_ or f"{prefix}_{token(self.rng, 18)}",
            "object": kind,
            "created": created,
            "livemode": False,
            "metadata": {},
        }
        made = {**base, **fields}
        self.lists[resource].append(made)
        return made

    # ---- catalogue
    def plan(self, vendor: str, name: str, unit_amount: int, per_minute: int, included: int) -> None:
        limits = {"rate_limit_per_minute": str(per_minute), "included_requests": str(included)}
        product = self._add(
            "products", "prod", "product", self._start, {"name": f"{vendor} {name}", "active": True, "metadata": limits}
        )
        for currency, factor in (("usd", 1.0), ("eur", 0.94)):
            self._price(name, currency, product["id"], int(unit_amount * factor), {"plan": name, **limits}, "licensed")
        if ("Additional requests", "usd") not in self._prices:
            extra = self._add(
                "products", "prod", "product", self._start, {"name": f"{vendor} additional requests", "active": True}
            )
            self._price("Additional requests", "usd", extra["id"], 40, {}, "metered")

    def _price(self, name: str, currency: str, product: str, amount: int, metadata: Json, usage: str) -> None:
        self._prices[name, currency] = self._add(
            "prices", "price", "price", self._start,
            {
                "metadata": metadata, "product": product, "currency": currency, "unit_amount": amount, "active": True, "nickname": name,
                "type": "recurring", "recurring": {"interval": "month", "interval_count": 1, "usage_type": usage},
            },
        )  # fmt: skip

    def price(self, name: str, currency: str = "usd") -> Json:
        return copy.deepcopy(self._prices[name, currency])

    def price_of(self, subscription: Json) -> Json:
        price: Json = subscription["items"]["data"][0]["price"]
        return price

    # ---- customers and subscriptions
    def customer(self, id_: str, name: str, email: str, org_id: str, created: int) -> Json:
        return self._add(
            "customers", "cus", "customer", created,
            {
                "name": name, "email": email, "metadata": {"org_id": org_id}, "currency": "usd", "delinquent": False, "balance": 0,
                "description": None, "tax_exempt": "none", "address": None, "phone": None,
            },
            id_=id_,
        )  # fmt: skip

    def subscription(self, customer: str, plan: str, created: int, period_start: int) -> Json:
        id_ = f"sub_{token(self.rng, 18)}"
        item = {
            "id": f"si_{token(self.rng, 14)}", "object": "subscription_item", "created": created, "quantity": 1, "subscription": id_,
            "price": self.price(plan), "current_period_start": period_start, "current_period_end": period_start + MONTH_S, "metadata": {},
        }  # fmt: skip
        return self._add(
            "subscriptions", "sub", "subscription", created,
            {
                "customer": customer, "status": "active", "collection_method": "charge_automatically", "currency": "usd", "cancel_at": None,
                "cancel_at_period_end": False, "canceled_at": None, "ended_at": None, "pause_collection": None, "trial_end": None,
                "trial_start": None, "latest_invoice": None, "default_payment_method": f"pm_{token(self.rng, 16)}",
                "cancellation_details": {"reason": None, "comment": None, "feedback": None}, "billing_cycle_anchor": period_start,
                "start_date": created,
                "items": {"object": "list", "has_more": False, "url": f"/v1/subscription_items?subscription={id_}", "data": [item]},
            },
            id_=id_,
        )  # fmt: skip

    # ---- invoices and money
    def line(
        self,
        description: str,
        amount: int,
        price: Json,
        subscription: Json,
        start: int,
        end: int,
        *,
        proration: bool = False,
        quantity: int = 1,
    ) -> Json:
        details = {
            "subscription": subscription["id"],
            "subscription_item": subscription["items"]["data"][0]["id"],
            "proration": proration,
        }
        return {
            "id": f"il_{token(self.rng, 18)}", "object": "line_item", "amount": amount, "currency": price["currency"], "description": description,
            "quantity": quantity, "period": {"start": start, "end": end}, "metadata": {}, "livemode": False,
            "pricing": {
                "type": "price_details", "price_details": {"price": price["id"], "product": price["product"]},
                "unit_amount_decimal": str(price["unit_amount"]),
            },
            "parent": {"type": "subscription_item_details", "subscription_item_details": details}, "taxes": [],
        }  # fmt: skip

    def invoice(
        self,
        customer: str,
        subscription: Json,
        at: int,
        lines: Sequence[Json],
        reason: str,
        *,
        decline: str = "",
        tax_percent: float = 0.0,
    ) -> Json:
        subtotal = sum(int(line["amount"]) for line in lines)
        tax = int(subtotal * tax_percent / 100)
        total, currency, paid = subtotal + tax, lines[0]["currency"], not decline
        who = next(c for c in self.lists["customers"] if c["id"] == customer)
        self._number += 1
        taxes = (
            [
                {
                    "amount": tax,
                    "tax_behavior": "exclusive",
                    "taxability_reason": "standard_rated",
                    "taxable_amount": subtotal,
                    "type": "tax_rate_details",
                    "tax_rate_details": {"tax_rate": "txr_vat_fr"},
                }
            ]
            if tax
            else []
        )
        invoice = self._add(
            "invoices", "in", "invoice", at,
            {
                "customer": customer, "customer_email": who["email"], "customer_name": who["name"], "currency": currency,
                "number": f"HL{customer[-4:].upper()}-{self._number:04d}", "status": "paid" if paid else "open", "billing_reason": reason,
                "collection_method": "charge_automatically", "subtotal": subtotal, "total": total, "total_excluding_tax": subtotal,
                "amount_due": total, "amount_paid": total if paid else 0, "amount_remaining": 0 if paid else total, "attempted": True,
                "attempt_count": 1, "auto_advance": not paid, "next_payment_attempt": None if paid else at + 3 * 86_400, "total_taxes": taxes,
                "automatic_tax": {"enabled": bool(tax), "status": "complete" if tax else None}, "period_start": at - MONTH_S, "period_end": at,
                "parent": {"type": "subscription_details", "subscription_details": {"subscription": subscription["id"], "metadata": {}}},
                "lines": {"object": "list", "has_more": False, "url": "/v1/invoices/lines", "data": list(lines)},
                "hosted_invoice_url": f"https://invoice.stripe.example/i/{token(self.rng, 12)}",
            },
        )  # fmt: skip
        subscription["latest_invoice"] = invoice["id"]
        charge = self.charge(customer, total, currency, at + 61, reason.replace("_", " ").capitalize(), decline=decline)
        self._add(
            "invoice_payments", "inpay", "invoice_payment", at + 61,
            {
                "invoice": invoice["id"], "amount_paid": total if paid else None, "amount_requested": total, "currency": currency,
                "is_default": True, "status": "paid" if paid else "open",
                "payment": {"type": "payment_intent", "payment_intent": charge["payment_intent"]},
                "status_transitions": {"canceled_at": None, "paid_at": at + 62 if paid else None},
            },
        )  # fmt: skip
        self.event("invoice.paid" if paid else "invoice.payment_failed", invoice, at + 65, None)
        return invoice

    def card(self) -> Json:
        return {
            "brand": "visa", "last4": f"{int(self.rng.integers(1000, 9999))}", "exp_month": 4, "exp_year": 2029,
            "fingerprint": token(self.rng, 16),
        }  # fmt: skip

    def charge(
        self, customer: str, amount: int, currency: str, at: int, description: str, *,
        metadata: Mapping[str, str] | None = None, card: Json | None = None, decline: str = "",
    ) -> Json:  # fmt: skip
        """A charge with its payment intent, balance transaction and event."""
        ids = f"pi_{token(self.rng, 18)}", f"ch_{token(self.rng, 18)}", f"txn_{token(self.rng, 16)}"
        code, decline_code, message = _DECLINES.get(decline, (None, None, None))
        problem = (
            {"type": "card_error", "code": code, "decline_code": decline_code, "message": message} if decline else None
        )
        ok = not decline
        self._add(
            "payment_intents", "pi", "payment_intent", at,
            {
                "amount": amount, "amount_received": amount if ok else 0, "currency": currency, "customer": customer, "latest_charge": ids[1],
                "status": "succeeded" if ok else "requires_payment_method", "description": description, "last_payment_error": problem,
                "payment_method": f"pm_{token(self.rng, 16)}", "metadata": dict(metadata or {}),
            },
            id_=ids[0],
        )  # fmt: skip
        outcome = {
            "network_status": "approved_by_network" if ok else "declined_by_network", "reason": decline_code, "risk_level": "normal",
            "type": "authorized" if ok else "issuer_declined",
            "seller_message": "Payment complete." if ok else "The bank declined the payment.",
        }  # fmt: skip
        charge = self._add(
            "charges", "ch", "charge", at + 1,
            {
                "amount": amount, "amount_captured": amount if ok else 0, "amount_refunded": 0, "currency": currency, "customer": customer,
                "status": "succeeded" if ok else "failed", "paid": ok, "captured": ok, "refunded": False, "disputed": False,
                "description": description, "payment_intent": ids[0], "balance_transaction": ids[2] if ok else None,
                "failure_code": code, "failure_message": message, "outcome": outcome, "metadata": dict(metadata or {}),
                "payment_method_details": {"type": "card", "card": card or self.card()},
                "billing_details": {"email": None, "name": None}, "statement_descriptor_suffix": None,
            },
            id_=ids[1],
        )  # fmt: skip
        if ok:
            self._money(ids[2], ids[1], "charge", amount, currency, at + 1)
        self.event("charge.succeeded" if ok else "charge.failed", charge, at + 2, None)
        return charge

    def _money(self, id_: str, source: str, kind: str, amount: int, currency: str, at: int) -> None:
        fee = max(int(amount * 0.029), 0)
        self._add(
            "balance_transactions", "txn", "balance_transaction", at,
            {
                "amount": amount, "fee": fee, "net": amount - fee, "currency": currency, "source": source, "type": kind, "status": "available",
                "available_on": at + 2 * 86_400,
            },
            id_=id_,
        )  # fmt: skip

    def refund(self, charge: Json, amount: int, at: int, status: str) -> Json:
        refund = self._add(
            "refunds", "re", "refund", at,
            {
                "amount": amount, "currency": charge["currency"], "charge": charge["id"], "payment_intent": charge["payment_intent"],
                "status": status, "reason": "requested_by_customer", "failure_reason": None,
                "destination_details": {"type": "card", "card": {"type": "refund", "reference_status": "pending", "reference_type": "acquirer_reference_number"}},
            },
        )  # fmt: skip
        charge["amount_refunded"] = amount
        charge["refunded"] = amount == charge["amount"]
        self.event("charge.refunded", charge, at + 2, None)
        return refund

    def dispute(self, charge: Json, at: int) -> Json:
        dispute = self._add(
            "disputes", "dp", "dispute", at,
            {
                "amount": charge["amount"], "currency": charge["currency"], "charge": charge["id"], "payment_intent": charge["payment_intent"],
                "reason": "unrecognized", "status": "needs_response", "is_charge_refundable": False,
                "evidence_details": {"due_by": at + 9 * 86_400, "has_evidence": False, "past_due": False, "submission_count": 0},
            },
        )  # fmt: skip
        charge["disputed"] = True
        self.event("charge.dispute.created", dispute, at + 2, None)
        return dispute

    def event(self, kind: str, about: Json, at: int, before: Json | None) -> Json:
        data: Json = {"object": copy.deepcopy(about)}
        if before is not None:
            data["previous_attributes"] = copy.deepcopy(before)
        return self._add(
            "events", "evt", "event", at,
            {
                "type": kind, "api_version": API_VERSION, "data": data, "pending_webhooks": 0,
                "request": {"id": f"req_{token(self.rng, 14)}", "idempotency_key": None},
            },
        )  # fmt: skip

    def own_endpoint(self, url: str) -> None:
        """The vendor's own webhook endpoint at Stripe (its signing secret is never shown by a list)."""
        self._add(
            "webhook_endpoints", "we", "webhook_endpoint", self._start,
            {"url": url, "status": "enabled", "enabled_events": ["*"], "api_version": API_VERSION, "description": None, "application": None},
        )  # fmt: skip
