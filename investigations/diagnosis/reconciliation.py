"""The last invoice taken apart: what each part is, what it was before, and whether each amount is the one it should be.

All amounts are integers in the currency's minor unit. The parts of an invoice add up to its total, always: what no line
explains is a part of its own (`other`), so that the arithmetic can be shown and checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from altor.words import money

Record = Mapping[str, Any]
Facts = dict[str, Any]

#: Names of the parts as people read them, in the order of an invoice.
PARTS: Final[dict[str, str]] = {
    "plan": "plan",
    "usage": "usage",
    "proration_charge": "rest of the period on the new plan",
    "proration_credit": "unused time on the old plan",
    "extra": "one-off items",
    "discount": "discount",
    "tax": "tax",
    "other": "not explained by a line",
}
#: Rounding of a proration: Stripe prorates to the second, a statement is checked to this many minor units.
ROUNDING: Final = 2
_USAGE_WORDS: Final = ("overage", "usage", "additional requests", "metered")


def is_usage(line: Record) -> bool:
    """Whether a line is metered use: by its price, else by its words."""
    text = str(line.get("description") or "").lower()
    return line.get("usage_type") == "metered" or any(word in text for word in _USAGE_WORDS)


def parts(invoice: Record) -> dict[str, int]:
    """{part: amount} of an invoice, zero parts left out; the amounts add up to its total."""
    found = dict.fromkeys(PARTS, 0)
    for line in invoice.get("lines") or []:
        found[_part(line)] += int(line.get("amount") or 0)
    found["discount"] = -int(invoice.get("discount_amount") or 0)
    found["tax"] = sum(int(tax.get("amount") or 0) for tax in invoice.get("taxes") or [] if _on_top(tax))
    found["tax"] = found["tax"] or (0 if invoice.get("taxes") else int(invoice.get("tax") or 0))
    found["other"] = int(invoice.get("total") or 0) - sum(found.values())
    return {name: amount for name, amount in found.items() if amount}


def _on_top(tax: Record) -> bool:
    """Tax that a price already includes is inside its line."""
    return tax.get("tax_behavior") != "inclusive"


def _part(line: Record) -> str:
    if line.get("proration"):
        return "proration_charge" if int(line.get("amount") or 0) >= 0 else "proration_credit"
    if is_usage(line):
        return "usage"
    return "plan" if line.get("subscription") or line.get("subscription_item") else "extra"


def reconcile(invoices: Sequence[Record], subscriptions: Sequence[Record]) -> Facts:
    """Facts about the newest of `invoices` (newest first) against the regular one before it; {} without an invoice.

    total, before, difference, currency; parts[] with part, name, amount, before, difference (largest difference first);
    arithmetic and change as sentences; checks[] with name, ok, expected, found, says; wrong (number of failed checks);
    unexplained (minor units that no line explains).
    """
    if not invoices:
        return {}
    last = invoices[0]
    currency = str(last.get("currency") or "")
    earlier = _regular_before(invoices, currency)
    now, then = parts(last), parts(earlier) if earlier else {}
    listed = [
        {
            "part": name,
            "name": PARTS[name],
            "amount": float(now.get(name, 0)),
            "before": float(then.get(name, 0)),
            "difference": float(now.get(name, 0) - then.get(name, 0)),
        }
        for name in PARTS
        if name in now or name in then
    ]
    total = int(last.get("total") or 0)
    checks = _checks(last, subscriptions)
    facts: Facts = {
        "id": last["id"],
        "number": last.get("number") or "",
        "currency": currency,
        "total": float(total),
        "due": float(last.get("amount_due") or 0),
        "from_balance": float(int(last.get("amount_due") or 0) - total),
        "parts": sorted(listed, key=lambda item: -abs(item["difference"])),
        "arithmetic": _arithmetic(now, total, currency),
        "checks": checks,
        "wrong": float(sum(not check["ok"] for check in checks)),
        "unexplained": float(now.get("other", 0)),
    }
    if earlier is not None:
        before = int(earlier.get("total") or 0)
        facts |= {
            "before": float(before),
            "difference": float(total - before),
            "before_number": earlier.get("number") or "",
            "change": _change(listed, total - before, currency),
        }
    return facts


def _regular_before(invoices: Sequence[Record], currency: str) -> Record | None:
    """The last invoice of a period before the newest, in the same currency."""
    regular = ("subscription_cycle", "subscription_create")
    return next(
        (
            item
            for item in invoices[1:]
            if item.get("billing_reason") in regular and item.get("currency") == currency and item.get("lines")
        ),
        None,
    )


def _arithmetic(amounts: Mapping[str, int], total: int, currency: str) -> str:
    """$1,107.71 rest of the period on the new plan − $368.50 unused time on the old plan = $739.21."""
    terms = [f"{money(abs(amount), currency)} {PARTS[name]}" for name, amount in amounts.items()]
    signs = [amount < 0 for amount in amounts.values()]
    if not terms:
        return f"no lines = {money(total, currency)}"
    text = ("−" if signs[0] else "") + terms[0]
    for negative, term in zip(signs[1:], terms[1:], strict=True):
        text += f" {'−' if negative else '+'} {term}"
    return f"{text} = {money(total, currency)}"


def _change(listed: Sequence[Facts], difference: int, currency: str) -> str:
    moved = [item for item in listed if item["difference"]]
    if not moved:
        return "nothing changed"
    moved.sort(key=lambda item: -abs(item["difference"]))
    told = ", ".join(
        f"{item['name']} {'+' if item['difference'] > 0 else '−'}{money(round(abs(item['difference'])), currency)}"
        for item in moved
    )
    return f"{'+' if difference >= 0 else '−'}{money(abs(difference), currency)}: {told}"


# ------------------------------------------------------------------------------------------------------------- checks
def _checks(invoice: Record, subscriptions: Sequence[Record]) -> list[Facts]:
    currency = str(invoice.get("currency") or "")
    found = [_plan_check(line, currency) for line in invoice.get("lines") or [] if _part(line) == "plan"]
    found += [_proration_check(line, subscriptions, currency) for line in invoice.get("lines") or []]
    found.append(_tax_check(invoice, currency))
    return [check for check in found if check is not None]


def _told(name: str, expected: int, have: int, currency: str, how: str, slack: int = 0) -> Facts:
    ok = abs(expected - have) <= slack
    verdict = "as it should be" if ok else f"but {money(have, currency)} was invoiced"
    return {
        "name": name,
        "ok": ok,
        "expected": float(expected),
        "found": float(have),
        "says": f"{how} = {money(expected, currency)}, {verdict}",
    }


def _plan_check(line: Record, currency: str) -> Facts | None:
    """A plan line is its price times its quantity."""
    unit, quantity = _decimal(line.get("unit_amount_decimal")), line.get("quantity")
    if unit is None or quantity is None:
        return None
    expected = round(unit * float(quantity))
    how = f"{float(quantity):g} × {money(round(unit), currency)}"
    return _told("plan", expected, int(line.get("amount") or 0), currency, how)


def _proration_check(line: Record, subscriptions: Sequence[Record], currency: str) -> Facts | None:
    """A proration is the price times the part of the billing period that the line covers."""
    unit = _decimal(line.get("unit_amount_decimal"))
    period = _period_of(line, subscriptions)
    if not line.get("proration") or unit is None or period is None:
        return None
    start, end = _seconds(line.get("period_start")), _seconds(line.get("period_end"))
    if start is None or end is None or end <= start:
        return None
    share = min((end - start) / (period[1] - period[0]), 1.0)
    sign = -1 if int(line.get("amount") or 0) < 0 else 1
    expected = sign * round(unit * float(line.get("quantity") or 1) * share)
    how = f"{share:.1%} of the period × {money(round(unit), currency)}"
    # Somebody else's clock cut the period: a day's worth is no mistake of the arithmetic.
    slack = max(ROUNDING, round(unit * 86_400 / (period[1] - period[0])))
    return _told("proration", expected, int(line.get("amount") or 0), currency, how, slack)


def _period_of(line: Record, subscriptions: Sequence[Record]) -> tuple[float, float] | None:
    for subscription in subscriptions:
        if subscription.get("id") != line.get("subscription"):
            continue
        for item in subscription.get("items") or []:
            start, end = _seconds(item.get("current_period_start")), _seconds(item.get("current_period_end"))
            if start is not None and end is not None and end > start:
                return start, end
    return None


def _tax_check(invoice: Record, currency: str) -> Facts | None:
    """Each tax on top is a plausible whole: total = total without tax + tax."""
    without = invoice.get("total_excluding_tax")
    tax = parts(invoice).get("tax", 0)
    if without is None or not tax:
        return None
    expected = int(without) + tax
    how = f"{money(int(without), currency)} + {money(tax, currency)} tax"
    return _told("tax", expected, int(invoice.get("total") or 0), currency, how, ROUNDING)


def _decimal(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _seconds(value: Any) -> float | None:
    if not value:
        return None
    return float(value) if isinstance(value, int | float) else datetime.fromisoformat(str(value)).timestamp()
