"""Values that pass between the engine (I/O) and the diagnosis (plain functions): no models, no network here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from investigations.sources.base import RequestRecord

Verdict = Literal["normal", "abnormal", "inconclusive", ""]
StepStatus = Literal["done", "skipped", "unavailable", "asked"]


@dataclass(frozen=True, slots=True)
class EvidenceDraft:
    """One fact found by a step, before it is stored. `ref_id` is E<position of the step>, then E<position>.2, .3 …

    The same run therefore always gives the same ids, whatever the order in which answers arrived.
    """

    ref_id: str
    step_id: str
    source: str
    kind: str  # taxonomy vocabulary, e.g. "status_429_share", "deployment"
    summary: str  # one sentence with its figures
    title: str = ""
    ref: Mapping[str, Any] = field(default_factory=dict)
    verdict: Verdict = ""
    at: datetime | None = None  # event time
    url: str = ""
    #: value, baseline, threshold, maximum, unit, numerator, denominator, series: list of numbers oldest first
    figures: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()  # at most 200
    row_count: int | None = None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How one step ended. `facts` are JSON-able: numbers as float, times as ISO 8601 UTC text, lists of mappings."""

    step_id: str
    source: str
    status: StepStatus
    verdict: Verdict = ""
    result: str = ""  # one line for the step list
    facts: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[EvidenceDraft, ...] = ()
    error_kind: str = ""  # unavailable, refused, invalid, limited, timeout
    error: str = ""
    requests: tuple[RequestRecord, ...] = ()
    fetched_at: datetime | None = None
    truncated: bool = False
    newest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What a run knows before its first step. `values` are the playbook's inputs, JSON-able, also visible to CEL."""

    as_of: datetime
    ticket: Mapping[str, Any]  # ref, subject, description, opened_at, tags …
    customer: Mapping[str, Any]  # org_id, name, plan, stripe_customer …; {} when unknown
    values: Mapping[str, Any]  # org_id, endpoint, claimed_onset, window_start, window_end, …
    profile: Mapping[str, Any]
    #: Causes that people confirmed before, newest first; see `engine.earlier` for the shape. Conditions read `earlier`.
    earlier: Sequence[Mapping[str, Any]] = ()
