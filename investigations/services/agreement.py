"""How near an answer is to what the team found, on four steps, and the counts of many answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from investigations.diagnosis.signals import wilson_interval
from investigations.models import Feedback
from investigations.services.causes import UNDECIDED, Causes

Grade = Feedback.Grade
#: Best first; the distance of two grades is that of their places.
ORDER: Final = (Grade.EXACT, Grade.ONE_HOP, Grade.AREA, Grade.WRONG)
#: "One hop short": among so many first candidates.
_NEAR: Final = 3
#: Fewer answers are counted and make no share.
LEAST: Final = 5


def agreement(candidates: Sequence[Mapping[str, Any]], truth: str, causes: Causes) -> Feedback.Grade:
    """The grade of an answer, its candidates best first, when the cause was `truth`.

    exact: the first candidate, or its kin (the same answer in other words); one hop: among the first three named; area:
    the first named candidate is of the cause's class. "Not enough evidence" names nobody and is never exact, unless
    that is what the team found.
    """
    labels = [str(item["label"]) for item in candidates]
    if not labels:
        return Grade.WRONG
    if _is_same(labels[0], truth, causes):
        return Grade.EXACT
    named = [label for label in labels if label != UNDECIDED]
    if any(_is_same(label, truth, causes) for label in named[:_NEAR]):
        return Grade.ONE_HOP
    if named and _class_of(named[0], causes) and _class_of(named[0], causes) == _class_of(truth, causes):
        return Grade.AREA
    return Grade.WRONG


def _is_same(label: str, truth: str, causes: Causes) -> bool:
    return label == truth or (label in causes and truth in causes[label].kin)


def _class_of(label: str, causes: Causes) -> str:
    """The class of a cause; of one that no playbook in force knows, the prefix that its class has."""
    if label in causes:
        return causes[label].incident_class
    prefix = label.partition(".")[0]
    alike = {cause.incident_class for name, cause in causes.items() if name.partition(".")[0] == prefix}
    return alike.pop() if len(alike) == 1 else ""


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n` with the 95 % interval of the share (Wilson), 0 to 1."""

    hits: int
    n: int
    low: float
    high: float

    @property
    def is_enough(self) -> bool:
        return self.n >= LEAST

    @property
    def share(self) -> float:
        return self.hits / self.n if self.n else 0.0


def share_of(hits: int, n: int) -> Share:
    low, high = wilson_interval(hits, n)
    return Share(hits, n, low, high)


@dataclass(frozen=True, slots=True)
class Tally:
    """Grades counted. `exact`, `near` (exact or one hop short) and `area` (those or the right area) are shares."""

    grades: tuple[tuple[Feedback.Grade, int], ...]  # in order, each
    exact: Share
    near: Share
    area: Share


def tally(grades: Iterable[str]) -> Tally:
    counts = Counter(grades)
    n = sum(counts.values())
    within = [sum(counts[grade] for grade in ORDER[:last]) for last in (1, 2, 3)]
    exact, near, area = (share_of(hits, n) for hits in within)
    return Tally(tuple((grade, counts[grade]) for grade in ORDER), exact, near, area)
