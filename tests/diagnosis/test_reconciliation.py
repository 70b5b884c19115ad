"""The last invoice taken apart: parts that add up, what moved since the one before, amounts that are wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigations.diagnosis.reconciliation import parts, reconcile

PERIOD = {"period_start": "2026-05-01T00:00:00Z", "period_end": "2026-05-31T00:00:00Z"}
SUBSCRIPTION = {
    "id": "sub_1",
    "items": [{"current_period_start": PERIOD["period_start"], "current_period_end": PERIOD["period_end"]}],
}


def line(amount: int, **more: Any) -> dict[str, Any]:
    base = {"amount": amount, "quantity": 1, "subscription": "sub_1", "proration": False, **PERIOD}
    return {"unit_amount_decimal": str(amount), **base, **more}


def invoice(number: str, *lines: dict[str, Any], tax: int = 0, discount: int = 0, **more: Any) -> dict[str, Any]:
    without = sum(item["amount"] for item in lines) - discount
    return {
        "id": f"in_{number}", "number": number, "currency": "usd", "billing_reason": "subscription_cycle",
        "lines": list(lines), "tax": tax, "discount_amount": discount, "total": without + tax,
        "total_excluding_tax": without, "amount_due": without + tax, **more,
    }  # fmt: skip


def test_a_plan_change_is_told_as_credit_and_charge() -> None:
    credit = line(-30_000, proration=True, unit_amount_decimal="50000", period_start="2026-05-13T00:00:00Z")
    charge = line(90_000, proration=True, unit_amount_decimal="150000", period_start="2026-05-13T00:00:00Z")
    changed = invoice("2", credit, charge, billing_reason="subscription_update")
    found = reconcile([changed, invoice("1", line(50_000))], [SUBSCRIPTION])
    assert (found["total"], found["before"], found["difference"]) == (60_000.0, 50_000.0, 10_000.0)
    assert found["arithmetic"] == (
        "$900.00 rest of the period on the new plan − $300.00 unused time on the old plan = $600.00"
    )
    assert found["change"].startswith("+$100.00: rest of the period on the new plan +$900.00, plan −$500.00")
    assert [check["ok"] for check in found["checks"]] == [True, True]
    assert found["wrong"] == found["unexplained"] == 0.0


def test_a_proration_that_is_too_large_is_named_with_what_it_should_be() -> None:
    charge = line(140_000, proration=True, unit_amount_decimal="150000", period_start="2026-05-16T00:00:00Z")
    found = reconcile([invoice("2", charge), invoice("1", line(50_000))], [SUBSCRIPTION])
    (wrong,) = [check for check in found["checks"] if not check["ok"]]
    assert wrong["says"] == "50.0% of the period × $1,500.00 = $750.00, but $1,400.00 was invoiced"


def test_a_plan_line_is_price_times_quantity() -> None:
    found = reconcile([invoice("1", line(50_000, quantity=3, unit_amount_decimal="10000"))], [SUBSCRIPTION])
    assert [check["says"] for check in found["checks"]] == ["3 × $100.00 = $300.00, but $500.00 was invoiced"]


def test_usage_tax_discount_and_what_no_line_explains_are_parts_of_their_own() -> None:
    usage = line(4_200, usage_type="metered", quantity=2_100, unit_amount_decimal="2")
    last = invoice("2", line(50_000), usage, tax=10_298, discount=2_710)
    last["total"] += 5
    found = reconcile([last, invoice("1", line(50_000))], [SUBSCRIPTION])
    amounts = {item["part"]: item["amount"] for item in found["parts"]}
    assert amounts == {"plan": 50_000, "usage": 4_200, "discount": -2_710, "tax": 10_298, "other": 5}
    assert found["unexplained"] == 5.0 and found["wrong"] == 1.0  # the tax sum does not fit either
    assert found["parts"][0]["part"] == "tax"


def test_the_invoice_before_is_a_regular_one_in_the_same_currency() -> None:
    other_currency = invoice("3", line(45_000), currency="eur")
    found = reconcile([other_currency, invoice("2", line(50_000))], [])
    assert "before" not in found and found["arithmetic"] == "€450.00 plan = €450.00"
    assert reconcile([], []) == {}


@given(
    st.lists(st.tuples(st.integers(-(10**7), 10**7), st.booleans(), st.booleans()), max_size=8),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(-(10**8), 10**8),
)
def test_parts_always_add_up_to_the_total(
    lines: list[tuple[int, bool, bool]], tax: int, discount: int, total: int
) -> None:
    made = [line(a, proration=p, usage_type="metered" if m else "licensed") for a, p, m in lines]
    assert sum(parts({**invoice("1", *made, tax=tax, discount=discount), "total": total}).values()) == total


@pytest.mark.parametrize("currency", ["jpy", "usd", "kwd"])
def test_amounts_are_written_in_their_currency(currency: str) -> None:
    assert "= " in reconcile([invoice("1", line(1_000), currency=currency)], [])["arithmetic"]
