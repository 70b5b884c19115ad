"""What rules would have done with the tickets of the last days, before they are in force.

By the time the customer wrote, so that tickets that were read in later count where they belong. Class, tier and tags
are those of today. The switch is taken as on.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from investigations.automation.judging import Facts, Zones, judge
from investigations.automation.rules import Mode, RuleSet
from investigations.models import Ticket
from investigations.models.automation import HOUR
from investigations.services.automation import zones_for

DAYS: Final = 14


@dataclass(slots=True)
class ClassLine:
    incident_class: str
    automatic: int = 0
    suggest: int = 0
    watch: int = 0

    @property
    def total(self) -> int:
        return self.automatic + self.suggest + self.watch


@dataclass(slots=True)
class Simulation:
    """`peak`: the most that would have started within any 60 minutes, without quotas; `held_back`: tickets that found
    every place of a quota taken, and would have waited.
    """

    days: int
    total: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    lines: list[ClassLine] = field(default_factory=list)  # most tickets first
    by_rule: Counter[str] = field(default_factory=Counter)  # key of the rule, "" = the default
    peak: int = 0
    peak_at: datetime | None = None  # when that hour ended
    held_back: int = 0

    @property
    def automatic(self) -> int:
        return self.modes[Mode.AUTOMATIC]

    @property
    def suggest(self) -> int:
        return self.modes[Mode.SUGGEST]

    @property
    def watch(self) -> int:
        return self.modes[Mode.WATCH]


@dataclass(slots=True)
class _Hour:
    """Starts of the last 60 minutes."""

    starts: deque[datetime] = field(default_factory=deque)

    def at(self, now: datetime) -> int:
        while self.starts and self.starts[0] <= now - HOUR:
            self.starts.popleft()
        return len(self.starts)


def simulate(rules: RuleSet, *, now: datetime, days: int = DAYS) -> Simulation:
    """Up to three queries. Tickets of the whole installation, because the rules are the whole installation's."""
    return replay(rules, tickets_since(now - timedelta(days=days), now), zones_for(rules), days)


def tickets_since(since: datetime, until: datetime) -> Iterator[tuple[datetime, Facts]]:
    rows = Ticket.objects.filter(opened_at__gt=since, opened_at__lte=until).order_by("opened_at", "pk").values_list(
        "opened_at", "incident_class", "customer__tier", "tags", "helpdesk", "connection", "priority", "team__slug"
    )  # fmt: skip
    for at, incident_class, tier, tags, helpdesk, connection, priority, team in rows.iterator(chunk_size=2000):
        yield at, Facts(incident_class, tier or "", tags, f"{helpdesk}/{connection}", priority, team)


def replay(rules: RuleSet, tickets: Iterable[tuple[datetime, Facts]], zones: Zones, days: int) -> Simulation:
    """Each ticket once, oldest first; nothing is read here."""
    found, lines = Simulation(days), dict[str, ClassLine]()
    everything, allowed, of_rule = _Hour(), _Hour(), dict[str, _Hour]()
    for at, facts in tickets:
        said = judge(rules, facts, at, zones)
        key = said.rule.key if said.rule else ""
        found.total += 1
        found.modes[said.mode] += 1
        found.by_rule[key] += 1
        line = lines.setdefault(facts.incident_class, ClassLine(facts.incident_class))
        setattr(line, said.mode.value, getattr(line, said.mode.value) + 1)
        if said.mode is not Mode.AUTOMATIC:
            continue
        everything.starts.append(at)
        if (most := everything.at(at)) > found.peak:
            found.peak, found.peak_at = most, at
        own, limit = of_rule.setdefault(key, _Hour()), said.rule.quota_per_hour if said.rule else None
        is_full = (rules.quota_per_hour is not None and allowed.at(at) >= rules.quota_per_hour) or (
            limit is not None and own.at(at) >= limit
        )
        if is_full:
            found.held_back += 1
        else:
            allowed.starts.append(at)
            own.starts.append(at)
    found.lines = sorted(lines.values(), key=lambda line: (-line.total, line.incident_class))
    return found
