"""What the rules say about a ticket. Nothing here reads a database or a clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from zoneinfo import ZoneInfo

from investigations.automation.rules import INSTALLATION, Calendar, Conditions, Mode, Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules may ask of a ticket."""

    incident_class: str = ""
    tier: str = ""
    tags: Collection[str] = ()
    connection: str = ""  # "zendesk/main"
    priority: str = ""
    team: str = ""  # slug


@dataclass(frozen=True, slots=True)
class Zones:
    """Where a calendar without a time zone of its own plays: team's slug -> zone name, and the installation's."""

    installation: str = "UTC"
    teams: Mapping[str, str] | None = None

    def of(self, key: str) -> tzinfo:
        return ZoneInfo((self.teams or {}).get(key) or self.installation or "UTC")


@dataclass(frozen=True, slots=True)
class Judgement:
    mode: Mode
    rule: Rule | None  # None: the default decided
    reason: str


def judge(rules: RuleSet, facts: Facts, at: datetime, zones: Zones) -> Judgement:
    """What the first rule that holds at `at` (aware) says, or the default."""
    for rule in rules.rules:
        if rule.active and _holds(rule.when, facts, at, rules, zones):
            return Judgement(rule.mode, rule, f"Rule “{rule.title}”")
    return Judgement(rules.default, None, "No rule holds; the default decides" if rules.rules else "The default")


def _holds(when: Conditions, facts: Facts, at: datetime, rules: RuleSet, zones: Zones) -> bool:
    tags = {tag.lower() for tag in facts.tags}
    return (
        _one_of(when.classes, facts.incident_class)
        and _one_of(when.tiers, facts.tier)
        and _one_of(when.priorities, facts.priority)
        and (not when.tags_any or not tags.isdisjoint(map(str.lower, when.tags_any)))
        and tags.isdisjoint(map(str.lower, when.tags_none))
        and (
            not when.connections
            or facts.connection in when.connections
            or facts.connection.partition("/")[0] in when.connections
        )
        and (when.class_known == "any" or (when.class_known == "yes") == bool(facts.incident_class))
        and (
            when.hours == "any"
            or (when.hours == "inside") == is_open(rules, when.calendar or facts.team, at, zones)
        )
    )  # fmt: skip


def _one_of(wanted: Collection[str], value: str) -> bool:
    return not wanted or value.lower() in {item.lower() for item in wanted}


def is_open(rules: RuleSet, key: str, at: datetime, zones: Zones) -> bool:
    """Whether `at` is inside of the hours of a team or of the installation; a team without hours has those of the
    installation, in its own time zone.
    """
    calendar = rules.calendars.get(key) or rules.calendars.get(INSTALLATION) or Calendar()
    local = at.astimezone(ZoneInfo(calendar.timezone) if calendar.timezone else zones.of(key))
    if local.weekday() not in calendar.days or local.date() in calendar.holidays:
        return False
    return local.time() >= calendar.opens and (calendar.closes == time(0) or local.time() < calendar.closes)
