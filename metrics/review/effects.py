"""Whether a change worked: the metric it was meant for, before and since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from altor.models import Team
from metrics.definitions.catalogue import FEW, METRICS
from metrics.definitions.metric import Metric
from metrics.models import ReviewAction
from metrics.reading.figures import Figure, figures, only
from metrics.reading.scope import Scope, monday_of

#: Weeks before the change, and at most so many since, that are compared.
WEEKS: Final = 4


@dataclass(frozen=True, slots=True)
class Effect:
    """`since` begins with the week after the change: the one in which it fell belongs to neither."""

    action: ReviewAction
    metric: Metric
    before: Figure
    since: Figure

    @property
    def is_few(self) -> bool:
        return min(self.before.n, self.since.n) < FEW


def effects(team: Team, actions: Iterable[ReviewAction], now: datetime) -> list[Effect]:
    """Of actions that are done and name a metric, where a whole week has passed since. Two queries for each."""
    found = []
    for action in actions:
        metric = METRICS.get(action.metric)
        if metric is None or action.ended_at is None or action.status != ReviewAction.Status.DONE:
            continue
        changed = monday_of(action.ended_at.date())
        last = min(monday_of(now.date()) - timedelta(days=7), changed + timedelta(days=7 * WEEKS))
        if last <= changed:
            continue
        before = _figure(metric, team, action, changed - timedelta(days=7 * WEEKS), changed - timedelta(days=7))
        since = _figure(metric, team, action, changed + timedelta(days=7), last)
        found.append(Effect(action, metric, before, since))
    return found


def _figure(metric: Metric, team: Team, action: ReviewAction, first: date, last: date) -> Figure:
    wanted = Scope(first, last, action.incident_class, team.slug, "", (team.pk,))
    return only(figures([metric], wanted), metric.name)
