"""Billing at Harborline: subscriptions, invoices, charges and what went wrong with some, in Stripe's shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from altor.demo.world.company import PLANS, VENDOR, Customer
from altor.demo.world.stripe_objects import Maker

if TYPE_CHECKING:
    from altor.demo.world.build import World

Json = dict[str, Any]
MONTH_S: Final = 30 * 86_400
CYCLES: Final = 4  # invoices of the usual cycle that each customer has
INCLUDED_SHARE: Final = 0.35  # a plan includes this share of what its rate limit would allow in a month
#: Plans after a change: what the subscription moved to.
_DOWNGRADES: Final = {"downgrade-lumenridge": "Starter", "downgrade-jadeharbor": "Growth"}
_UPGRADES: Final = {"proration-willowbyte": "Enterprise", "proration-kestrelair": "Scale"}


@dataclass
class Billing:
    """Lists of Stripe objects by resource, newest first, and the ids that are the answer to each incident."""

    lists: dict[str, list[Json]]
    culprits: dict[str, tuple[str, ...]]
    current_plan: dict[str, str] = field(default_factory=dict)  # slug -> plan now


def build_billing(world: World) -> Billing:
    return _Builder(world).build()


class _Builder:
    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = np.random.default_rng([world.seed, 81])
        self.make = Maker(self.rng, world.anchor)
        self.culprits: dict[str, tuple[str, ...]] = {}
        self.current_plan: dict[str, str] = {}
        self.incidents = {i.key: i for i in world.incidents}
        self._cases: dict[str, Callable[[str, Customer, int, Json], None]] = {
            "bill.duplicate_charge": self._duplicate,
            "bill.proration": self._proration,
            "bill.dispute": self._dispute,
            "bill.refund_pending": self._refund,
            "bill.double_subscription": self._second_subscription,
            "rl.plan_downgrade": self._downgrade,
        }

    def build(self) -> Billing:
        for plan in PLANS.values():
            included = int(plan.requests_per_minute * 60 * 24 * 30 * INCLUDED_SHARE)
            self.make.plan(VENDOR, plan.name, plan.unit_amount, plan.requests_per_minute, included)
        for customer in self.world.customers:
            self._customer(customer)
        self.make.own_endpoint(f"https://billing.{VENDOR.lower()}.example/stripe")
        for items in self.make.lists.values():
            items.sort(key=lambda item: item["created"], reverse=True)
        return Billing(self.make.lists, self.culprits, self.current_plan)

    def _customer(self, customer: Customer) -> None:
        mine = [i for i in self.world.incidents if i.said and i.said[0].customer == customer.slug]
        cycle = next((i for i in mine if i.label in _CYCLE_LABELS), None)
        last = self._seconds(self.world.at(cycle.start_h)) if cycle else self._usual_cycle(customer)
        started = last - MONTH_S * int(self.rng.integers(6, 14))
        self.current_plan[customer.slug] = customer.plan
        record = self.make.customer(
            customer.stripe_id, customer.name, f"billing@{customer.domain}", customer.org_id, started
        )
        subscription = self.make.subscription(customer.stripe_id, customer.plan, started, last)
        for months in range(CYCLES - 1, 0, -1):
            self._paid_cycle(customer, subscription, last - months * MONTH_S)
        if cycle is None or cycle.label == "none.no_anomaly":
            self._paid_cycle(customer, subscription, last)
        else:
            self._odd_cycle(cycle.key, cycle.label, customer, record, subscription, last)
        for incident in mine:
            if (case := self._cases.get(incident.label)) is not None:
                case(incident.key, customer, self._seconds(self.world.at(incident.start_h)), subscription)
        record["currency"] = subscription["currency"]

    def _seconds(self, at: datetime) -> int:
        return int(at.timestamp())

    def _usual_cycle(self, customer: Customer) -> int:
        return self._seconds(self.world.anchor) - int(self.rng.uniform(7.0, 26.0) * 86_400)

    def _paid_cycle(
        self, customer: Customer, subscription: Json, at: int, *, extra: Sequence[Json] = (), **options: Any
    ) -> Json:
        price = self.make.price_of(subscription)
        lines = [
            self.make.line(
                f"1 × {VENDOR} {price['nickname']}", price["unit_amount"], price, subscription, at, at + MONTH_S
            ),
            *extra,
        ]
        return self.make.invoice(customer.stripe_id, subscription, at, lines, "subscription_cycle", **options)

    def _odd_cycle(self, key: str, label: str, customer: Customer, record: Json, subscription: Json, at: int) -> None:
        """The last renewal, as the incident made it."""
        if label == "bill.payment_failed":
            code = "expired_card" if self.rng.random() < 0.4 else "insufficient_funds"
            invoice = self._paid_cycle(customer, subscription, at, decline=code)
            subscription["status"] = "past_due"
            record["delinquent"] = True
            self.make.event("customer.subscription.updated", subscription, at + 65, {"status": "active"})
        elif label == "bill.tax_change":
            record["address"] = {
                "city": "Lyon",
                "country": "FR",
                "line1": "12 rue des Docks",
                "line2": None,
                "postal_code": "69002",
                "state": None,
            }
            self.make.event("customer.updated", record, at - 5 * 86_400, {"address": {"country": "US"}})
            invoice = self._paid_cycle(customer, subscription, at, tax_percent=20.0)
        elif label == "bill.currency":
            subscription["currency"] = "eur"
            subscription["items"]["data"][0]["price"] = self.make.price(customer.plan, "eur")
            self.make.event("customer.subscription.updated", subscription, at - 86_400, {"currency": "usd"})
            invoice = self._paid_cycle(customer, subscription, at)
        else:  # bill.overage_valid
            plan = PLANS[customer.plan]
            included = plan.requests_per_minute * 60 * 24 * 30 * INCLUDED_SHARE
            thousands = int(included * 0.34 / 1000)
            overage = self.make.line(
                f"{thousands} × 1,000 additional requests", int(thousands * 0.4), self.make.price("Additional requests"), subscription, at - MONTH_S, at,
                quantity=thousands,
            )  # fmt: skip
            invoice = self._paid_cycle(customer, subscription, at, extra=[overage])
        self.culprits[key] = (invoice["id"],)

    def _duplicate(self, key: str, customer: Customer, at: int, subscription: Json) -> None:
        order = f"HL-{int(self.rng.integers(20_000, 99_000))}"
        amount = int(self.rng.integers(60, 900)) * 100 + 45
        card = self.make.card()
        for seconds in (0, int(self.rng.integers(25, 240))):
            charge = self.make.charge(
                customer.stripe_id,
                amount,
                "usd",
                at + seconds,
                f"Label credit top-up, order {order}",
                metadata={"order_id": order},
                card=card,
            )
        self.culprits[key] = (charge["id"],)

    def _proration(self, key: str, customer: Customer, at: int, subscription: Json) -> None:
        old, new = self.make.price_of(subscription), self.make.price(_UPGRADES[key])
        item = subscription["items"]["data"][0]
        end = item["current_period_end"]
        share = max(end - at, 0) / MONTH_S
        lines = [
            self.make.line(
                f"Unused time on {VENDOR} {old['nickname']}",
                -int(old["unit_amount"] * share),
                old,
                subscription,
                at,
                end,
                proration=True,
            ),
            self.make.line(
                f"Remaining time on {VENDOR} {new['nickname']}",
                int(new["unit_amount"] * share),
                new,
                subscription,
                at,
                end,
                proration=True,
            ),
        ]
        item["price"] = new
        self.current_plan[customer.slug] = _UPGRADES[key]
        self.make.event(
            "customer.subscription.updated", subscription, at, {"items": {"data": [{"id": item["id"], "price": old}]}}
        )
        invoice = self.make.invoice(customer.stripe_id, subscription, at, lines, "subscription_update")
        self.culprits[key] = (invoice["id"],)

    def _downgrade(self, key: str, customer: Customer, at: int, subscription: Json) -> None:
        old, new = self.make.price_of(subscription), self.make.price(_DOWNGRADES[key])
        item = subscription["items"]["data"][0]
        item["price"] = new
        self.current_plan[customer.slug] = _DOWNGRADES[key]
        event = self.make.event(
            "customer.subscription.updated", subscription, at, {"items": {"data": [{"id": item["id"], "price": old}]}}
        )
        self.culprits[key] = (event["id"], subscription["id"])

    def _dispute(self, key: str, customer: Customer, at: int, subscription: Json) -> None:
        charge = self._latest_charge(customer, at)
        dispute = self.make.dispute(charge, at)
        self.culprits[key] = (dispute["id"],)

    def _refund(self, key: str, customer: Customer, at: int, subscription: Json) -> None:
        charge = self._latest_charge(customer, at)
        refund = self.make.refund(charge, charge["amount"] // 2, at, "pending")
        self.culprits[key] = (refund["id"],)

    def _second_subscription(self, key: str, customer: Customer, at: int, subscription: Json) -> None:
        second = self.make.subscription(customer.stripe_id, customer.plan, at, at)
        price = self.make.price_of(second)
        lines = [
            self.make.line(f"1 × {VENDOR} {price['nickname']}", price["unit_amount"], price, second, at, at + MONTH_S)
        ]
        self.make.invoice(customer.stripe_id, second, at, lines, "subscription_create")
        self.make.event("customer.subscription.created", second, at, None)
        self.culprits[key] = (second["id"],)

    def _latest_charge(self, customer: Customer, before: int) -> Json:
        mine = [c for c in self.make.lists["charges"] if c["customer"] == customer.stripe_id and c["created"] < before]
        return max(mine, key=lambda charge: int(charge["created"]))


_CYCLE_LABELS: Final = frozenset({"bill.payment_failed", "bill.tax_change", "bill.currency", "bill.overage_valid"})
