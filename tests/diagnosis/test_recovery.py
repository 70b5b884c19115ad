"""Whether a symptom is gone: proved from few records when it was plain, never claimed from too few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from investigations.diagnosis.frames import Frame, iso
from investigations.diagnosis.recovery import Reading, read
from investigations.playbooks.format import CountChange, LevelChange, ShareChange

HOUR = 3600.0
START = 1_777_000_200.0 // 600 * 600
ONSET, FIXED = START + 24 * HOUR, START + 27 * HOUR
SHARE = ShareChange(method="share_change", where={"mine": 1}, hits="failed", total="n", min_n=8, min_delta=0.02,
                    min_ratio=2.0)  # fmt: skip
SLOW = LevelChange(method="level_change", where={"mine": 1}, group="endpoint", min_n=8, min_ratio=1.3)
SILENT = CountChange(method="count_change", where={"mine": 1}, count="n", direction="down", min_ratio=4.0)
Row = Mapping[str, Any]


def shares(until: float, *, rate: float, before: float, during: float, after: float, fixed: float = FIXED,
           seed: int = 1) -> Sequence[Row]:  # fmt: skip
    rng, rows = np.random.default_rng(seed), []
    for t in np.arange(START, until, 600.0):
        n = int(rng.poisson(rate))
        share = before if t < ONSET else during if t < fixed else after
        if n:
            rows.append({"t": iso(t), "mine": 1, "n": n, "failed": int(rng.binomial(n, share))})
        rows.append({"t": iso(t), "mine": 0, "n": 50, "failed": 1})
    return rows


def told(rows: Sequence[Row], until: float, measure: Any = SHARE, **where: Any) -> Reading:
    return read(measure, Frame(rows), where={"mine": 1, **where}, onset=ONSET, fixed=FIXED, until=until)


def test_a_plain_failure_is_proved_gone_from_a_few_requests() -> None:
    until = FIXED + 1800
    found = told(shares(until, rate=8, before=0.002, during=0.4, after=0.0), until)
    assert found.verdict == "back" and found.since == FIXED
    assert found.before is not None and found.before < 0.01
    assert found.during == pytest.approx(0.4, abs=0.08) and found.after == 0.0


def test_what_stays_is_told() -> None:
    until = FIXED + 1800
    found = told(shares(until, rate=8, before=0.002, during=0.4, after=0.4), until)
    assert found.verdict == "still" and found.since is None and found.after == pytest.approx(0.4, abs=0.15)


def test_half_a_recovery_is_none() -> None:
    until = FIXED + 2 * HOUR
    found = told(shares(until, rate=30, before=0.002, during=0.4, after=0.1), until)
    assert found.verdict == "still"


def test_without_traffic_nothing_is_claimed() -> None:
    until = FIXED + 3 * HOUR
    rows = [
        row
        for row in shares(until, rate=8, before=0.0, during=0.4, after=0.0)
        if row["mine"] == 0 or row["t"] < iso(FIXED)
    ]
    assert told(rows, until) == Reading("quiet", told(rows, until).before, told(rows, until).during, None, 0.0)
    assert told([row for row in rows if row["mine"] == 0], until) == Reading("quiet")


def test_too_few_requests_prove_nothing() -> None:
    """Of 4 % that failed, ten requests without a failure are nothing special."""
    until = FIXED + 600
    found = told(shares(until, rate=10, before=0.002, during=0.05, after=0.0), until)
    assert found.verdict == "unclear"


def test_a_slow_roll_out_is_back_since_its_end() -> None:
    until = FIXED + 2 * HOUR
    found = told(shares(until, rate=20, before=0.002, during=0.4, after=0.001, fixed=FIXED + 1200), until)
    assert found.verdict == "back" and found.since == FIXED + 1200


def test_a_fault_that_ended_before_the_fix_is_told_so() -> None:
    until = FIXED + HOUR
    found = told(shares(until, rate=20, before=0.002, during=0.4, after=0.001, fixed=FIXED - HOUR), until)
    assert found.verdict == "back" and found.since == FIXED - HOUR


def test_errors_of_both_kinds_are_rare() -> None:
    """100 seeds: a fix that did not work is never called back, one that did is never called broken."""
    until = FIXED + HOUR
    for seed in range(100):
        broken = told(shares(until, rate=6, before=0.01, during=0.2, after=0.2, seed=seed), until)
        mended = told(shares(until, rate=6, before=0.01, during=0.2, after=0.01, seed=seed), until)
        assert broken.verdict != "back", seed
        assert mended.verdict != "still", seed


def levels(until: float, after: float, *, drop: str = "", seed: int = 2) -> Sequence[Row]:
    rng, rows = np.random.default_rng(seed), []
    for t in np.arange(START, until, 600.0):
        for endpoint, usual in (("GET /a", 80.0), ("GET /b", 400.0)):
            if endpoint == drop and t >= FIXED:
                continue
            factor = 1.0 if t < ONSET or endpoint == "GET /b" else 5.0 if t < FIXED else after
            values = np.log(usual * factor) + rng.normal(0, 0.3, 6)
            rows.append({"t": iso(t), "mine": 1, "endpoint": endpoint, "n": 6, "mean_log": float(values.mean()),
                         "var_log": float(values.var())})  # fmt: skip
    return rows


def test_response_times_are_compared_with_their_own_past() -> None:
    until = FIXED + HOUR
    back = told(levels(until, 1.0), until, SLOW, endpoint="GET /a")
    assert back.verdict == "back" and back.since == FIXED
    assert back.before == pytest.approx(80, rel=0.1) and back.during == pytest.approx(400, rel=0.1)
    assert told(levels(until, 5.0), until, SLOW, endpoint="GET /a").verdict == "still"
    assert told(levels(until, 2.0), until, SLOW, endpoint="GET /a").verdict == "still"


def test_a_slower_mix_of_calls_is_no_slowness() -> None:
    """Over all endpoints: after the fix only the slow one is called any more."""
    until = FIXED + HOUR
    assert told(levels(until, 1.0, drop="GET /a"), until, SLOW).verdict != "still"


def counts(until: float, after: float, seed: int = 3) -> Sequence[Row]:
    rng = np.random.default_rng(seed)
    found = []
    for t in np.arange(START, until, 600.0):
        rate = 6.0 if t < ONSET else 0.0 if t < FIXED else after
        if n := int(rng.poisson(rate)):
            found.append({"t": iso(t), "mine": 1, "n": n})
    return found


def test_silence_is_over_when_events_come_again() -> None:
    until = FIXED + HOUR
    back = told(counts(until, 6.0), until, SILENT)
    assert back.verdict == "back" and back.since == FIXED and back.after == pytest.approx(0.6, rel=0.4)
    assert told(counts(until, 0.0), until, SILENT).verdict == "still"
    assert told(counts(FIXED + 300, 0.0), FIXED + 300, SILENT).verdict in ("unclear", "still")


def test_a_customer_who_was_not_hit_is_back_only_when_it_shows_nothing() -> None:
    until = FIXED + 6 * HOUR
    rows = shares(until, rate=20, before=0.001, during=0.001, after=0.001)
    assert told(rows, until).verdict == "back"
    rows = shares(until, rate=20, before=0.001, during=0.001, after=0.3)
    assert told(rows, until).verdict == "still"
