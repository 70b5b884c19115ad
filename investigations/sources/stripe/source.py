"""What Stripe tells about a customer: plan, invoices with their lines, payments, refunds, disputes, what changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from investigations.sources.base import Operation, Scope, SourceRefused
from investigations.sources.http import (
    CredentialRefused,
    Found,
    HTTPSession,
    HTTPSource,
    Identity,
    ObjectUnknown,
    Params,
    together,
)
from investigations.sources.stripe import payments, shapes
from investigations.sources.stripe.basics import newest
from investigations.sources.stripe.billing import Ledger, collect
from investigations.sources.stripe.client import API_VERSION, CONCURRENCY, SOURCE, TITLE, StripeReader, open_stripe

#: How far back payments and events are read when the playbook names no time. Stripe keeps events for 30 days.
LOOKBACK = timedelta(days=120)


class _Handle(Params):
    """Who the customer is; the first that is given decides."""

    stripe_customer: str = Field(default="", max_length=255)
    org_id: str = Field(default="", max_length=255)
    email: str = Field(default="", max_length=320)

    @model_validator(mode="after")
    def _some_handle(self) -> _Handle:
        if not (self.stripe_customer or self.org_id or self.email):
            raise ValueError("give the customer's Stripe id, organisation id or e-mail")
        return self


class CustomerParams(_Handle):
    pass


class BillingParams(_Handle):
    #: The same as `stripe_customer`.
    customer: str = Field(default="", max_length=255)
    since: AwareDatetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("customer") and not data.get("stripe_customer"):
            return {**data, "stripe_customer": data["customer"]}
        return data


_CUSTOMER = """{id, created, url, metadata, name, email (domain only), deleted, currency,
  balance (minor units, negative = credit), delinquent, tax_exempt ("none" | "exempt" | "reverse"),
  address: {country, state, city, postal_code} or null, livemode}"""
_BILLING = f"""Every object has id, created, url (dashboard), metadata. Amounts are integers in minor units, times ISO
8601. Lists are newest first. A part that could not be read is null and named in gaps. customer is null and every list
empty when Stripe knows no such customer.
{{"customer": {_CUSTOMER},
"subscriptions": [{{status, currency, collection_method, start_date, billing_cycle_anchor, trial_start, trial_end,
  cancel_at, cancel_at_period_end, canceled_at, ended_at, cancellation_reason, pause_collection, latest_invoice,
  items: [{{id, price, product, product_name, plan (price or product metadata `plan`, else nickname), nickname,
    unit_amount, currency, interval, interval_count, usage_type ("licensed" | "metered"), billing_scheme,
    tiers: [{{up_to, unit_amount, unit_amount_decimal, flat_amount}}], metadata (of product and price; price wins),
    quantity, created, current_period_start, current_period_end, item_metadata}}]}}],
"invoices": [{{number, status, currency, billing_reason, collection_method, subtotal, total, total_excluding_tax,
  amount_due, amount_paid, amount_remaining, attempted, attempt_count, customer_tax_exempt, starting_balance,
  ending_balance, pre_payment_credit_notes_amount, post_payment_credit_notes_amount, description, subscription,
  next_payment_attempt, due_date, period_start, period_end, finalized_at, paid_at, voided_at,
  last_finalization_error, tax (sum), taxes: [{{amount, taxable_amount, tax_behavior, type}}], automatic_tax,
  discount_amount, customer_country, hosted_url, lines_truncated,
  lines: [{{id, amount, currency, description, quantity, proration, period_start, period_end, price, product, plan,
    usage_type, unit_amount_decimal, subscription, subscription_item, discount_amount, tax, metadata}}],
  payments: [{{id, status, amount_paid, amount_requested, currency, payment_intent, charge, paid_at}}]}}],
"charges": [{{amount, amount_captured, amount_refunded, currency, status, paid, captured, refunded, disputed,
  failure_code, failure_message, decline_code, description, payment_intent, balance_transaction,
  outcome: {{type, reason, network_status, risk_level, seller_message, advice_code, network_advice_code,
    network_decline_code}} or null,
  method, card_brand, card_last4, card_expires, card_country, fingerprint, statement_descriptor}}],
"payment_intents": [{{amount, amount_received, currency, status, description, latest_charge, canceled_at,
  cancellation_reason, last_payment_error: {{code, decline_code, type, message, charge, advice_code,
    network_decline_code, network_advice_code}} or null}}],
"refunds": [{{amount, currency, status, reason, failure_reason, pending_reason, charge, payment_intent,
  balance_transaction, destination, reference_status, reference}}],
"disputes": [{{amount, currency, status, reason, charge, payment_intent, is_charge_refundable, network_reason_code,
  due_by, evidence_details: {{due_by, has_evidence, past_due, submission_count}}}}],
"credit_notes": [{{number, amount, total, subtotal, currency, status, reason, type, invoice, refund, memo}}],
"events": [{{type, object_id, object_type, object (as above; invoices without lines and payments),
  previous_attributes (subscription items as in items), request_id, is_automatic, pending_webhooks}}],
"gaps": [{{resource, kind, message}}]}}"""

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            name="customer",
            title="Who the customer is in Stripe",
            params=CustomerParams,
            returns=f'{{"customers": [{_CUSTOMER}] at most 10, "matched_by": "id" | "metadata" | "email"}}',
        ),
        Operation(
            name="billing",
            title="Subscriptions, invoices, payments and what changed",
            params=BillingParams,
            returns=_BILLING,
        ),
    )
}


class StripeSession(HTTPSession[StripeReader]):
    source, title, operations = SOURCE, TITLE, OPERATIONS

    async def _ask(self, operation: str, params: BaseModel) -> Found:
        if isinstance(params, CustomerParams):
            return await self._customer(params)
        assert isinstance(params, BillingParams)  # noqa: S101  # the operations above are all there are
        return await self._billing(params)

    async def _customer(self, params: CustomerParams) -> Found:
        raws, matched_by = await self._find(params)
        found = [shapes.customer(raw) for raw in raws]
        return Found(
            data={"customers": found, "matched_by": matched_by},
            newest_at=newest(found),
            url=found[0]["url"] if found else "",
        )

    async def _find(self, handle: _Handle) -> tuple[list[dict[str, Any]], str]:
        """Customers by the first handle that is given, newest first; nothing created after the run's clock."""
        if handle.stripe_customer:
            try:
                raws = [await self.client.one(self.client.v1.customers.retrieve_async, handle.stripe_customer)]
            except ObjectUnknown:
                raws = []
            return raws, "id"
        if handle.org_id:
            key = self.context.profile.stripe.customer_metadata_key
            query = f"metadata['{_quoted(key)}']:'{_quoted(handle.org_id)}'"
            raws, matched_by = await self.client.search(self.client.v1.customers.search_async, query), "metadata"
        else:
            raws, matched_by = await self._by_email(handle.email), "email"
        last = self.context.as_of.timestamp()
        raws = [raw for raw in raws if (raw.get("created") or 0) <= last]
        return sorted(raws, key=lambda raw: raw.get("created") or 0, reverse=True)[:10], matched_by

    async def _by_email(self, email: str) -> list[dict[str, Any]]:
        """The list is exact and fresh, but tells capitals apart; the search does not, and may be a minute behind."""
        v1 = self.client.v1
        listed, searched = await together(
            self.client.many(v1.customers.list_async, email=email),
            self._searched(f"email:'{_quoted(email)}'"),
        )
        return list({raw["id"]: raw for raw in [*listed[0], *searched]}.values())

    async def _searched(self, query: str) -> list[dict[str, Any]]:
        try:
            return await self.client.search(self.client.v1.customers.search_async, query)
        except ObjectUnknown:
            return []  # some accounts have no search

    async def _billing(self, params: BillingParams) -> Found:
        until = self.context.as_of
        since = params.since or until - LOOKBACK
        found = Found(data={})
        if params.stripe_customer:
            # The id is known: who it is and what it did are asked at the same time.
            (raws, _), ledger = await together(
                self._find(params), self._collect(params.stripe_customer, since=since, until=until)
            )
        else:
            raws, matched_by = await self._find(params)
            if len(raws) > 1:
                found.cut.append(f"{len(raws)} Stripe customers match by {matched_by}; the newest was read")
            ledger = await self._collect(raws[0]["id"], since=since, until=until) if raws else None
        if not raws or ledger is None:
            kinds = ("subscriptions", "invoices", "charges", "payment_intents", "refunds", "disputes")
            found.data = {"customer": None, **{kind: [] for kind in (*kinds, "credit_notes", "events")}, "gaps": []}
            return found
        customer = shapes.customer(raws[0])
        found.url = customer["url"]
        found.cut += ledger.cut
        found.data = {"customer": customer, **_shaped(ledger), "gaps": ledger.gaps}
        times = [newest(found.data[kind] or []) for kind in ("events", "charges", "invoices")]
        found.newest_at = max((at for at in times if at), default=None)
        return found

    async def _collect(self, customer_id: str, *, since: datetime, until: datetime) -> Ledger | None:
        try:
            return await collect(self.client, customer_id, since=since, until=until)
        except ObjectUnknown:
            return None  # Stripe refuses lists of a customer it does not know

    async def _identify(self) -> Identity:
        """Who the key is, and what it may read. Whether it may write is told by its kind: nothing is ever written."""
        v1 = self.client.v1
        names = (
            "customers",
            "subscriptions",
            "invoices",
            "charges",
            "payment_intents",
            "refunds",
            "disputes",
            "events",
        )
        tried = await together(*(self._may_read(getattr(v1, name).list_async) for name in names))
        refused = [name for name, error in zip(names, tried, strict=True) if error]
        if len(refused) == len(names):
            raise SourceRefused(SOURCE, tried[0] or "Stripe refused the key")
        kind = self.config.secret.partition("_")[0]
        mode = "test mode" if "_test_" in self.config.secret else "live mode"
        warnings = []
        if kind != "rk":
            warnings.append(
                "This is not a restricted key, so it can also write: create a restricted key (rk_…) with read access "
                "to customers, subscriptions, invoices, charges, payment intents, refunds, disputes and events."
            )
        if refused:
            warnings.append(f"This key cannot read {', '.join(refused)}: the billing check will have gaps.")
        scopes = tuple(Scope(f"{name}: read") for name in names if name not in refused)
        return Identity(
            message=f"Reads {len(names) - len(refused)} of {len(names)} kinds of records ({mode})",
            identity={"rk": "restricted key", "sk": "secret key"}.get(kind, "key")
            + f" ending in {self.config.secret[-4:]}",
            scopes=scopes if kind == "rk" else (*scopes, Scope("everything else", writes=True)),
            warnings=tuple(warnings),
            details={"api_version": API_VERSION, "mode": mode},
        )

    async def _may_read(self, ask: Any) -> str:
        """ "" when allowed, else why not. Anything but a missing permission is raised."""
        try:
            await self.client.many(ask, limit=1)
        except CredentialRefused:
            raise
        except SourceRefused as error:
            return error.message
        return ""


def _shaped(ledger: Ledger) -> dict[str, Any]:
    prices = ledger.prices
    makers: dict[str, Any] = {
        "subscriptions": lambda raw: shapes.subscription(raw, prices),
        "invoices": lambda raw: shapes.invoice(raw, prices),
        "charges": payments.charge,
        "payment_intents": payments.payment_intent,
        "refunds": payments.refund,
        "disputes": payments.dispute,
        "credit_notes": shapes.credit_note,
        "events": lambda raw: shapes.event(raw, prices),
    }
    shaped: dict[str, Any] = {}
    for kind, make in makers.items():
        found = ledger.parts.get(kind)
        ordered = sorted(found or [], key=lambda raw: (raw.get("created") or 0, str(raw["id"])), reverse=True)
        shaped[kind] = None if found is None else [make(raw) for raw in ordered]
    return shaped


def _quoted(text: str) -> str:
    """A value inside a search query's single quotes."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


class StripeSource(HTTPSource):
    name, title, concurrency = SOURCE, TITLE, CONCURRENCY
    session = StripeSession
    client = staticmethod(open_stripe)
