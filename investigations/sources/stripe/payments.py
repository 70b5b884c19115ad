"""Payments in our compact shapes: charges, payment intents, refunds, disputes."""

from __future__ import annotations

from investigations.sources.http import cut_text
from investigations.sources.stripe.basics import Raw, Shape, head, ref, time


def charge(raw: Raw) -> Shape:
    method = raw.get("payment_method_details") or {}
    card = method.get("card") or {}
    outcome = raw.get("outcome") or {}
    keys = (
        "amount", "amount_captured", "amount_refunded", "currency", "status", "paid", "captured", "refunded",
        "disputed", "failure_code",
    )  # fmt: skip
    return (
        head(raw)
        | {key: raw.get(key) for key in keys}
        | {
            "description": cut_text(raw.get("description"), 300),
            "payment_intent": ref(raw.get("payment_intent")),
            "balance_transaction": ref(raw.get("balance_transaction")),
            "failure_message": cut_text(raw.get("failure_message"), 300),
            # The network's word for a decline sits in the outcome's reason unless the charge says it itself.
            "decline_code": raw.get("decline_code")
            or (outcome.get("reason") if raw.get("failure_code") else None)
            or raw.get("failure_code"),
            "outcome": {
                key: cut_text(outcome.get(key), 200) if outcome.get(key) is not None else None
                for key in ("type", "reason", "network_status", "risk_level", "seller_message",
                            "advice_code", "network_advice_code", "network_decline_code")
            } if outcome else None,
            "method": method.get("type"),
            "card_brand": card.get("brand"),
            "card_last4": card.get("last4"),
            "card_expires": f"{card['exp_year']}-{int(card['exp_month']):02d}" if card.get("exp_year") else None,
            "card_country": card.get("country"),
            "fingerprint": card.get("fingerprint"),
            "statement_descriptor": raw.get("calculated_statement_descriptor")
            or raw.get("statement_descriptor_suffix"),
        }
    )  # fmt: skip


def payment_intent(raw: Raw) -> Shape:
    error = raw.get("last_payment_error") or {}
    keys = ("code", "decline_code", "type", "advice_code", "network_decline_code", "network_advice_code")
    return head(raw) | {
        "amount": raw.get("amount"),
        "amount_received": raw.get("amount_received"),
        "currency": raw.get("currency"),
        "status": raw.get("status"),
        "description": cut_text(raw.get("description"), 300),
        "latest_charge": ref(raw.get("latest_charge")),
        "canceled_at": time(raw.get("canceled_at")),
        "cancellation_reason": raw.get("cancellation_reason"),
        "last_payment_error": {key: error.get(key) for key in keys}
        | {"message": cut_text(error.get("message"), 300), "charge": ref(error.get("charge"))}
        if error
        else None,
    }


def refund(raw: Raw) -> Shape:
    destination = raw.get("destination_details") or {}
    card = destination.get("card") or {}
    return head(raw) | {
        "amount": raw.get("amount"),
        "currency": raw.get("currency"),
        "status": raw.get("status"),
        "reason": raw.get("reason"),
        "failure_reason": raw.get("failure_reason"),
        "pending_reason": raw.get("pending_reason"),
        "charge": ref(raw.get("charge")),
        "payment_intent": ref(raw.get("payment_intent")),
        "balance_transaction": ref(raw.get("balance_transaction")),
        "destination": destination.get("type"),
        "reference_status": card.get("reference_status"),
        "reference": card.get("reference"),
    }


def dispute(raw: Raw) -> Shape:
    evidence = raw.get("evidence_details") or {}
    return head(raw) | {
        "amount": raw.get("amount"),
        "currency": raw.get("currency"),
        "status": raw.get("status"),
        "reason": raw.get("reason"),
        "charge": ref(raw.get("charge")),
        "payment_intent": ref(raw.get("payment_intent")),
        "is_charge_refundable": raw.get("is_charge_refundable"),
        "network_reason_code": raw.get("network_reason_code")
        or ((raw.get("payment_method_details") or {}).get("card") or {}).get("network_reason_code"),
        "due_by": time(evidence.get("due_by")),
        "evidence_details": {
            "due_by": time(evidence.get("due_by")),
            "has_evidence": evidence.get("has_evidence"),
            "past_due": evidence.get("past_due"),
            "submission_count": evidence.get("submission_count"),
        },
    }
