"""Stripe over its SDK: shapes, waves, gaps, and nothing but reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from investigations.sources.base import SourceLimited, SourceRefused, SourceUnavailable
from investigations.sources.stripe import basics, payments, shapes
from investigations.sources.stripe.source import _quoted
from tests.loopback import Answer, Asked, serving
from tests.sources.asking import AS_OF, ask, check, longest_chain

FIXTURES = json.loads((Path(__file__).parents[1] / "contracts" / "stripe-fixtures.json").read_text())
Objects = dict[str, list[dict[str, Any]]]


def ago(days: float) -> int:
    return int((AS_OF - timedelta(days=days)).timestamp())


def customer(**changes: Any) -> dict[str, Any]:
    return {
        "id": "cus_1", "object": "customer", "created": ago(300), "livemode": True, "metadata": {"org_id": "org_1"},
        "name": "Acme", "email": "billing@acme.com", "currency": "usd", "balance": 0, "delinquent": False,
        "tax_exempt": "none", "address": {"country": "DE", "line1": "Street 1"}, **changes,
    }  # fmt: skip


def price(price_id: str, plan: str, limit: int, amount: int = 9900) -> dict[str, Any]:
    return {
        "id": price_id, "object": "price", "created": ago(400), "currency": "usd", "unit_amount": amount,
        "nickname": plan,
        "product": {"id": "prod_1", "object": "product", "name": f"Acme {plan}", "metadata": {"a": "b"}},
        "metadata": {"rate_limit_per_minute": str(limit)},
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
    }  # fmt: skip


def listed(*data: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "has_more": False, "url": "/v1/x", "data": list(data)}


def subscription(price_id: str = "price_big", **changes: Any) -> dict[str, Any]:
    item = {
        "id": "si_1", "object": "subscription_item", "quantity": 1, "created": ago(200), "metadata": {},
        "price": {**price(price_id, "Big", 600), "product": "prod_1"},
        "current_period_start": ago(10), "current_period_end": ago(-20),
    }  # fmt: skip
    return {
        "id": "sub_1", "object": "subscription", "created": ago(200), "customer": "cus_1", "status": "active",
        "currency": "usd", "items": listed(item), "metadata": {}, "latest_invoice": "in_1",
        "cancel_at_period_end": False, **changes,
    }  # fmt: skip


def charge(charge_id: str, days: float, **changes: Any) -> dict[str, Any]:
    return {
        "id": charge_id, "object": "charge", "created": ago(days), "customer": "cus_1", "amount": 9900,
        "amount_refunded": 0, "currency": "usd", "status": "succeeded", "paid": True, "refunded": False,
        "disputed": False, "payment_intent": f"pi_{charge_id}", "livemode": True, "metadata": {"order_id": "o1"},
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242", "fingerprint": "fp",
                                                            "exp_month": 4, "exp_year": 2028}},
        "description": "Order for jo@acme.com", "outcome": {"type": "authorized", "reason": None}, **changes,
    }  # fmt: skip


class FakeStripe:
    """Lists with Stripe's filters, as far as the questions need them. Unknown parameters are refused, as by Stripe."""

    KNOWN = {
        "customers": {"email", "created"},
        "subscriptions": {"customer", "status"},
        "invoices": {"customer", "created"},
        "charges": {"customer", "created"},
        "payment_intents": {"customer", "created"},
        "refunds": {"charge", "created"},
        "disputes": {"charge", "created"},
        "events": {"types", "created"},
        "credit_notes": {"customer"},
    }

    def __init__(self, objects: Objects | None = None, refuse: dict[str, Answer] | None = None) -> None:
        self.objects: Objects = {kind: [] for kind in self.KNOWN} | {
            "customers": [customer()],
            "subscriptions": [subscription()],
            "prices": [price("price_big", "Big", 600), price("price_small", "Small", 60)],
        }
        self.objects |= objects or {}
        self.refuse = refuse or {}

    def __call__(self, asked: Asked) -> Answer:
        assert asked.method == "GET"
        assert asked.headers["stripe-version"] == "2026-10-28.endive"
        parts = asked.path.strip("/").split("/")[1:]
        kind = parts[0]
        if kind in self.refuse:
            return self.refuse[kind]
        if len(parts) == 2 and parts[1] == "search":
            wanted = asked.query["query"].lower()
            found = [
                c
                for c in self.objects[kind]
                if f"'{c['metadata'].get('org_id')}'" in wanted or f"'{c['email'].lower()}'" in wanted
            ]
            return Answer(200, {**listed(*found), "object": "search_result", "next_page": None})
        if len(parts) == 2:
            one = next((each for each in self.objects[kind] if each["id"] == parts[1]), None)
            missing = {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such"}}
            return Answer(200, one) if one else Answer(404, missing)
        return Answer(200, self._list(kind, asked))

    def _list(self, kind: str, asked: Asked) -> dict[str, Any]:
        query = {key: value for key, value in asked.query.items() if not key.startswith("expand")}
        limit = int(query.pop("limit", 10))
        after = query.pop("starting_after", None)
        assert {key.partition("[")[0] for key in query} <= self.KNOWN[kind], (kind, query)
        types = {value for key, value in query.items() if key.startswith("types")}
        found = [
            each
            for each in sorted(self.objects[kind], key=lambda each: -each["created"])
            if all(each.get(key) == query[key] for key in ("customer", "charge", "email") if key in query)
            and each["created"] >= int(query.get("created[gte]", 0))
            and each["created"] <= int(query.get("created[lte]", 10**12))
            and (not types or each["type"] in types)
        ]
        start = [each["id"] for each in found].index(after) + 1 if after else 0
        return {**listed(*found[start : start + limit]), "has_more": start + limit < len(found)}


def billing(objects: Objects | None = None, **kwargs: Any) -> dict[str, Any]:
    with serving(FakeStripe(objects)) as server:
        return dict(ask("stripe", server.url, "billing", {"customer": "cus_1"}, **kwargs).data)


def test_everything_about_a_customer_in_two_waves() -> None:
    def slow(behaviour: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
        def answer(asked: Asked) -> Answer:
            found = behaviour(asked)
            return Answer(found.status, found.body, found.headers, delay_s=0.15)

        return answer

    with serving(slow(FakeStripe({"charges": [charge("ch_1", 3)]}))) as server:
        by_id = ask("stripe", server.url, "billing", {"customer": "cus_1"})
        by_org = ask("stripe", server.url, "billing", {"org_id": "org_1"})
        assert {each.method for each in server.asked} == {"GET"}
    assert longest_chain(by_id) == 2
    assert longest_chain(by_org) == 3
    assert by_id.data == by_org.data
    assert not by_id.truncated
    json.dumps(by_id.data)


def test_a_subscription_tells_plan_and_quota() -> None:
    found = billing()["subscriptions"][0]
    assert found["items"][0]["plan"] == "Big"
    assert found["items"][0]["product_name"] == "Acme Big"
    assert found["items"][0]["metadata"] == {"a": "b", "rate_limit_per_minute": "600"}
    assert found["items"][0]["current_period_end"] > found["items"][0]["current_period_start"]
    assert found["url"] == "https://dashboard.stripe.com/subscriptions/sub_1"


def test_a_change_of_plan_tells_the_former_quota_too() -> None:
    former = {"id": "si_1", "price": {"id": "price_small", "nickname": "Small"}}
    event = {
        "id": "evt_1", "object": "event", "type": "customer.subscription.updated", "created": ago(1),
        "request": {"id": "req_1"}, "pending_webhooks": 0, "livemode": True,
        "data": {"object": subscription(), "previous_attributes": {"items": {"data": [former]}, "status": "trialing"}},
    }  # fmt: skip
    found = billing({"events": [event]})["events"][0]
    assert found["object"]["items"][0]["metadata"]["rate_limit_per_minute"] == "600"
    assert found["previous_attributes"]["items"][0]["metadata"]["rate_limit_per_minute"] == "60"
    assert found["previous_attributes"]["status"] == "trialing"
    assert found["object_id"] == "sub_1"
    assert not found["is_automatic"]


def test_events_refunds_and_disputes_of_other_customers_are_left_out() -> None:
    other = {"id": "evt_2", "object": "event", "type": "charge.failed", "created": ago(1), "request": {},
             "data": {"object": {**charge("ch_9", 1), "customer": "cus_2"}}}  # fmt: skip
    refunds = [
        {"id": f"re_{n}", "object": "refund", "created": ago(1), "charge": owner, "amount": 1, "status": "pending"}
        for n, owner in enumerate(("ch_1", "ch_9"))
    ]
    found = billing({"events": [other], "refunds": refunds, "charges": [charge("ch_1", 3)]})
    assert found["events"] == []
    assert [each["id"] for each in found["refunds"]] == ["re_0"]


def test_a_refund_older_than_the_window_of_others_is_asked_for_by_its_charge() -> None:
    refund = {
        "id": "re_1",
        "object": "refund",
        "created": ago(200),
        "charge": "ch_1",
        "amount": 9900,
        "status": "pending",
    }
    dispute = {"id": "dp_1", "object": "dispute", "created": ago(200), "charge": "ch_1", "amount": 9900,
               "status": "needs_response", "reason": "fraudulent", "evidence_details": {"due_by": ago(-5)}}  # fmt: skip
    old = charge("ch_1", 100, amount_refunded=9900, refunded=True, disputed=True)
    found = billing({"charges": [old], "refunds": [refund], "disputes": [dispute]})
    assert found["refunds"][0]["status"] == "pending"
    assert found["disputes"][0]["due_by"] == basics.time(ago(-5))


def test_a_decline_tells_its_code() -> None:
    intent = {
        "id": "pi_1", "object": "payment_intent", "created": ago(1), "customer": "cus_1", "amount": 9900,
        "currency": "usd", "status": "requires_payment_method", "latest_charge": "ch_1", "metadata": {},
        "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds", "type": "card_error",
                               "message": "Your card has insufficient funds."},
    }  # fmt: skip
    failed = charge("ch_1", 1, status="failed", failure_code="card_declined",
                    outcome={"type": "issuer_declined", "reason": "insufficient_funds"})  # fmt: skip
    found = billing({"payment_intents": [intent], "charges": [failed]})
    assert found["payment_intents"][0]["last_payment_error"]["decline_code"] == "insufficient_funds"
    assert found["charges"][0]["decline_code"] == "insufficient_funds"


def test_an_invoice_tells_lines_tax_and_payments_in_the_current_shape() -> None:
    line = {
        "id": "il_1", "amount": -500, "currency": "usd", "description": "Unused time", "quantity": 1,
        "period": {"start": ago(5), "end": ago(-5)}, "metadata": {},
        "pricing": {"price_details": {"price": "price_small", "product": "prod_1"}},
        "parent": {"type": "subscription_item_details",
                   "subscription_item_details": {"subscription": "sub_1", "proration": True}},
    }  # fmt: skip
    payment = {"id": "inpay_1", "status": "paid", "amount_paid": 100,
               "payment": {"type": "payment_intent", "payment_intent": "pi_1"}}  # fmt: skip
    invoice = {
        "id": "in_1", "object": "invoice", "created": ago(5), "customer": "cus_1", "currency": "usd", "status": "paid",
        "total": 119, "total_excluding_tax": 100, "total_taxes": [{"amount": 19, "taxable_amount": 100}],
        "parent": {"subscription_details": {"subscription": "sub_1"}}, "lines": {**listed(line), "has_more": True},
        "payments": listed(payment), "metadata": {}, "next_payment_attempt": ago(-3),
    }  # fmt: skip
    found = billing({"invoices": [invoice]})["invoices"][0]
    assert found["tax"] == 19
    assert found["subscription"] == "sub_1"
    assert found["payments"][0]["payment_intent"] == "pi_1"
    assert found["lines_truncated"]
    assert found["lines"][0]["proration"]
    assert found["lines"][0]["plan"] == "Small"
    assert found["next_payment_attempt"] == basics.time(ago(-3))


def test_nothing_after_the_clock_of_the_run_is_read() -> None:
    earlier = datetime(2026, 4, 25, tzinfo=UTC)
    charges = [charge("ch_old", 10), charge("ch_new", 3)]
    found = billing({"charges": charges}, as_of=earlier)
    assert [each["id"] for each in found["charges"]] == ["ch_old"]


def test_an_unknown_customer_is_told_as_unknown() -> None:
    with serving(FakeStripe()) as server:
        for handle in ({"customer": "cus_none"}, {"org_id": "org_none"}, {"email": "none@acme.com"}):
            found = ask("stripe", server.url, "billing", handle).data
            assert found["customer"] is None
            assert found["invoices"] == []


def test_personal_data_is_redacted_and_the_domain_kept() -> None:
    found = billing({"charges": [charge("ch_1", 1)]})
    assert found["customer"]["email"] == "[email]@acme.com"
    assert found["customer"]["address"] == {"country": "DE", "state": None, "city": None, "postal_code": None}
    assert found["charges"][0]["description"] == "Order for [email]@acme.com"
    assert found["charges"][0]["card_last4"] == "4242"


def test_a_secret_in_metadata_is_not_kept() -> None:
    found = billing({"customers": [customer(metadata={"org_id": "org_1", "api_key": "plain", "note": "jo@acme.com"})]})
    assert found["customer"]["metadata"] == {"org_id": "org_1", "api_key": "[redacted]", "note": "[email]@acme.com"}


def test_the_record_of_an_email_search_holds_no_email() -> None:
    with serving(FakeStripe()) as server:
        answer = ask("stripe", server.url, "customer", {"email": "billing@acme.com"})
    assert answer.data["matched_by"] == "email"
    assert "billing@" not in repr(answer.requests)


@pytest.mark.parametrize("part", ["refunds", "disputes", "events", "payment_intents"])
def test_a_part_that_may_not_be_read_is_a_gap_not_an_empty_list(part: str) -> None:
    refused = Answer(403, {"error": {"message": "The provided key does not have access"}})
    with serving(FakeStripe(refuse={part: refused})) as server:
        answer = ask("stripe", server.url, "billing", {"customer": "cus_1"})
    assert answer.data[part] is None
    assert answer.data["gaps"][0]["resource"] == part
    assert answer.data["gaps"][0]["kind"] == "refused"
    assert answer.truncated
    assert answer.data["subscriptions"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(403, {"error": {"message": "no"}}), SourceRefused),
        (Answer(500, {"error": {"message": "no"}}), SourceUnavailable),
        (Answer(429, {"error": {"message": "no"}}, {"Retry-After": "30"}), SourceLimited),
    ],
)
def test_without_invoices_there_is_no_answer(answer: Answer, kind: type[Exception]) -> None:
    with serving(FakeStripe(refuse={"invoices": answer})) as server, pytest.raises(kind):
        ask("stripe", server.url, "billing", {"customer": "cus_1"})


def test_a_lock_on_one_object_is_waited_for() -> None:
    fake = FakeStripe()
    tries: list[int] = []

    def locked(asked: Asked) -> Answer:
        if asked.path == "/v1/invoices" and not tries:
            tries.append(1)
            error = {"error": {"code": "lock_timeout", "message": "locked"}}
            return Answer(429, error, {"Retry-After": "0.1", "Stripe-Rate-Limited-Reason": "resource-specific"})
        return fake(asked)

    with serving(locked) as server:
        assert ask("stripe", server.url, "billing", {"customer": "cus_1"}).data["customer"]["id"] == "cus_1"


def test_a_search_value_cannot_leave_its_quotes() -> None:
    assert _quoted("o'r\\g") == "o\\'r\\\\g"
    with serving(FakeStripe()) as server:
        ask("stripe", server.url, "customer", {"org_id": "x' OR metadata['org_id']:'org_1"})
        query = server.asked[0].query["query"]
    assert query == "metadata['org_id']:'x\\' OR metadata[\\'org_id\\']:\\'org_1'"


@pytest.mark.parametrize(("secret", "warned"), [("rk_live_obviouslyfake1", False), ("sk_live_obviouslyfake1", True)])
def test_a_key_that_can_write_is_warned_about(secret: str, warned: bool) -> None:
    with serving(FakeStripe()) as server:
        report = check("stripe", server.url, secret=secret)
        assert {each.method for each in server.asked} == {"GET"}
    assert report.ok
    assert any("can also write" in each for each in report.warnings) is warned
    assert any(scope.writes for scope in report.scopes) is warned


def test_the_connection_test_names_what_the_key_cannot_read() -> None:
    refused = Answer(403, {"error": {"message": "no access"}})
    with serving(FakeStripe(refuse={"disputes": refused})) as server:
        report = check("stripe", server.url, secret="rk_live_obviouslyfake1")
    assert report.ok
    assert any("cannot read disputes" in each for each in report.warnings)


@pytest.mark.parametrize(
    "kind", ["customer", "subscription", "invoice", "charge", "payment_intent", "refund", "dispute"]
)
def test_stripes_own_fixtures_take_our_shape(kind: str) -> None:
    raw = FIXTURES["resources"][kind] if "resources" in FIXTURES else FIXTURES[kind]
    make = getattr(payments, kind, None) or getattr(shapes, kind)
    shaped = make(raw, {}) if kind in ("subscription", "invoice") else make(raw)
    assert shaped["id"] == raw["id"]
    json.dumps(shaped)
