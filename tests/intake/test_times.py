"""Times that customers write, and what is made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from investigations.intake.claims import Claim, extract_claims
from tests.intake.conftest import WRITTEN  # Thursday 2026-03-05 12:41:56 UTC

BERLIN = ZoneInfo("Europe/Berlin")


def times(text: str, zone: tzinfo | None = UTC, subject: str = "") -> dict[str, Claim]:
    claims = extract_claims(subject, text, written_at=WRITTEN, zone=zone)
    return {claim.kind: claim for claim in claims if claim.kind in ("onset", "ended")}


@pytest.mark.parametrize(
    ("text", "value", "precision"),
    [
        ("REssponsE times went up about 01:15 (UTC+2), UserS Complain.", "03-04T23:15:00", 900),
        ("api broken about 03:00 (utc-8)", "03-05T11:00:00", 900),
        ("since yesterday at 4pm EST", "03-04T21:00:00", 1800),
        ("4pm yesturday it broke", "03-04T16:00:00", 1800),
        ("since yesterday 16:05", "03-04T16:05:00", 300),
        ("since about 14:15 UTC", "03-04T14:15:00", 900),  # not yet 14:15 today
        ("since 12:30", "03-05T12:30:00", 600),
        ("started at 9", None, None),  # nine what?
        ("started at 9 this morning", "03-05T09:00:00", 1800),
        ("since this morning at 9:30", "03-05T09:30:00", 600),
        ("since yesterday afternoon at 3", "03-04T15:00:00", 1800),
        ("an hour ago it began", "03-05T11:41:56", 900),
        ("half an hour ago", "03-05T12:11:56", 450),
        ("about 20 minutes ago", "03-05T12:21:56", 300),
        ("a couple of hours ago", "03-05T10:41:56", 3600),
        ("since 3 hours", "03-05T09:41:56", 2700),
        ("for the last two days", "03-03T12:41:56", 43200),
        ("this has been going on for some hours now", "03-05T09:41:56", 5400),
        ("since this morning", "03-05T09:00:00", 10801),
        ("sicne this mornign", "03-05T09:00:00", 10801),
        ("since earlier today", "03-05T06:20:58", 22859),
        ("since last night", "03-05T00:00:00", 21601),
        ("No events since last night at 2:30", "03-05T02:30:00", 600),
        ("since last night at 23:30", "03-04T23:30:00", 600),
        ("since midnight", "03-05T00:00:00", 1800),
        ("since noon", "03-05T12:00:00", 1800),
        ("since monday morning", "03-02T09:00:00", 10801),
        ("broke on Tuesday around 18:00 CET", "03-03T17:00:00", 900),
        ("since March 4th, 9:30 am PST", "03-04T17:30:00", 600),
        ("since 4 March 2026 at 08:05 UTC", "03-04T08:05:00", 300),
        ("since 04/03/2026 14:15", "03-04T14:15:00", 600),  # 3 April has not come yet
        ("since 04.03. at 14:15", "03-04T14:15:00", 600),
        ("since 2026-03-04 14:15 UTC", "03-04T14:15:00", 60),
        ("2026-03-04T23:14:12Z ERROR 429", "03-04T23:14:12", 1),
        ("2026-03-04T23:14:12.123+02:00 ERROR 429", "03-04T21:14:12", 1),
        ("p95 jumped at 11:05:22 Pacific time", "03-04T19:05:22", 1),
        ("since 14h30 CET", "03-04T13:30:00", 600),
        ("since 8 o'clock", "03-05T08:00:00", 1800),
        ("It worked fine until 11:20", "03-05T11:20:00", 300),
        ("SINCE YESTERDAY AT 16:05 UTC", "03-04T16:05:00", 300),
    ],
)
def test_a_time_is_understood(text: str, value: str | None, precision: int | None) -> None:
    found = times(text).get("onset")
    if value is None:
        assert found is None
        return
    assert found is not None
    assert (found.value, found.precision_s) == (f"2026-{value}Z", precision)


@pytest.mark.parametrize(
    "text",
    [
        "I'm on vacation from tomorrow, please cc ops@.",
        "Our accountant needs an answer this week.",
        "We had a similar issue last year (ticket 48213).",
        "Please answer by Friday.",
        "We need this fixed before 18:00.",
        "good morning, nothing works",
        "requests hang for 30 seconds",
        "we need support 24/7",
        "version 2.30 of the SDK",
        "we sent 12:1 more",
        "the ratio is 3:2 and p95 is 900",
        "I wrote to you yesterday already",
        "it started tomorrow",
        "",
    ],
)
def test_other_times_are_no_claim(text: str) -> None:
    assert "onset" not in times(text)


@pytest.mark.parametrize(
    ("text", "onset", "ended"),
    [
        ("outage between 14:00 and 15:10 yesterday", "03-04T14:00:00", "03-04T15:10:00"),
        ("errors from 09:00 to 10:30 UTC", "03-05T09:00:00", "03-05T10:30:00"),
        ("down 09:00 - 10:30", "03-05T09:00:00", "03-05T10:30:00"),
        ("It started at 09:00 and was back to normal at 09:45.", "03-05T09:00:00", "03-05T09:45:00"),
        ("started yesterday 23:30, recovered at 0:15 today", "03-04T23:30:00", "03-05T00:15:00"),
    ],
)
def test_an_end_is_told_from_the_start(text: str, onset: str, ended: str) -> None:
    found = times(text)
    assert (found["onset"].value, found["ended"].value) == (f"2026-{onset}Z", f"2026-{ended}Z")


def test_the_customers_zone_counts_where_none_is_named() -> None:
    assert times("since 10:00", zone=BERLIN)["onset"].value == "2026-03-05T09:00:00Z"
    assert times("since 10:00 UTC", zone=BERLIN)["onset"].value == "2026-03-05T10:00:00Z"
    assert times("since yesterday", zone=BERLIN)["onset"].value == "2026-03-04T11:00:00Z"


def test_without_any_zone_a_clock_time_is_vague() -> None:
    assert times("since 10:05", zone=None)["onset"].precision_s == 1800
    assert times("since 10:05 UTC", zone=None)["onset"].precision_s == 300


def test_the_quote_is_what_the_customer_wrote() -> None:
    assert times("It is bad SINCE Yesturday at 4pm EST, please help")["onset"].quote == "Yesturday at 4pm EST"


def test_the_start_beats_what_is_only_mentioned() -> None:
    text = "Log line of 2026-03-05T11:59:59Z attached. It started yesterday at 16:00 UTC. We saw more at 09:00."
    assert times(text)["onset"].value == "2026-03-04T16:00:00Z"


WORDS = """since about at yesterday today morning last night 4pm 16:05 UTC (utc-8) EST monday ago an hour two days
2026-03-04
from to between and until . ,  04/03 13 T Z +02:00 every for the"""
phrases = st.lists(st.sampled_from(WORDS.split()), max_size=25).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(st.one_of(phrases, st.text(max_size=200)), st.sampled_from(["UTC", "Asia/Kolkata", "America/Los_Angeles"]))
@example("since 31/02/2026 25:61", "UTC")
@example("since 24:00 İ yesterdaİ", "UTC")
def test_whatever_is_written_times_are_past_quoted_and_in_order(text: str, zone: str) -> None:
    found = extract_claims("", text, written_at=WRITTEN, zone=ZoneInfo(zone))
    for claim in found:
        assert claim.quote in text or claim.quote.strip() in text
        assert 0 < len(claim.value) <= 300
        if claim.kind in ("onset", "ended"):
            at = datetime.fromisoformat(claim.value)
            assert WRITTEN - timedelta(days=121) <= at <= WRITTEN + timedelta(minutes=10)
            assert claim.precision_s is not None
            assert claim.precision_s > 0
    moments = {claim.kind: claim.value for claim in found}
    if "ended" in moments and "onset" in moments:
        assert moments["onset"] < moments["ended"]
