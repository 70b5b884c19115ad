"""Since when a meter counts too much, to the hour where the first day tells it."""

from __future__ import annotations

import pytest

from investigations.diagnosis.measures import usage
from investigations.playbooks.format import Usage

MEASURE = Usage.model_validate({"method": "usage", "min_ratio": 1.02})


def days(*ratios: float) -> list[dict[str, object]]:
    return [
        {"day": f"2026-05-{number:02d}", "served": 1000.0, "metered": 1000.0 * ratio}
        for number, ratio in enumerate(ratios, 1)
    ]


@pytest.mark.parametrize(
    ("ratios", "onset"),
    [
        ((1.0, 1.0, 1.1, 1.2, 1.2), "2026-05-03T12:00:00Z"),
        ((1.0, 1.05, 1.2, 1.2), "2026-05-02T18:00:00Z"),
        ((1.0, 1.2, 1.2, 1.2), "2026-05-02T00:00:00Z"),
        ((1.0, 1.19, 1.2, 1.2), "2026-05-02T00:00:00Z"),
        ((1.0, 1.0, 1.2), "2026-05-03T00:00:00Z"),
    ],
    ids=["from noon", "from six", "a whole day", "ordinary scatter", "nothing later tells"],
)
def test_the_first_day_tells_when_in_it_the_meter_went_wrong(ratios: tuple[float, ...], onset: str) -> None:
    assert usage(MEASURE, days(*ratios))["onset_at"] == onset


def test_a_meter_that_is_right_has_no_onset() -> None:
    assert "onset_at" not in usage(MEASURE, days(1.0, 1.0, 1.01))
