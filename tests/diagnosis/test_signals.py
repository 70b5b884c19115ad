"""Change detection on series whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from investigations.diagnosis import signals


def shares(rng, p, n=40, weight=100.0):
    """A series of shares: p per bucket, n records each, every record standing for `weight` requests."""
    spans = rng.poisson(n, len(p)).astype(float)
    hits = np.array([rng.binomial(int(count), chance) for count, chance in zip(spans, p, strict=True)], float)
    return hits * weight, spans * weight, spans


def share(hits, total, spans, **changes):
    options = {"direction": "up", "min_n": 15, "min_delta": 0.02, "min_ratio": 2.0} | changes
    return signals.share_change(hits, total, spans, **options)


@pytest.mark.parametrize("seed", range(8))
def test_a_step_up_is_found_within_two_buckets(seed):
    p = np.array([0.01] * 120 + [0.25] * 60)
    change = share(*shares(np.random.default_rng(seed), p))
    assert change.significant and change.ongoing
    assert abs(change.start - 120) <= 2
    assert change.current == pytest.approx(0.25, abs=0.04) and change.baseline == pytest.approx(0.01, abs=0.01)


@pytest.mark.parametrize("seed", range(8))
def test_a_spell_that_ended_is_told_from_one_that_lasts(seed):
    p = np.array([0.01] * 80 + [0.4] * 10 + [0.01] * 90)
    change = share(*shares(np.random.default_rng(seed), p))
    assert change.significant and not change.ongoing
    assert abs(change.start - 80) <= 2 and abs(change.end - 90) <= 2


def test_a_quiet_series_shows_no_change_in_99_of_100():
    rng = np.random.default_rng(7)
    found = sum(share(*shares(rng, np.full(180, 0.03)), min_delta=0.0, min_ratio=1.0).significant for _ in range(200))
    assert found <= 2


def test_three_requests_are_no_spike():
    hits, spans = np.zeros(100), np.full(100, 0.05)
    hits[-3:], spans[-3:] = 1.0, 1.0
    assert not share(hits, spans, spans).significant


def test_the_weight_of_a_sample_is_not_taken_for_certainty():
    """Six records that stand for a thousand requests each are six records."""
    rng = np.random.default_rng(1)
    hits, total, spans = shares(rng, np.array([0.05] * 60), n=1, weight=1000.0)
    assert not share(hits, total, spans).significant


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("factor", [1.6, 3.0, 0.4])
def test_a_level_shift_of_durations_is_found(seed, factor):
    rng = np.random.default_rng(seed)
    n = rng.poisson(8, 180).astype(float)
    level = np.where(np.arange(180) >= 130, np.log(120 * factor), np.log(120))
    mean = level + rng.normal(0, 0.5, 180) / np.sqrt(np.maximum(n, 1))
    change = signals.level_change(n, mean, np.full(180, 0.25), direction="both", min_n=12, min_ratio=1.3)
    assert change.significant and abs(change.start - 130) <= 6
    assert change.ratio == pytest.approx(factor, rel=0.15)


def test_ordinary_unrest_of_durations_is_no_shift():
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(100):
        n = rng.poisson(6, 150).astype(float)
        mean = np.log(80) + rng.normal(0, 0.6, 150) / np.sqrt(np.maximum(n, 1)) + rng.normal(0, 0.1, 150)
        found += signals.level_change(n, mean, np.full(150, 0.36), direction="up", min_n=12, min_ratio=1.2).significant
    assert found <= 2


def test_doubled_traffic_is_found_and_its_rate_is_per_minute():
    rng = np.random.default_rng(5)
    spans = np.concatenate([rng.poisson(20, 100), rng.poisson(60, 40)]).astype(float)
    change = signals.count_change(spans * 10, spans, bucket_minutes=10, direction="up", min_n=20, min_ratio=1.6)
    assert change.significant and abs(change.start - 100) <= 2
    assert change.current == pytest.approx(60, rel=0.1) and change.baseline == pytest.approx(20, rel=0.1)


def test_deliveries_that_stop_are_found():
    rng = np.random.default_rng(6)
    spans = np.concatenate([rng.poisson(6, 150), np.zeros(30)]).astype(float)
    change = signals.count_change(spans, spans, bucket_minutes=10, direction="down", min_n=0, min_ratio=4)
    assert change.significant and change.ongoing and change.current == 0


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_series_too_short_to_judge_give_no_change(length):
    zeros = np.zeros(length)
    assert not share(zeros, zeros, zeros).significant
    assert not signals.level_change(zeros, zeros, zeros, direction="up", min_n=1, min_ratio=1.1).significant


def test_wilson_interval_against_published_values():
    low, high = signals.wilson_interval(5, 10)
    assert (round(low, 3), round(high, 3)) == (0.237, 0.763)
    assert signals.wilson_interval(0, 0) == (0.0, 1.0)


def _a_day(rng, mean, swing=0.35, unrest=0.25, length=180):
    """Counts of thirty hours in buckets of ten minutes: an ordinary day with bursts."""
    day = 1 + swing * np.sin(np.arange(length) * 2 * np.pi / 144 + rng.uniform(0, 6))
    return rng.poisson(mean * day * rng.lognormal(-(unrest**2) / 2, unrest, length)).astype(float)


@pytest.mark.parametrize("mean", [2, 10, 30])
def test_an_ordinary_day_is_no_growth(mean):
    rng = np.random.default_rng(11)
    options = {"bucket_minutes": 10, "direction": "up", "min_n": 20, "min_ratio": 1.6}
    series = [_a_day(rng, mean) for _ in range(100)]
    assert sum(signals.count_change(counts, counts, **options).significant for counts in series) <= 3


def test_a_job_that_begins_at_once_is_found_in_an_ordinary_day():
    rng = np.random.default_rng(12)
    found = 0
    for _ in range(40):
        counts = _a_day(rng, 5)
        counts[130:] = rng.poisson(counts[130:] * 2.6)
        change = signals.count_change(counts, counts, bucket_minutes=10, direction="up", min_n=20, min_ratio=1.6)
        found += change.significant and abs(change.start - 130) <= 8
    assert found >= 30, "33 with this seed: a growth of 2.6 in a restless day is missed now and then"


def test_single_records_a_bucket_are_no_certainty():
    """The variance within a bucket of one record is zero; that says nothing about how durations scatter."""
    rng = np.random.default_rng(13)
    found = 0
    for _ in range(100):
        n = rng.poisson(1.0, 180).astype(float)
        mean = np.log(80) + rng.normal(0, 0.5, 180) / np.sqrt(np.maximum(n, 1))
        within = np.where(n > 1, 0.25 * (n - 1) / np.maximum(n, 1), 0.0)
        found += signals.level_change(n, mean, within, direction="up", min_n=8, min_ratio=1.3).significant
    assert found <= 2


def test_failures_that_come_in_clumps_anyway_need_more_to_count():
    rng = np.random.default_rng(14)
    clumps = np.clip(0.03 * np.repeat(rng.lognormal(-0.3, 0.8, (60, 30)), 6, axis=1), 0, 1)
    found = sum(share(*shares(rng, p, n=20), min_n=8).significant for p in clumps)
    assert found <= 20, "more than half of them would be taken for a change if every failure came alone"
