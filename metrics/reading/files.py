"""Figures and their tickets as CSV: seconds, shares from 0 to 1, times in UTC."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from altor.spreadsheet import cell
from metrics.definitions.catalogue import METRICS
from metrics.definitions.metric import Metric
from metrics.reading.figures import Figure, figures
from metrics.reading.listing import Line
from metrics.reading.scope import Scope

_FIGURES: Final = ("metric", "version", "week", "n", "value", "p90", "hits", "anti_pattern", "estimated")
_TICKETS: Final = (
    "ticket", "cycle", "class", "team", "tier", "begun_at", "closed_at", "value", "hit", "intake_s", "investigation_s",
    "drafting_s", "closure_s", "queue_s", "customer_s", "hold_s", "engineering_s", "estimated",
)  # fmt: skip


def overview_csv(wanted: Scope) -> str:
    """Each metric for each week, and for the whole period (an empty week): medians of weeks do not add up."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(_FIGURES)
    whole, weekly = figures(METRICS.values(), wanted), figures(METRICS.values(), wanted, ("week",))
    for name, metric in METRICS.items():
        if (figure := whole.get(name, {}).get(())) is not None:
            rows.writerow(_figure(metric, "", figure))
        for (week,), figure in sorted(weekly.get(name, {}).items()):
            rows.writerow(_figure(metric, week.isoformat(), figure))
    return out.getvalue()


def _figure(metric: Metric, week: str, one: Figure) -> list[object]:
    return [metric.name, metric.version, week, one.n, one.value, one.p90, one.hits, one.anti, one.estimated]


def lines_csv(metric: Metric, found: Iterable[Line]) -> str:
    """The cycles behind a figure, with all their lanes. Nothing of who worked on them."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(_TICKETS)
    for line in found:
        one = line.cycle
        rows.writerow(
            [
                cell(one.ticket.ref), one.number, one.incident_class, cell(one.team.slug), cell(one.tier),
                _time(one.begun_at), _time(one.closed_at), line.value, int(line.hit), one.intake_s,
                one.investigation_s, one.drafting_s, one.closure_s, one.queue_s, one.customer_s, one.hold_s,
                one.engineering_s, int(one.estimated),
            ]
        )  # fmt: skip
    return out.getvalue()


def _time(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""
