"""How often a playbook's diagnoses were right, as people said of the runs that they looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from django.utils import timezone

from investigations.diagnosis.diagnose import band
from investigations.diagnosis.signals import wilson_interval
from investigations.models import Feedback, Investigation
from investigations.models.investigations import InvestigationQuerySet
from investigations.services.agreement import ORDER, Share, share_of

#: Fewer verdicts are counted, and not turned into a share.
LEAST: Final = 5
_NAMED: Final = 5


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


def accuracy_of(runs: InvestigationQuerySet) -> Accuracy:
    """Over the runs given; of several verdicts on a run the last one counts. One query."""
    done = runs.filter(status=Investigation.Status.DONE)
    verdicts = (
        Feedback.objects.filter(investigation__in=done)
        .order_by("investigation_id", "-pk")
        .distinct("investigation_id")
        .values_list("verdict", "grade", "label", "comment", "investigation__top_label", "investigation__confidence")
    )
    judged = right = 0
    stated = 0.0
    really: Counter[tuple[str, str]] = Counter()
    for verdict, grade, label, comment, said, confidence in verdicts:
        is_right = verdict == "accepted" or grade == Feedback.Grade.EXACT
        judged += 1
        right += is_right
        stated += confidence or 0.0
        if not is_right and (label or comment):  # a grade alone does not say what it really was
            really[said, label or "something else"] += 1
    low, high = wilson_interval(right, judged)
    named = sorted(really.items(), key=lambda item: (-item[1], item[0]))[:_NAMED]
    corrections = [(said, label, n) for (said, label), n in named]
    return Accuracy(judged, right, stated / judged if judged else 0.0, low, high, corrections)


@dataclass(frozen=True, slots=True)
class Judged:
    """One diagnosis and the last verdict on it."""

    at: datetime  # when the diagnosis was reached
    confidence: float
    is_right: bool
    grade: str  # Feedback.Grade; "" when nobody graded it
    incident_class: str


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


def judged_of(runs: InvestigationQuerySet) -> list[Judged]:
    """Every finished run that somebody judged, oldest first. One query."""
    rows = (
        Feedback.objects.filter(investigation__in=runs.filter(status=Investigation.Status.DONE))
        .order_by("investigation_id", "-pk")
        .distinct("investigation_id")
        .values_list(
            "investigation__finished_at",
            "investigation__queued_at",
            "investigation__confidence",
            "verdict",
            "grade",
            "investigation__ticket__incident_class",
        )
    )
    found = [
        Judged(
            ended or asked,
            float(confidence or 0.0),
            verdict == "accepted" or grade == Feedback.Grade.EXACT,
            grade,
            incident_class,
        )
        for ended, asked, confidence, verdict, grade, incident_class in rows
    ]
    return sorted(found, key=lambda item: item.at)


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
