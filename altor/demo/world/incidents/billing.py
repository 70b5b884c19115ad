"""Billing cases: what happened is in `altor.demo.world.billing`."""

from __future__ import annotations

from altor.demo.world.incidents.model import ONGOING, Incident, Said


def billing_incidents() -> tuple[Incident, ...]:
    def case(
        key: str, label: str, start_h: float, *said: Said, culprit: str, scope: str = "customer", end_h: float = ONGOING
    ) -> Incident:
        return Incident(key, label, "billing", start_h, end_h, said=said, scope=(scope, ""), culprit=(culprit, ""))

    return (
        case(
            "duplicate-granitepeak", "bill.duplicate_charge", -30.0, Said("granitepeak", -27.8), culprit="stripe_charge"
        ),
        case(
            "duplicate-foxglove",
            "bill.duplicate_charge",
            -5.5,
            Said("foxgloveclinic", -2.8),
            Said("foxgloveclinic", live_s=285),
            culprit="stripe_charge",
        ),
        case("proration-willowbyte", "bill.proration", -92.0, Said("willowbyte", -88.0), culprit="stripe_invoice"),
        case(
            "proration-kestrelair",
            "bill.proration",
            -24.0,
            Said("kestrelair", -20.6),
            Said("kestrelair", live_s=195),
            culprit="stripe_invoice",
        ),
        case(
            "declined-duskanddawn", "bill.payment_failed", -46.0, Said("duskanddawn", -42.5), culprit="stripe_invoice"
        ),
        case(
            "declined-oldmill",
            "bill.payment_failed",
            -13.0,
            Said("oldmill", -4.1),
            Said("oldmill", live_s=340),
            culprit="stripe_invoice",
        ),
        case("dispute-emberandash", "bill.dispute", -50.0, Said("emberandash", -39.5), culprit="stripe_dispute"),
        case("refund-skylark", "bill.refund_pending", -60.0, Said("skylarkcycles", -32.4), culprit="stripe_refund"),
        case(
            "double-sub-riverstitch",
            "bill.double_subscription",
            -68.0,
            Said("riverstitch", -57.2),
            culprit="stripe_subscription",
        ),
        case("tax-nimbusrain", "bill.tax_change", -40.0, Said("nimbusrain", -26.3), culprit="stripe_invoice"),
        case("currency-harvestloop", "bill.currency", -112.0, Said("harvestloop", -105.5), culprit="stripe_invoice"),
        case("overage-sunmarket", "bill.overage_valid", -29.0, Said("sunmarket", -22.4), culprit="stripe_invoice"),
        case(
            "quiet-bluepine",
            "none.no_anomaly",
            -56.0,
            Said("bluepine", -55.0),
            culprit="none",
            scope="none",
            end_h=-54.0,
        ),
        case(
            "quiet-hazelworks",
            "none.no_anomaly",
            -12.0,
            Said("hazelworks", -11.3),
            culprit="none",
            scope="none",
            end_h=-11.0,
        ),
    )
