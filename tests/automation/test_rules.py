"""What the rules say about a ticket: pure arithmetic, no database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from altor.errors import InvalidInput
from investigations.automation.judging import Facts, Zones, judge
from investigations.automation.rules import Mode, RuleSet, read_rules
from investigations.services.automation_simulation import replay

#: A Wednesday.
NOON = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)
TICKET = Facts("latency", "enterprise", ("Urgent", "eu"), "zendesk/main", "high", "support")


def rules(*given: dict[str, Any], **values: Any) -> RuleSet:
    listed = [{"title": f"R{n}", "key": f"r{n}", "mode": "watch"} | one for n, one in enumerate(given)]
    return read_rules({"rules": listed, **values})


def said(of: RuleSet, facts: Facts = TICKET, at: datetime = NOON, zones: Zones = Zones()) -> tuple[str, str]:  # noqa: B008  # a frozen value
    found = judge(of, facts, at, zones)
    return found.mode.value, found.rule.title if found.rule else ""


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({}, True),
        ({"classes": ["latency", "auth"]}, True),
        ({"classes": ["auth"]}, False),
        ({"class_known": "yes"}, True),
        ({"class_known": "no"}, False),
        ({"tiers": ["Enterprise"]}, True),
        ({"tiers": ["free"]}, False),
        ({"priorities": ["HIGH"]}, True),
        ({"tags_any": ["urgent", "x"]}, True),
        ({"tags_any": ["x"]}, False),
        ({"tags_none": ["EU"]}, False),
        ({"tags_none": ["us"]}, True),
        ({"connections": ["zendesk"]}, True),
        ({"connections": ["zendesk/main"]}, True),
        ({"connections": ["zendesk/other"]}, False),
        ({"classes": ["latency"], "tiers": ["free"]}, False),
    ],
)
def test_all_conditions_of_a_rule_must_hold(when: dict[str, Any], holds: bool) -> None:
    assert said(rules({"when": when})) == (("watch", "R0") if holds else ("automatic", ""))


def test_the_first_rule_that_holds_decides_and_switched_off_ones_do_not() -> None:
    off = {"active": False}
    assert said(rules(off, {"when": {"tiers": ["free"]}}, {"mode": "suggest"}, {})) == ("suggest", "R2")
    assert said(rules(off, default="watch")) == ("watch", "")
    assert said(RuleSet()) == ("automatic", ""), "as shipped, everything is investigated"


def test_business_hours_are_those_of_the_tickets_team_in_its_zone_without_holidays() -> None:
    inside = rules(
        {"when": {"hours": "inside"}},
        calendars={
            "installation": {"timezone": "UTC", "opens": "08:00", "closes": "12:00"},
            "support": {"days": [0, 1, 2], "opens": "09:00", "closes": "17:00", "holidays": ["2026-05-05"]},
        },
    )
    zones = Zones("UTC", {"support": "America/New_York"})
    at = lambda text: said(inside, at=datetime.fromisoformat(text), zones=zones)[1]  # noqa: E731
    assert at("2026-05-06T13:00:00+00:00") == "R0", "nine in New York"
    assert at("2026-05-06T12:59:59+00:00") == "", "one second before"
    assert at("2026-05-06T21:00:00+00:00") == "", "the end is outside"
    assert at("2026-05-07T14:00:00+00:00") == "", "Thursday"
    assert at("2026-05-05T14:00:00+00:00") == "", "a holiday"
    assert at("2026-05-06T02:00:00+00:00") == "", "still Tuesday there, a holiday, and night"
    other = Facts(team="else")
    assert said(inside, other, datetime(2026, 5, 7, 11, tzinfo=UTC), zones)[1] == "R0", "the installation's hours"
    assert said(inside, other, NOON, zones)[1] == ""
    named = rules({"when": {"hours": "outside", "calendar": "installation"}}, calendars=inside.as_data()["calendars"])
    assert said(named, at=NOON, zones=zones)[1] == "R0"


def test_hours_follow_the_clock_change() -> None:
    inside = rules({"when": {"hours": "inside"}}, calendars={"installation": {"timezone": "Europe/Berlin"}})
    winter, summer = datetime(2026, 3, 27, 7, 30, tzinfo=UTC), datetime(2026, 3, 30, 7, 30, tzinfo=UTC)
    assert (said(inside, at=winter)[1], said(inside, at=summer)[1]) == ("", "R0"), "08:30 and 09:30 in Berlin"


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"rules": [{"title": "x", "mode": "sometimes"}]}, "rules.0.mode"),
        ({"rules": [{"title": "", "mode": "watch"}]}, "rules.0.title"),
        ({"rules": [{"title": "x", "mode": "watch", "quota_per_hour": 3}]}, "rules.0"),
        ({"rules": [{"title": "x", "mode": "watch", "when": {"clases": ["a"]}}]}, "rules.0.when.clases"),
        ({"calendars": {"support": {"timezone": "Mars/Olympus"}}}, "calendars.support.timezone"),
        ({"calendars": {"support": {"opens": "17:00", "closes": "09:00"}}}, "calendars.support"),
        ({"rules": [{"key": "a", "title": "x", "mode": "watch"}] * 2}, "same key"),
        ([], "valid"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(data: Any, place: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_rules(data)
    assert place in refused.value.detail


def test_a_simulation_counts_classes_the_busiest_hour_and_what_quotas_hold_back() -> None:
    of = rules(
        {"mode": "automatic", "when": {"classes": ["auth"]}, "quota_per_hour": 2}, {"when": {"classes": ["data"]}},
        default="suggest",
    )  # fmt: skip
    minutes = [("auth", 0), ("auth", 10), ("auth", 20), ("data", 25), ("auth", 59), ("auth", 61), ("other", 62)]
    tickets = [(datetime(2026, 5, 6, 10 + at // 60, at % 60, tzinfo=UTC), Facts(key)) for key, at in minutes]
    found = replay(of, tickets, Zones(), 14)
    assert (found.total, found.automatic, found.suggest, found.watch) == (7, 5, 1, 1)
    assert (found.peak, found.peak_at) == (4, tickets[4][0]), "10:00 to 10:59; at 11:01 the first one is over"
    assert found.held_back == 2, "the third and the fourth; the fifth finds the first one's place free"
    assert [(line.incident_class, line.total) for line in found.lines] == [("auth", 5), ("data", 1), ("other", 1)]
    whole = replay(of.replaced(quota_per_hour=1), tickets, Zones(), 14)
    assert whole.held_back == 3
    assert Mode.AUTOMATIC in found.modes
