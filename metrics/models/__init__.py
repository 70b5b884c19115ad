"""What the metrics keep."""

from __future__ import annotations

from metrics.models.cycles import LANES, Cycle, CycleQuerySet, Watermark
from metrics.models.recovery import RecoverySurvey
from metrics.models.reviews import Review, ReviewAction, ReviewItem

__all__ = [
    "LANES", "Cycle", "CycleQuerySet", "RecoverySurvey", "Review", "ReviewAction", "ReviewItem", "Watermark",
]  # fmt: skip
