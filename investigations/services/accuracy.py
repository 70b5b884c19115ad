"""How often a playbook's diagnoses were right, as people said of the runs that they looked at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from investigations.diagnosis.signals import wilson_interval
from investigations.models import Feedback, Investigation
from investigations.models.investigations import InvestigationQuerySet

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
        .values_list("verdict", "label", "investigation__top_label", "investigation__confidence")
    )
    judged = right = 0
    stated = 0.0
    really: Counter[tuple[str, str]] = Counter()
    for verdict, label, said, confidence in verdicts:
        judged += 1
        right += verdict == "accepted"
        stated += confidence or 0.0
        if verdict != "accepted":
            really[said, label or "something else"] += 1
    low, high = wilson_interval(right, judged)
    named = sorted(really.items(), key=lambda item: (-item[1], item[0]))[:_NAMED]
    corrections = [(said, label, n) for (said, label), n in named]
    return Accuracy(judged, right, stated / judged if judged else 0.0, low, high, corrections)
