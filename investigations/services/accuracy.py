"""How often a playbook's diagnoses were right, as people said of the runs that they looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from django.utils import timezone

from investigations.diagnosis.diagnose import band
from investigations.diagnosis.reliability import bins, brier, expected_error
from investigations.models import Feedback, Investigation
from investigations.models.investigations import InvestigationQuerySet
from investigations.services.agreement import ORDER, Share, share_of

#: Fewer verdicts are counted, and not turned into a share.
LEAST: Final = 5
_NAMED: Final = 5
#: What a correction found that names no label.
UNNAMED: Final = "something else"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of `judged` runs `right` were accepted. `low` to `high` is the 95 % interval of the share (Wilson); `stated` the
    mean confidence of the judged runs, which is the share that should have been right. 0 to 1 each.
    """

    judged: int
    right: int
    stated: float
    low: float
    high: float
    corrections: list[tuple[str, str, int]]  # what was said, what it really was, how often

    @property
    def is_enough(self) -> bool:
        return self.judged >= LEAST

    @property
    def share(self) -> float:
        return self.right / self.judged if self.judged else 0.0

    @property
    def right_share(self) -> Share:
        return Share(self.right, self.judged, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Judged:
    """One diagnosis and the last verdict on it."""

    ref: str
    ticket: str  # its reference
    playbook: str  # the key; "" for a run without one
    incident_class: str  # of the ticket
    at: datetime  # when the diagnosis was reached
    said: str  # the label of the first candidate, or ""
    confidence: float
    verdict: str  # accepted, corrected
    grade: str  # Feedback.Grade; "" when nobody graded it
    found: str  # the label that a person gave; UNNAMED when told in words only; "" when not told
    is_right: bool
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class Period:
    """A week or a month. `stated` is the mean confidence of its judged diagnoses: the share that should be right."""

    unit: Literal["week", "month"]
    name: str
    share: Share
    stated: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """The diagnoses of one band of stated confidence, or of one class."""

    band: str
    share: Share
    stated: float
    grades: tuple[tuple[str, int], ...] = ()  # (label of the grade, how many), where somebody graded


@dataclass(frozen=True, slots=True)
class ConfidenceBin:
    """The diagnoses stated with a confidence in [low, high), a tenth of the range; `stated` is their mean, 0 to 1."""

    low: float
    high: float
    share: Share
    stated: float


@dataclass(frozen=True, slots=True)
class KeptWord:
    """How well stated confidence kept its word. The two errors are None for fewer than LEAST diagnoses."""

    bins: tuple[ConfidenceBin, ...]  # those that hold a diagnosis, lowest first
    expected_error: float | None  # expected calibration error, 0 to 1
    brier: float | None  # 0 is perfect, 0.25 says nothing


def judged_of(runs: InvestigationQuerySet) -> list[Judged]:
    """Every finished run that somebody judged, oldest first; of several verdicts the last one counts. One query."""
    rows = (
        Feedback.objects.filter(investigation__in=runs.filter(status=Investigation.Status.DONE))
        .order_by("investigation_id", "-pk")
        .distinct("investigation_id")
        .select_related("investigation__ticket", "investigation__playbook")
        .only(
            "verdict",
            "grade",
            "label",
            "comment",
            "at",
            "investigation__finished_at",
            "investigation__queued_at",
            "investigation__confidence",
            "investigation__top_label",
            "investigation__ticket__ref",
            "investigation__ticket__incident_class",
            "investigation__playbook__key",
        )
    )
    judged = (_judged(row, run) for row in rows if (run := row.investigation) is not None)
    return sorted(judged, key=lambda item: item.at)


def _judged(row: Feedback, run: Investigation) -> Judged:
    told = row.label or (UNNAMED if row.comment else "")
    return Judged(
        ref=run.ref,
        ticket=run.ticket.ref,
        playbook=run.playbook.key if run.playbook else "",
        incident_class=run.ticket.incident_class,
        at=run.finished_at or run.queued_at,
        said=run.top_label,
        confidence=float(run.confidence or 0.0),
        verdict=row.verdict,
        grade=row.grade,
        found=(row.label or run.top_label) if row.verdict == "accepted" else told,
        is_right=row.verdict == "accepted" or row.grade == Feedback.Grade.EXACT,
        judged_at=row.at,
    )


def accuracy_of(judged: Sequence[Judged]) -> Accuracy:
    # A grade alone does not say what it really was.
    really = Counter((item.said, item.found) for item in judged if not item.is_right and item.found)
    named = sorted(really.items(), key=lambda item: (-item[1], item[0]))[:_NAMED]
    share = share_of(sum(item.is_right for item in judged), len(judged))
    stated = sum(item.confidence for item in judged) / len(judged) if judged else 0.0
    corrections = [(said, label, n) for (said, label), n in named]
    return Accuracy(share.n, share.hits, stated, share.low, share.high, corrections)


def kept_word_of(judged: Sequence[Judged]) -> KeptWord:
    confidence, right = [item.confidence for item in judged], [item.is_right for item in judged]
    found = tuple(
        ConfidenceBin(item.low, item.high, share_of(round(item.right * item.n), item.n), item.confidence)
        for item in bins(confidence, right)
    )
    if len(judged) < LEAST:
        return KeptWord(found, None, None)
    return KeptWord(found, expected_error(confidence, right), brier(confidence, right))


def over_time(judged: Iterable[Judged], *, unit: Literal["week", "month"], last: int = 12) -> list[Period]:
    """The last periods that have a judged diagnosis, oldest first; weeks begin on Monday in the reader's time zone."""
    groups: dict[datetime, list[Judged]] = {}
    for item in judged:
        groups.setdefault(_begin(item.at, unit), []).append(item)
    return [
        Period(unit, f"{begin.day} {begin:%b}" if unit == "week" else f"{begin:%b %Y}", *_share(items))
        for begin, items in sorted(groups.items())[-last:]
    ]


def by_band(judged: Iterable[Judged]) -> list[Reliability]:
    """Stated confidence against what came out: Low, Medium, High; bands without a judged diagnosis are left out."""
    return _grouped(judged, lambda item: band(item.confidence), ("Low", "Medium", "High"))


def by_class(judged: Iterable[Judged]) -> list[Reliability]:
    """Per class of the tickets, by name."""
    found = list(judged)
    return _grouped(found, lambda item: item.incident_class, sorted({item.incident_class for item in found}))


def _grouped(judged: Iterable[Judged], key: Callable[[Judged], str], order: Iterable[str]) -> list[Reliability]:
    groups: dict[str, list[Judged]] = {}
    for item in judged:
        groups.setdefault(key(item), []).append(item)
    found = []
    for name in order:
        if items := groups.get(name):
            counts = Counter(item.grade for item in items)
            grades = tuple((str(grade.label), counts[grade]) for grade in ORDER if counts[grade])
            found.append(Reliability(name, *_share(items), grades))
    return found


def _share(items: list[Judged]) -> tuple[Share, float]:
    stated = sum(item.confidence for item in items) / len(items)
    return share_of(sum(item.is_right for item in items), len(items)), stated


def _begin(at: datetime, unit: Literal["week", "month"]) -> datetime:
    day = timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday()) if unit == "week" else day.replace(day=1)
