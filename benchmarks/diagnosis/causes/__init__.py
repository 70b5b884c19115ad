"""The 44 causes, by kind. Importing this registers all of them in `CAUSES`."""

from benchmarks.diagnosis.causes import errors, latency, money, nothing, rate_limits, webhooks  # noqa: F401  # register
from benchmarks.diagnosis.causes.innocent import herrings, unrest
from benchmarks.diagnosis.causes.parts import CAUSES

__all__ = ["CAUSES", "herrings", "unrest"]
