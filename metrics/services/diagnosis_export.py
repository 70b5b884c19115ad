"""Diagnosis quality as it leaves Altor: the JSON document of REST, and the judged runs as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC
from typing import Any, Final

from altor.spreadsheet import cell
from investigations.services.accuracy import Accuracy, Judged, KeptWord
from investigations.services.agreement import Share
from metrics.services.diagnosis_quality import PERIODS, Quality

COLUMNS: Final = (
    "run", "ticket", "class", "label_said", "label_found", "verdict", "grade", "confidence", "judged_at",
)  # fmt: skip
#: What labels look like. Over REST a person may write anything as the label, so also a name or an address.
_LABEL: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")


def as_csv(judged: Iterable[Judged]) -> str:
    """A line per judged run: labels, confidence 0 to 1, time in UTC. No comment, and nothing of who judged or wrote."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for item in judged:
        found = item.found if _LABEL.fullmatch(item.found) else ""
        at = item.judged_at.astimezone(UTC).isoformat(timespec="seconds")
        texts = [item.ref, item.ticket, item.incident_class, item.said, found, item.verdict, item.grade]
        rows.writerow([*(cell(text) for text in texts), round(item.confidence, 4), at])
    return out.getvalue()


def as_document(quality: Quality) -> dict[str, Any]:
    """Shares are 0 to 1. What fewer than five verdicts would say is null."""
    length = PERIODS[quality.period]
    return {
        "period_days": None if length is None else length.days,
        "since": quality.since,
        "playbook": quality.chosen.key if quality.chosen else None,
        "finished": quality.finished,
        **_figures(quality.accuracy, quality.kept),
        "grades": {str(grade): n for grade, n in quality.grades},
        "ungraded": quality.ungraded,
        "bins": [
            {"low": item.low, "high": item.high, "right": _share(item.share), "stated": _round(item.stated)}
            for item in quality.kept.bins
        ],
        "playbooks": [
            {
                "playbook": line.book.key or None,
                "title": line.book.title,
                "incident_class": line.book.incident_class,
                **_figures(line.accuracy, line.kept),
            }
            for line in quality.playbooks
        ],
        "calibration": {
            "version": quality.calibration.version,
            "fitted_on": quality.calibration.fitted_on or None,
            "cases": quality.calibration.cases,
        },
    }


def _figures(accuracy: Accuracy, kept: KeptWord) -> dict[str, Any]:
    return {
        "judged": accuracy.judged,
        "right": _share(accuracy.right_share),
        "stated": _round(accuracy.stated) if accuracy.judged else None,
        "expected_calibration_error": _round(kept.expected_error),
        "brier": _round(kept.brier),
        "corrections": [{"said": said, "found": found, "n": n} for said, found, n in accuracy.corrections],
    }


def _share(share: Share) -> dict[str, Any]:
    told = (share.share, share.low, share.high) if share.is_enough else (None, None, None)
    figures = dict(zip(("share", "low", "high"), map(_round, told), strict=True))
    return {"hits": share.hits, "n": share.n, **figures}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
