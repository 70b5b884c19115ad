"""Everything about one customer's money, in at most three dependent calls: who, what happened, and its details."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from altor.outbound import OutboundError
from investigations.sources.base import SourceError, SourceRefused
from investigations.sources.http import as_source_error, together
from investigations.sources.stripe.basics import ref
from investigations.sources.stripe.client import SOURCE, TITLE, StripeReader

Raw = Mapping[str, Any]

#: Events that tell what changed. Payments and invoices that went well are read as objects, not as events.
EVENT_TYPES = (
    "customer.updated", "customer.tax_id.created", "customer.tax_id.deleted",
    "customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
    "customer.subscription.paused", "customer.subscription.resumed", "customer.subscription.trial_will_end",
    "invoice.payment_failed", "invoice.payment_action_required", "invoice.finalization_failed", "invoice.voided",
    "charge.failed", "charge.refunded", "refund.updated", "refund.failed",
    "charge.dispute.created", "charge.dispute.closed", "charge.dispute.updated",
)  # fmt: skip
#: Without these nothing can be said about billing; any other part may be missing, which is then named.
_NEEDED = ("subscriptions", "invoices", "charges")
_EVENT_PAGES, _MAX_PRICES, _MAX_CHARGES = 2, 10, 5


@dataclass(slots=True)
class Ledger:
    """Raw objects by kind while they are collected; a kind that could not be read is None."""

    parts: dict[str, list[Raw] | None] = field(default_factory=dict)
    prices: dict[str, Raw] = field(default_factory=dict)
    gaps: list[dict[str, str]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    def get(self, kind: str) -> list[Raw]:
        return self.parts.get(kind) or []


async def collect(reader: StripeReader, customer_id: str, *, since: datetime, until: datetime) -> Ledger:
    """`since` bounds payments and events; of invoices and subscriptions the newest are read, whatever their age."""
    ledger = Ledger()
    await _first_wave(reader, ledger, customer_id, since, until)
    _keep_own(ledger, customer_id, until)
    await _second_wave(reader, ledger, customer_id)
    _drop_later(ledger, until)
    return ledger


async def _first_wave(reader: StripeReader, ledger: Ledger, customer_id: str, since: datetime, until: datetime) -> None:
    v1 = reader.v1
    created = {"gte": int(since.timestamp()), "lte": int(until.timestamp())}
    mine: dict[str, Any] = {"customer": customer_id}
    before: dict[str, Any] = {"created": {"lte": created["lte"]}}
    asked: dict[str, Awaitable[tuple[list[dict[str, Any]], bool]]] = {
        "subscriptions": reader.many(v1.subscriptions.list_async, **mine, status="all"),
        "invoices": reader.many(v1.invoices.list_async, **mine, **before, expand=["data.payments"]),
        "charges": reader.many(v1.charges.list_async, **mine, created=created),
        "payment_intents": reader.many(v1.payment_intents.list_async, **mine, created=created),
        # No customer filter exists for these three: read account-wide and kept by customer.
        "refunds": reader.many(v1.refunds.list_async, created=created),
        "disputes": reader.many(v1.disputes.list_async, created=created),
        "events": reader.many(v1.events.list_async, pages=_EVENT_PAGES, types=list(EVENT_TYPES), created=created),
    }
    answers = await together(*(_tolerant(ledger, kind, each) for kind, each in asked.items()))
    for kind, answer in zip(asked, answers, strict=True):
        ledger.parts[kind] = None if answer is None else list(answer[0])
        if answer is None or not answer[1]:
            continue
        if kind in ("refunds", "disputes"):
            continue  # the second wave asks for this customer's charges one by one
        whose = "account's " if kind == "events" else ""
        ledger.cut.append(f"only the newest {len(answer[0])} of the {whose}{kind.replace('_', ' ')} were read")


async def _tolerant(
    ledger: Ledger, kind: str, asked: Awaitable[tuple[list[dict[str, Any]], bool]]
) -> tuple[list[dict[str, Any]], bool] | None:
    """None, and a gap, when a part that is not needed could not be read (a restricted key, a fault of one endpoint)."""
    try:
        return await asked
    except (SourceError, OutboundError) as error:
        if kind in _NEEDED:
            raise
        fault = error if isinstance(error, SourceError) else as_source_error(SOURCE, TITLE, error)
        ledger.gaps.append({"resource": kind, "kind": fault.kind, "message": fault.message})
        ledger.cut.append(f"{kind.replace('_', ' ')} could not be read")
        return None


def _keep_own(ledger: Ledger, customer_id: str, until: datetime) -> None:
    """Refunds, disputes and events of this customer only."""
    charges = {str(each["id"]) for each in ledger.get("charges")}
    intents = {str(each["id"]) for each in ledger.get("payment_intents")}
    for kind in ("refunds", "disputes"):
        if ledger.parts.get(kind) is not None:
            ledger.parts[kind] = [
                each
                for each in ledger.get(kind)
                if ref(each.get("charge")) in charges or ref(each.get("payment_intent")) in intents
            ]
    if ledger.parts.get("events") is not None:
        own = {customer_id, *charges, *intents, *(str(each["id"]) for each in ledger.get("refunds"))}
        ledger.parts["events"] = [each for each in ledger.get("events") if _concerns(each, customer_id, own)]


def _concerns(event: Raw, customer_id: str, own: set[str]) -> bool:
    subject = (event.get("data") or {}).get("object") or {}
    if ref(subject.get("customer")) == customer_id or subject.get("id") in own:
        return True
    return bool({ref(subject.get(key)) for key in ("charge", "payment_intent")} & own)


async def _second_wave(reader: StripeReader, ledger: Ledger, customer_id: str) -> None:
    v1 = reader.v1
    work: list[Awaitable[None]] = [_read_price(reader, ledger, price) for price in _price_ids(ledger)]
    known = {ref(each.get("charge")) for kind in ("refunds", "disputes") for each in ledger.get(kind)}
    refunded = [c for c in ledger.get("charges") if c.get("amount_refunded") and c["id"] not in known]
    disputed = [c for c in ledger.get("charges") if c.get("disputed") and c["id"] not in known]
    for kind, charges, ask in (
        ("refunds", refunded, v1.refunds.list_async),
        ("disputes", disputed, v1.disputes.list_async),
    ):
        if len(charges) > _MAX_CHARGES:
            ledger.cut.append(f"{kind} of the newest {_MAX_CHARGES} charges only were read")
        if ledger.parts.get(kind) is not None:
            work += [_read_of_charge(reader, ledger, kind, ask, str(c["id"])) for c in charges[:_MAX_CHARGES]]
    credited = ("pre_payment_credit_notes_amount", "post_payment_credit_notes_amount")
    if any(invoice.get(key) for invoice in ledger.get("invoices") for key in credited):
        work.append(_read_credit_notes(reader, ledger, customer_id))
    else:
        ledger.parts["credit_notes"] = []
    await together(*work)


def _price_ids(ledger: Ledger) -> list[str]:
    """Prices named by subscriptions, former subscription items and invoice lines, in that order, each once."""
    found: list[str] = []
    for subscription in ledger.get("subscriptions"):
        found += [_price_id(item) for item in (subscription.get("items") or {}).get("data") or []]
    for event in ledger.get("events"):
        former = ((event.get("data") or {}).get("previous_attributes") or {}).get("items") or {}
        found += [_price_id(item) for item in former.get("data") or []]
    for invoice in ledger.get("invoices")[:6]:
        for line in (invoice.get("lines") or {}).get("data") or []:
            details = (line.get("pricing") or {}).get("price_details") or {}
            found.append(ref(details.get("price")) or "")
    return [each for each in dict.fromkeys(found) if each][:_MAX_PRICES]


def _price_id(item: Raw) -> str:
    return ref(item.get("price") or item.get("plan")) or ""


async def _read_price(reader: StripeReader, ledger: Ledger, price_id: str) -> None:
    try:
        ledger.prices[price_id] = await reader.one(
            reader.v1.prices.retrieve_async, price_id, expand=["product", "tiers"]
        )
    except SourceRefused:
        return  # a price of another mode or without permission: what the item itself says must do
    except (SourceError, OutboundError):
        ledger.cut.append("details of prices could not be read")


async def _read_of_charge(
    reader: StripeReader, ledger: Ledger, kind: str, ask: Callable[..., Awaitable[Any]], charge_id: str
) -> None:
    answer = await _tolerant(ledger, kind, reader.many(ask, charge=charge_id))
    if answer is not None and ledger.parts.get(kind) is not None:
        ids = {each["id"] for each in ledger.get(kind)}
        ledger.parts[kind] = ledger.get(kind) + [each for each in answer[0] if each["id"] not in ids]


async def _read_credit_notes(reader: StripeReader, ledger: Ledger, customer_id: str) -> None:
    answer = await _tolerant(
        ledger, "credit_notes", reader.many(reader.v1.credit_notes.list_async, customer=customer_id)
    )
    ledger.parts["credit_notes"] = None if answer is None else list(answer[0])


def _drop_later(ledger: Ledger, until: datetime) -> None:
    """What was created after the run's clock was not there yet."""
    last = until.timestamp()
    for kind, found in ledger.parts.items():
        if found is not None:
            ledger.parts[kind] = [each for each in found if (each.get("created") or 0) <= last]
