"""Turns and unusual spells of long series, on series whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from investigations.diagnosis.seasons import unusual_spells, usual
from investigations.diagnosis.segments import LEAST, turns

HOUR = 3600.0


def near(found: list[int], truth: list[int], margin: int = 5) -> bool:
    return len(found) == len(truth) and all(abs(a - b) <= margin for a, b in zip(found, truth, strict=True))


def test_a_turn_of_level_slope_and_scatter_is_found_each() -> None:
    noise = np.random.default_rng(5).normal(size=300)
    level = noise + np.where(np.arange(300) >= 180, 6.0, 0.0)
    slope = noise + 0.1 * np.maximum(np.arange(300) - 150, 0)
    scatter = noise * np.where(np.arange(300) >= 120, 6.0, 1.0)
    assert near(turns(level), [180])
    assert near(turns(slope), [150], margin=12)
    assert near(turns(scatter), [120])


def test_several_turns_are_found_at_once() -> None:
    noise = np.random.default_rng(6).normal(size=400)
    values = noise + np.repeat([0.0, 8.0, 0.0, 5.0], 100)
    assert near(turns(values), [100, 200, 300])


def test_what_never_turned_has_no_turns() -> None:
    rng = np.random.default_rng(7)
    assert sum(bool(turns(rng.normal(size=192))) for _ in range(100)) <= 2
    straight = np.arange(100.0)
    assert turns(straight + rng.normal(size=100)) == []
    assert turns(np.full(50, 3.0)) == []
    assert turns(np.array([])) == []
    assert turns(rng.normal(size=2 * LEAST - 1)) == []


def test_neighbours_that_resemble_each_other_are_no_turns() -> None:
    """A first-order autoregression wanders: priced as independent values it would turn everywhere."""
    rng = np.random.default_rng(8)
    turned = 0
    for _ in range(60):
        noise = rng.normal(size=192)
        values = np.zeros(192)
        for at in range(1, 192):
            values[at] = 0.5 * values[at - 1] + noise[at]
        turned += bool(turns(values))
    assert turned <= 3


def test_a_long_series_is_thinned_and_its_turn_kept() -> None:
    values = np.random.default_rng(9).normal(size=10_000) + np.where(np.arange(10_000) >= 6_000, 5.0, 0.0)
    assert near(turns(values), [6_000], margin=40)


def days(n: int, seed: int = 1) -> np.ndarray:
    """n days of hourly values with a strong day."""
    hours = np.arange(24 * n)
    noise = np.random.default_rng(seed).normal(size=24 * n)
    return np.asarray(100 + 40 * np.sin(hours / 24 * 2 * np.pi) + 3 * noise)


def test_a_day_is_usual_and_its_absence_is_not() -> None:
    values = days(8)
    assert unusual_spells(values, HOUR) == []
    values[24 * 6 + 2 : 24 * 6 + 12] = 60.0  # the day did not come
    spells = unusual_spells(values, HOUR)
    assert [(spell.start, spell.end) for spell in spells] == [(24 * 6 + 2, 24 * 6 + 12)]
    assert spells[0].deviations < -3


def test_the_height_of_every_day_is_not_unusual_on_one_of_them() -> None:
    """By its value alone the afternoon stands out; beside the other afternoons it does not."""
    profile = usual(days(8), HOUR)
    assert profile[24 * 3 + 6] == pytest.approx(140, abs=4)
    assert profile[24 * 3 + 18] == pytest.approx(60, abs=4)


@pytest.mark.parametrize(("length", "step"), [(48, HOUR), (24 * 8, 3300.0)])
def test_without_three_days_or_with_an_odd_step_there_is_no_profile(length: int, step: float) -> None:
    values = days(8)[:length]
    assert np.ptp(usual(values, step)) == 0


def test_spells_come_in_the_order_of_time_and_are_bounded() -> None:
    values = np.random.default_rng(3).normal(size=400)
    for at in (40, 120, 200, 280, 350):
        values[at : at + 12] += 9
    found = unusual_spells(values, 600.0)
    assert [round(spell.start, -1) for spell in found] == [40, 120, 200, 280, 350]
    assert len(unusual_spells(values, 600.0, most=2)) == 2
