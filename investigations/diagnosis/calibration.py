"""The map from raw probability to confidence, fitted on labelled cases by a command and kept with its data's version.

Platt's form on the logit (Platt 1999): confidence = sigmoid(slope * logit(p) + offset). With slope 1 and offset 0 it
changes nothing: that is the state before anything was fitted.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True, slots=True)
class Calibration:
    slope: float = 1.0
    offset: float = 0.0
    version: str = "none"
    cases: int = 0
    fitted_on: str = ""  # ISO date; "" where it is not told

    def apply(self, probability: float) -> float:
        """Confidence in [0.005, 0.99]: certainty is never claimed."""
        p = min(max(probability, 1e-6), 1 - 1e-6)
        value = 1 / (1 + math.exp(-(self.slope * math.log(p / (1 - p)) + self.offset)))
        return min(max(value, 0.005), 0.99)


@lru_cache(maxsize=1)
def current() -> Calibration:
    """The calibration in force; the neutral one when none was fitted."""
    if not FILE.exists():
        return Calibration()
    data = json.loads(FILE.read_text())
    return Calibration(
        float(data["slope"]),
        float(data["offset"]),
        str(data["version"]),
        int(data["cases"]),
        str(data.get("fitted_on", "")),
    )
