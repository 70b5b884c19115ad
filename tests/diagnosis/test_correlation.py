"""Deployments, issues and billing: what can explain an onset, and what cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from investigations.diagnosis import billing, deployments, issues
from investigations.diagnosis.deployments import rank_versions
from investigations.diagnosis.facts import FactSpace, plain
from investigations.diagnosis.types import RunInputs
from investigations.playbooks.conditions import evaluate
from investigations.playbooks.format import Billing, Deployments, Issues, Versions
from investigations.playbooks.loader import LIBRARY, parse_playbook

ONSET = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)


def space(**names):
    inputs = RunInputs(
        ONSET + timedelta(hours=4),
        {"opened_at": plain(ONSET + timedelta(hours=3))},
        {},
        {"onset": plain(ONSET)},
        {"stripe": {}, "github": {"environment": "production"}},
    )
    found = FactSpace(inputs)
    found.names.update(names)
    return found


def deployment(minutes, *, title="Change", service="core-api", **more):
    """`minutes` before the onset; negative is after it."""
    live = plain(ONSET - timedelta(minutes=minutes))
    base = {
        "id": minutes,
        "sha": f"{minutes:040d}".replace("-", "f"),
        "title": title,
        "service": service,
        "environment": "production",
        "state": "success",
        "live_at": live,
        "files": [],
        "pulls": [],
    }
    return base | more


def ranked(*items, **options):
    return deployments.rank(
        Deployments(method="deployments", onset="inputs.onset", **options), {"deployments": list(items)}, space()
    )


def test_a_deployment_after_the_onset_is_never_a_candidate():
    facts = ranked(deployment(-20), deployment(-90))
    assert facts["candidates"] == [] and len(facts["after"]) == 2 and facts["best"] == {"score": 0.0}


def test_that_none_fits_is_known_where_deployments_are_recorded_and_unknown_where_none_are():
    assert ranked(deployment(900))["best"] == {"score": 0.0}
    assert "best" not in ranked()


def test_one_that_never_went_live_is_never_a_candidate():
    facts = ranked(deployment(5, live_at=None, state="failed"))
    assert facts["candidates"] == [] and len(facts["failed"]) == 1


def test_one_that_went_live_days_ago_is_no_candidate():
    assert ranked(deployment(2000))["candidates"] == []


def test_words_that_fit_decide_between_two_that_are_near():
    facts = ranked(deployment(4, title="Bump linter"), deployment(8, title="Limiter: new burst size"), words=["limit*"])
    assert facts["best"]["title"].startswith("Limiter") and facts["best"]["minutes_before"] == 8


def test_what_it_is_called_tells_more_than_a_quarter_of_an_hour():
    facts = ranked(
        deployment(2, title="Fix typo in help text"), deployment(24, title="Lower min replicas"), words=["replica*"]
    )
    assert [item["title"] for item in facts["candidates"]] == ["Lower min replicas", "Fix typo in help text"]


def test_in_a_repository_of_many_services_files_tell_less_than_the_title():
    """What lies between two versions of one service holds what went live with another one long before."""
    carried = deployment(3, title="Remove dead flag", files=["search/flags.py", "edge/limits.py"])
    facts = ranked(carried, deployment(12, title="Read limits from config"), words=["limit*"])
    assert facts["best"]["title"] == "Read limits from config"
    assert next(item for item in facts["candidates"] if item["id"] == 3)["has_words"]


@pytest.mark.parametrize(
    ("files", "harmless"),
    [
        (["docs/help.md", "README.md"], True),
        (["core/tests/test_orders.py", "CHANGELOG.md", ".github/workflows/ci.yaml"], True),
        (["docs/help.md", "core/orders.py"], False),
        (["core/contests/rank.py"], False),
        ([], False),
    ],
)
def test_documentation_and_tests_never_run(files, harmless):
    facts = ranked(deployment(2, title="One", files=files), deployment(20, title="Other", files=["core/pay.py"]))
    held = next(item for item in facts["candidates"] if item["id"] == 2)
    assert held["harmless"] == harmless
    assert facts["best"]["title"] == ("Other" if harmless else "One")


def test_a_deployment_of_another_service_is_set_back():
    facts = ranked(deployment(3, service="docs-site"), deployment(12, service="core-api"), services=["['core-api']"])
    assert facts["best"]["service"] == "core-api"


def test_without_an_onset_nothing_is_blamed():
    measure = Deployments(method="deployments", onset="inputs.nothing")
    found = deployments.rank(measure, {"deployments": [deployment(5)]}, space())
    assert not {"candidates", "after", "best"} & set(found) and found["live"] == 1.0


def issue(identifier, title, description="", state_type="started", **more):
    return {
        "identifier": identifier,
        "title": title,
        "description": description,
        "state_type": state_type,
        "state": state_type,
        "url": "https://linear.example/x",
    } | more


def matched(*found, terms, **options):
    measure = Issues(method="issues", terms=[repr(terms)], **options)
    return issues.rank(measure, {"issues": list(found)}, space())


def test_an_exact_term_beats_words():
    facts = matched(
        issue("ENG-1", "Export is slow and throws error 500 sometimes"),
        issue("ENG-2", "DecimalOverflow in /v2/reports/export"),
        terms=["GET /v2/reports/export", "DecimalOverflow", "error"], min_score=0.1,
    )  # fmt: skip
    assert facts["best"]["identifier"] == "ENG-2" and facts["best"]["exact"] == [
        "GET /v2/reports/export",
        "DecimalOverflow",
    ]


def test_a_longer_path_is_not_the_path():
    assert matched(issue("ENG-1", "Slow /v2/orders/archive"), terms=["/v2/orders"], min_score=0.1)["match_count"] == 0


def test_a_feature_request_is_no_known_bug():
    facts = matched(
        issue("ENG-1", "Feature request: rate limit dashboard"),
        terms=["rate limit"],
        ignore_words=["feature request"],
        min_score=0.1,
    )
    assert facts["match_count"] == 0


def test_open_issues_stand_before_closed_ones():
    facts = matched(
        issue("ENG-1", "429 again", state_type="completed"), issue("ENG-2", "429 again"), terms=["429"], min_score=0.1
    )
    assert facts["best"]["identifier"] == "ENG-2" and facts["open_matches"] == 1


def day(days, hours=0):
    return plain(ONSET - timedelta(days=days, hours=hours))


def charge(name, created, **more):
    return {
        "id": name,
        "created": created,
        "status": "succeeded",
        "amount": 4900,
        "currency": "usd",
        "description": "Order",
        "fingerprint": "card1",
        "payment_intent": f"pi_{name}",
        "metadata": {},
    } | more


def found(**data):
    return billing.findings(Billing(method="billing"), data, space(ticket={"opened_at": plain(ONSET)}))


def renewing(*ends, **more):
    items = [{"id": f"si_{n}", "current_period_end": end} for n, end in enumerate(ends)]
    return {"id": "sub_1", "created": day(90), "status": "active", "items": items} | more


def test_a_subscription_is_renewed_when_the_first_of_its_periods_ends_and_never_when_it_ends_with_it():
    ends = (day(-40), day(-20))
    assert found(subscriptions=[renewing(*ends)])["subscription"]["renews_at"] == day(-20)
    for over in ({"cancel_at_period_end": True}, {"cancel_at": day(-20)}):
        assert "renews_at" not in found(subscriptions=[renewing(*ends, **over)])["subscription"]
    assert "renews_at" not in found(subscriptions=[renewing(None)])["subscription"]


def test_two_alike_payments_minutes_apart_are_a_duplicate():
    facts = found(charges=[charge("ch_1", day(1)), charge("ch_2", day(1, -0.1))])
    assert facts["duplicates"]["latest"]["id"] == "ch_2" and facts["duplicates"]["latest"]["first"] == "ch_1"


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 4901}, {"currency": "eur"}, {"fingerprint": "card2"}, {"refunded": True}, {"amount_refunded": 4900},
        {"status": "failed"},
        {"created": day(3)}, {"metadata": {"order_id": "B"}},
    ],
)  # fmt: skip
def test_what_differs_is_no_duplicate(other):
    first = charge("ch_1", day(1), metadata={"order_id": "A"} if "metadata" in other else {})
    assert found(charges=[first, charge("ch_2", **{"created": day(1, -0.1), **other})])["duplicates"]["count"] == 0


def test_payments_of_two_invoices_are_no_duplicate():
    paid = [
        {"id": "in_1", "created": day(1), "payments": [{"payment_intent": "pi_ch_1"}]},
        {"id": "in_2", "created": day(1), "payments": [{"payment_intent": "pi_ch_2"}]},
    ]
    assert (
        found(charges=[charge("ch_1", day(1)), charge("ch_2", day(1, -0.1))], invoices=paid)["duplicates"]["count"] == 0
    )


def test_a_refund_is_under_way_for_five_business_days():
    # 1 May 2026 is a Friday: five business days later is the next Friday.
    assert billing.business_days(ONSET, ONSET + timedelta(days=7)) == 5
    assert billing.business_days(ONSET, ONSET + timedelta(days=2)) == 0
    facts = found(refunds=[{"id": "re_1", "status": "succeeded", "created": day(2), "amount": 1, "currency": "usd"}])
    assert facts["refunds"]["latest"]["under_way"]
    assert not found(
        refunds=[{"id": "re_1", "status": "succeeded", "created": day(20), "amount": 1, "currency": "usd"}]
    )["refunds"]["latest"]["under_way"]


def test_nothing_after_the_runs_clock_is_read():
    later = plain(ONSET + timedelta(days=2))
    assert found(charges=[charge("ch_1", later), charge("ch_2", later)])["duplicates"]["count"] == 0


def subscription(name, created, price="price_1", **more):
    item = {
        "price": price,
        "product": "prod_1",
        "plan": "Growth",
        "unit_amount": 9900,
        "currency": "usd",
        "usage_type": "licensed",
        "metadata": {"rate_limit_per_minute": "300"},
    }
    return {"id": name, "created": created, "status": "active", "items": [item]} | more


def test_two_live_subscriptions_for_one_product_are_found_and_a_cancelled_one_is_not():
    assert (
        found(subscriptions=[subscription("sub_1", day(90)), subscription("sub_2", day(3))])["double"]["latest"]["id"]
        == "sub_2"
    )
    assert (
        found(subscriptions=[subscription("sub_1", day(90), status="canceled"), subscription("sub_2", day(3))])[
            "double"
        ]["count"]
        == 0
    )


def with_price(name, limit):
    price = {"id": name, "metadata": {"rate_limit_per_minute": limit, "plan": name}, "unit_amount": int(limit)}
    return {"items": {"data": [{"price": price}]}}


def test_a_smaller_plan_is_a_downgrade_with_both_quotas():
    event = {
        "id": "evt_1",
        "type": "customer.subscription.updated",
        "created": day(0, 1),
        "object_id": "sub_1",
        "object": with_price("Starter", "60"),
        "previous_attributes": with_price("Growth", "300"),
    }
    change = found(events=[event])["plan_changes"]["latest"]
    assert change["is_downgrade"] and (change["limit_before"], change["limit"]) == (300.0, 60.0)


# ------------------------------------------------------------------------------------------ versions in the telemetry
VERSIONS = Versions(method="versions", onset="inputs.onset", services=["['core-api']"])


def ran(service: str, version: str, first_at: str) -> dict[str, Any]:
    return {"service": service, "version": version, "first_at": f"2026-05-01 {first_at}.000"}


def versions(*rows: dict[str, Any], **values: Any) -> dict[str, Any]:
    known = {"window_start": "2026-05-01T00:00:00Z", "onset": "2026-05-01T10:00:00Z", **values}
    inputs = RunInputs(datetime(2026, 5, 1, 12, tzinfo=UTC), {}, {}, known, {})
    return rank_versions(VERSIONS, rows, FactSpace(inputs))


def test_a_version_that_began_to_run_before_the_onset_is_a_candidate() -> None:
    found = versions(
        ran("core-api", "old0000", "00:02:00"),
        ran("core-api", "new1111", "09:56:00"),
        ran("search-api", "new2222", "09:58:00"),
        ran("core-api", "late333", "10:30:00"),
    )
    assert (found["best"]["sha"], found["best"]["minutes_before"]) == ("new1111", 4.0)
    assert [item["sha"] for item in found["candidates"]] == ["new1111", "new2222"]
    assert [item["sha"] for item in found["after"]] == ["late333"]
    assert found["changes"] == 3.0


def test_without_an_onset_no_version_is_a_candidate() -> None:
    found = versions(ran("core-api", "new1111", "09:56:00"), onset=None)
    assert not {"candidates", "after", "best"} & set(found) and found["changes"] == 1.0


@pytest.mark.parametrize(
    ("begun", "ended", "explains"),
    [
        (-5, None, True),  # growth that began just before and goes on
        (10, None, True),  # the rejections were seen a little before the growth was
        (-600, 30, True),  # grew long ago and lasted into it
        (-900, -700, False),  # yesterday's spell
        (120, None, False),  # grew only later
    ],
)
def test_only_growth_of_that_time_explains_rejections(begun, ended, explains):
    at = {"onset": plain(ONSET + timedelta(minutes=begun)), "ongoing": ended is None}
    at |= {} if ended is None else {"ended_at": plain(ONSET + timedelta(minutes=ended))}
    book = parse_playbook((LIBRARY / "rate_limit.yaml").read_text(), name="rate_limit.yaml")
    traffic = {
        "mine": {"significant": True, "onset": plain(ONSET)},
        "volume": {"significant": True, "ratio": 3.0, **at},
    }
    facts = book.step("traffic").facts
    traffic["grew"] = evaluate(facts["grew"], {"traffic": traffic})
    assert evaluate(facts["grew_then"], {"traffic": traffic}) is explains


def test_only_a_neighbour_who_was_heavy_at_that_time_is_suspected():
    def tenant(key, begun, ended=None):
        at = {"key": key, "significant": True, "ratio": 4.0, "ongoing": ended is None}
        at["onset"] = plain(ONSET + timedelta(minutes=begun))
        return at | ({} if ended is None else {"ended_at": plain(ONSET + timedelta(minutes=ended))})

    book = parse_playbook((LIBRARY / "latency.yaml").read_text(), name="latency.yaml")
    groups = [tenant("then", -10), tenant("yesterday", -900, -700), tenant("later", 200), tenant("always", -800)]
    names = {
        "speed": {"any_slow": True, "worst": {"onset": plain(ONSET)}},
        "tenants": {"volume": {"groups": groups}},
        "inputs": {"org_id": "org_1"},
    }
    facts = book.step("tenants").facts
    names["tenants"]["grown"] = evaluate(facts["grown"], names)
    assert [item["key"] for item in evaluate(facts["heavy"], names)] == ["then"]


def test_a_deployment_within_the_uncertainty_of_the_onset_may_explain_it():
    change = {"onset": plain(ONSET), "onset_from": plain(ONSET - timedelta(minutes=10))}
    vague = space(change={**change, "onset_to": plain(ONSET + timedelta(minutes=30))})
    measure = Deployments(method="deployments", onset="change")
    near, late = deployment(-25), deployment(-60)
    facts = deployments.rank(measure, {"deployments": [near, late]}, vague)
    assert [item["id"] for item in facts["candidates"]] == [-25] and facts["best"]["nearness"] > 0.6
    assert [item["id"] for item in facts["after"]] == [-60]
    exact = deployments.rank(measure, {"deployments": [near]}, space(change={"onset": plain(ONSET)}))
    assert exact["candidates"] == [], "an onset that is known exactly leaves no room"


def test_a_change_without_a_beginning_leaves_the_word_to_the_next():
    measure = Deployments(method="deployments", onset="change", onset_alternatives=["inputs.onset"])
    facts = deployments.rank(measure, {"deployments": [deployment(5)]}, space(change={"significant": False}))
    assert facts["onset"] == plain(ONSET) and len(facts["candidates"]) == 1
