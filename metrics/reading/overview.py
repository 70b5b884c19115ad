"""What the first page of the metrics shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final

from altor.models import Team
from escalations.interruptions.ledger import of_period
from metrics.definitions.catalogue import FEW, METRICS, PHASES
from metrics.definitions.metric import Good, Kind, Metric
from metrics.models import Watermark
from metrics.reading.figures import NONE, Figure, Key, figures, only
from metrics.reading.mix import at_mix
from metrics.reading.scope import Scope

#: Closed cycles without which no figure is shown at all.
ENOUGH: Final = 20
#: From this part on it is said that the mix of classes has changed the figure.
WORTH: Final = 0.05
#: Columns of the table of classes.
OF_A_CLASS: Final = ("investigation-time", "escalation-rate", "first-contact", "reopened-7", "automated-tickets")


@dataclass(frozen=True, slots=True)
class Shown:
    """A metric with its figure, that of the period before, and one for each week (None: of nothing)."""

    metric: Metric
    now: Figure
    before: Figure
    weeks: Sequence[float | None]
    provisional: bool = False
    #: The period before at this period's mix of classes; None where it says nothing new.
    at_mix: float | None = None

    @property
    def is_few(self) -> bool:
        return 0 < self.now.n < FEW

    @property
    def value(self) -> float | None:
        """None also where a mean of so few would say nothing."""
        return None if self.metric.kind is Kind.MEAN and self.is_few else self.now.value

    @property
    def trend(self) -> list[float]:
        return [value for value in self.weeks if value is not None]

    @property
    def change(self) -> float | None:
        """Of a share in points (0.04: four more of a hundred), of anything else relative to before; None where one of
        the two rests on too few.
        """
        now, before = self.now.value, self.before.value
        if now is None or before is None or min(self.now.n, self.before.n) < FEW:
            return None
        if self.metric.unit == "share":
            return now - before
        return (now - before) / before if before else None

    @property
    def look(self) -> str:
        """`good`, `bad`, or "" where nothing changed or neither is better."""
        if not self.change or self.metric.good is Good.NEITHER:
            return ""
        return "good" if (self.change < 0) is (self.metric.good is Good.DOWN) else "bad"


@dataclass(frozen=True, slots=True)
class OfClass:
    incident_class: str
    n: int
    handled_s: int  # all phases and our queue together
    figures: Mapping[str, Figure]
    weeks: Sequence[float]  # median investigation


@dataclass(frozen=True, slots=True)
class Interruptions:
    """Hours that engineers spent, see docs/explanation/interruptions.md. `hours` None: the person sees no team's."""

    hours: float | None
    before: float | None
    interruptions: int
    people: int


@dataclass
class Overview:
    scope: Scope
    now: datetime

    @cached_property
    def _now(self) -> dict[str, dict[Key, Figure]]:
        return figures(METRICS.values(), self.scope)

    @cached_property
    def _before(self) -> dict[str, dict[Key, Figure]]:
        return figures(METRICS.values(), self.scope.before)

    @cached_property
    def _weekly(self) -> dict[str, dict[Key, Figure]]:
        return figures(METRICS.values(), self.scope, ("week",))

    @cached_property
    def closed(self) -> int:
        return only(self._now, "resolution-time").n

    @property
    def is_enough(self) -> bool:
        return self.closed >= ENOUGH

    @property
    def estimated(self) -> int:
        return only(self._now, "resolution-time").estimated

    @cached_property
    def shown(self) -> list[Shown]:
        found = []
        for name, metric in METRICS.items():
            weekly = self._weekly.get(name, {})
            settled = self.now.date() - timedelta(days=metric.settles_days)
            before = only(self._before, name)
            found.append(
                Shown(
                    metric, only(self._now, name), before,
                    [weekly.get((week,), NONE).value for week in self.scope.weeks],
                    bool(metric.settles_days) and self.scope.last + timedelta(days=6) > settled,
                    self._at_mix(metric, before),
                )
            )  # fmt: skip
        return found

    def _at_mix(self, metric: Metric, before: Figure) -> float | None:
        """Of what stands first; of one class there is no mix."""
        if self.scope.incident_class or before.value is None or not (metric.front or metric in PHASES):
            return None
        now, former = (found.get(metric.name, {}) for found in self._by_class)
        value = at_mix(metric, now, former, self.scope.before)
        if value is None or abs(value - before.value) <= WORTH * abs(before.value):
            return None
        return value

    @cached_property
    def _by_class(self) -> tuple[dict[str, dict[Key, Figure]], dict[str, dict[Key, Figure]]]:
        wanted = [metric for metric in METRICS.values() if metric.front or metric in PHASES]
        return figures(wanted, self.scope, ("class",)), figures(wanted, self.scope.before, ("class",))

    @property
    def front(self) -> list[Shown]:
        return sorted((one for one in self.shown if one.metric.front), key=lambda one: one.metric.front)

    @property
    def phases(self) -> list[Shown]:
        names = {metric.name for metric in PHASES}
        return [one for one in self.shown if one.metric.name in names]

    @property
    def others(self) -> list[Shown]:
        names = {metric.name for metric in PHASES}
        return [one for one in self.shown if one.metric.name not in names and not one.metric.front]

    @property
    def antis(self) -> list[Shown]:
        """Each anti-pattern once."""
        found = {one.metric.anti.name: one for one in self.shown if one.metric.anti is not None}
        return list(found.values())

    @cached_property
    def phase_weeks(self) -> list[tuple[date, list[Figure]]]:
        """Each week with its four phases."""
        return [
            (week, [self._weekly.get(metric.name, {}).get((week,), NONE) for metric in PHASES])
            for week in self.scope.weeks
        ]

    @cached_property
    def classes(self) -> list[OfClass]:
        """The most time first."""
        names = [METRICS[name] for name in OF_A_CLASS]
        found = figures([*names, METRICS["resolution-time"]], self.scope, ("class",))
        weekly = figures([METRICS["investigation-time"]], self.scope, ("class", "week"))["investigation-time"]
        spent = self._handled()
        rows = [
            OfClass(
                name,
                figure.n,
                spent.get(name, 0),
                {metric.name: found[metric.name].get((name,), NONE) for metric in names},
                [value for week in self.scope.weeks if (value := weekly.get((name, week), NONE).value) is not None],
            )
            for (name,), figure in found["resolution-time"].items()
            if figure.n
        ]
        return sorted(rows, key=lambda row: (-row.handled_s, row.incident_class))

    def _handled(self) -> dict[str, int]:
        found = figures([_HANDLED], self.scope, ("class",)).get(_HANDLED.name, {})
        return {str(key[0]): int(figure.value or 0) for key, figure in found.items()}

    @cached_property
    def interruptions(self) -> Interruptions:
        if self.scope.only_owned is not None:
            return Interruptions(None, None, 0, 0)
        teams = None if self.scope.teams is None else list(Team.objects.filter(pk__in=self.scope.teams))
        now, before = (
            of_period(one.first, one.last + timedelta(days=6), now=self.now) for one in (self.scope, self.scope.before)
        )
        if teams is not None:
            found = [[ledger.of_team(team).total for team in teams] for ledger in (now, before)]
            return Interruptions(
                sum(one.hours for one in found[0]),
                sum(one.hours for one in found[1]),
                sum(one.interruptions for one in found[0]),
                len(frozenset().union(*(one.engineers for one in found[0]))),
            )
        total = now.total
        return Interruptions(total.hours, before.total.hours, total.interruptions, total.people)

    @property
    def updated_at(self) -> datetime | None:
        return Watermark.objects.values_list("at", flat=True).first()


_HANDLED: Final = Metric(
    "handled", "Time spent", Kind.SUM, "s", Good.NEITHER, formula="", population="", exclusions="", clock="", source="",
    example="", where=METRICS["resolution-time"].where,
    value="intake_s + investigation_s + drafting_s + closure_s",
)  # fmt: skip
