"""Since when: the moment that is stated, and between which it may have been, from rows as a query returns them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from investigations.diagnosis import changes
from investigations.diagnosis.beginnings import Claim
from investigations.diagnosis.frames import Frame
from investigations.diagnosis.onsets import claim_of
from investigations.diagnosis.types import RunInputs
from investigations.playbooks.measuring import CountChange, LevelChange, ShareChange

START = datetime(2026, 3, 2, tzinfo=UTC)
SHARE = ShareChange(
    method="share_change",
    hits="failed",
    total="n",
    spans="n",
    first_hit="first_failed",
    last_miss="last_served",
    min_n=6,
    min_delta=0.1,
    min_ratio=2.0,
)
LEVEL = LevelChange(method="level_change", min_n=8, min_ratio=1.3)
COUNT = CountChange(method="count_change", direction="up", min_n=20, min_ratio=1.6)


def clock(hours, minutes=0):
    return START + timedelta(hours=hours, minutes=minutes)


def minute(text):
    return (datetime.fromisoformat(text) - START).total_seconds() / 60


def buckets(moments, hours=30):
    """The records of each ten minutes; the first and the last bucket are there in any case, to hold the window."""
    found = {0: [], hours * 6 - 1: []}
    for at, *rest in moments:
        found.setdefault(int(at // 10), []).append((at, *rest))
    return sorted(found.items())


def share_rows(events):
    """(minute, failed) -> rows; a bucket without a failure holds the epoch as its first, as ClickHouse's minIf does."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    rows = []
    for bucket, held in buckets(events):
        failed, served = [at for at, fails in held if fails], [at for at, fails in held if not fails]
        rows.append(
            {
                "t": START + timedelta(minutes=10 * bucket),
                "n": len(held),
                "failed": len(failed),
                "first_failed": START + timedelta(minutes=min(failed)) if failed else epoch,
                "last_served": START + timedelta(minutes=max(served)) if served else epoch,
            }
        )
    return rows


def every(minutes, first, last, failed):
    return [(float(at), failed) for at in range(first, last, minutes)]


def test_of_a_long_silence_between_the_last_success_and_the_first_failure_the_middle_is_stated():
    events = every(13, 3, 600, False) + every(11, 680, 1790, True)
    facts = changes.share_change(SHARE, Frame(share_rows(events)))
    last_served = max(at for at, fails in events if not fails)
    assert minute(facts["onset"]) == pytest.approx((last_served + 680) / 2, abs=2)
    assert last_served - 1 <= minute(facts["onset_from"]) <= last_served + 6
    assert 674 <= minute(facts["onset_to"]) <= 681


def test_with_many_records_the_first_failure_says_it_to_the_minute():
    events = every(1, 0, 907, False) + every(1, 907, 1800, True)
    facts = changes.share_change(SHARE, Frame(share_rows(events)))
    assert minute(facts["onset"]) == pytest.approx(907, abs=1.5)
    assert minute(facts["onset_to"]) - minute(facts["onset_from"]) <= 3


def test_one_failure_that_strayed_hours_before_does_not_move_the_beginning():
    events = [*every(9, 0, 900, False), (700.0, True), *every(9, 905, 1790, True)]
    facts = changes.share_change(SHARE, Frame(share_rows(events)))
    assert minute(facts["onset"]) == pytest.approx(902, abs=5)


def test_what_still_succeeds_after_the_beginning_is_allowed_for():
    """Where half fail, the last success before the first failure may well lie inside."""
    rng, first, ours, held = np.random.default_rng(3), 0, 0, 0
    for _ in range(120):
        begins = float(rng.uniform(500, 1100))
        moments = np.sort(rng.uniform(0, 1800, 180))
        events = [(at, bool(rng.random() < (0.4 if at >= begins else 0.0))) for at in moments]
        facts = changes.share_change(SHARE, Frame(share_rows(events)))
        earliest = min(at for at, fails in events if fails)
        if not facts["significant"]:
            continue
        first += abs(earliest - begins) <= 10
        ours += abs(minute(facts["onset"]) - begins) <= 10
        held += minute(facts["onset_from"]) <= begins <= minute(facts["onset_to"])
    assert ours > 1.4 * first, "the first failure is a worse answer"
    assert held >= 102


@pytest.mark.parametrize("kind", ["share", "level", "count"])
def test_the_beginning_lies_within_what_is_said_to_be_possible(kind):
    rng, inside = np.random.default_rng(15), 0
    for _ in range(60):
        begins = float(rng.integers(600, 1500))
        rate = 0.8 if kind == "share" else 0.4
        moments = np.sort(rng.uniform(0, 1800, rng.poisson(1800 * rate)))
        if kind == "share":
            events = [(at, bool(rng.random() < (0.14 if at >= begins else 0.01))) for at in moments]
            facts = changes.share_change(SHARE, Frame(share_rows(events)))
        elif kind == "level":
            values = np.log(80) + 0.5 * (moments >= begins) + rng.normal(0, 0.5, len(moments))
            rows = [
                {
                    "t": START + timedelta(minutes=10 * bucket),
                    "n": len(held),
                    "mean_log": float(np.mean([value for _, value in held])) if held else None,
                    "var_log": float(np.var([value for _, value in held])) if held else None,
                }
                for bucket, held in buckets(zip(moments, values, strict=True))
            ]
            facts = changes.level_change(LEVEL, Frame(rows))
        else:
            more = np.sort(rng.uniform(begins, 1800, rng.poisson((1800 - begins) * 0.8)))
            rows = [
                {"t": START + timedelta(minutes=10 * bucket), "n": len(held)}
                for bucket, held in buckets([(at,) for at in np.concatenate([moments, more])])
            ]
            facts = changes.count_change(COUNT, Frame(rows))
        assert facts["significant"]
        assert facts["onset_from"] <= facts["onset"] <= facts["onset_to"]
        inside += minute(facts["onset_from"]) <= begins <= minute(facts["onset_to"])
    assert inside >= 52


@pytest.mark.parametrize(("said", "expected"), [(630, 630), (670, 668), (300, 634)])
def test_a_time_that_the_ticket_names_decides_within_a_silence_and_not_beyond_it(said, expected):
    events = every(13, 3, 600, False) + every(11, 680, 1790, True)
    claim = Claim(clock(0, said).timestamp(), 300.0)
    facts = changes.share_change(SHARE, Frame(share_rows(events)), claim)
    assert minute(facts["onset"]) == pytest.approx(expected, abs=4)


def test_records_outvote_a_wrong_time_in_the_ticket():
    events = every(5, 0, 900, False) + every(5, 905, 1790, True)
    wrong = Claim(clock(10).timestamp(), 300.0)
    assert minute(changes.share_change(SHARE, Frame(share_rows(events)), wrong)["onset"]) == pytest.approx(902, abs=3)


@pytest.mark.parametrize(("precision", "known"), [(900, True), (14_400, False)])
def test_this_morning_is_no_time_to_date_a_beginning_with(precision, known):
    said = {"claimed_onset": "2026-03-02T10:00:00Z", "claim_precision_s": precision}
    claim = claim_of(RunInputs(clock(30), {}, {}, said, {}))
    assert (claim is not None) == known


def test_too_few_records_for_a_change_still_say_when_it_would_have_begun():
    events = every(60, 5, 1200, False) + every(60, 1230, 1480, True)[:4] + every(60, 1500, 1790, False)[:2]
    facts = changes.share_change(SHARE.model_copy(update={"min_n": 3}), Frame(share_rows(events)))
    assert not facts["significant"] and "onset" not in facts
    assert 1145 <= minute(facts["suspected_onset"]) <= 1231


def test_a_quiet_series_is_not_suspected():
    facts = changes.share_change(SHARE, Frame(share_rows(every(7, 0, 1790, False))))
    assert "suspected_onset" not in facts and "onset" not in facts


def weak(begins=1302.0):
    """Three of eight fail at the end of a long quiet series: too little to stand out among all beginnings."""
    return every(20, 5, int(begins), False) + [(begins + 35 * at, at in (1, 4, 7)) for at in range(1, 9)]


@pytest.mark.parametrize(("said", "found"), [(None, False), (1300, True), (400, False)])
def test_a_weak_change_counts_where_the_ticket_says_that_it_began(said, found):
    claim = None if said is None else Claim(clock(0, said).timestamp(), 300.0)
    facts = changes.share_change(SHARE.model_copy(update={"min_n": 4}), Frame(share_rows(weak())), claim)
    assert facts["significant"] == found


def test_a_time_in_the_ticket_makes_no_change_of_a_quiet_series():
    rng, found = np.random.default_rng(8), 0
    for _ in range(150):
        events = [(at, bool(rng.random() < 0.03)) for at in np.sort(rng.uniform(0, 1800, 240))]
        claim = Claim(clock(0, int(rng.integers(900, 1700))).timestamp(), 300.0)
        loose = SHARE.model_copy(update={"min_delta": 0.0, "min_ratio": 1.0})
        found += changes.share_change(loose, Frame(share_rows(events)), claim)["significant"]
    assert found <= 3
