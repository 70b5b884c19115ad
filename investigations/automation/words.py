"""Rules as sentences, for the page and the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from altor.words import counted
from investigations.automation.rules import INSTALLATION, Calendar, Rule

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def conditions_of(rule: Rule, classes: Mapping[str, str]) -> list[str]:
    """What must hold, one phrase a condition; [] for a rule that holds always."""
    when, said = rule.when, []
    if when.classes:
        said.append(f"class is {_either(classes.get(key, key) for key in when.classes)}")
    if when.class_known != "any":
        said.append("its class is known" if when.class_known == "yes" else "its class is not known")
    for label, values in (("tier", when.tiers), ("priority", when.priorities), ("helpdesk", when.connections)):
        if values:
            said.append(f"{label} is {_either(values)}")
    if when.tags_any:
        said.append(f"has the tag {_either(when.tags_any)}")
    if when.tags_none:
        said.append(f"has no tag {_either(when.tags_none)}")
    if when.hours != "any":
        whose = {"": "the ticket’s team", INSTALLATION: "the installation"}.get(when.calendar, when.calendar)
        said.append(f"{when.hours} of the business hours of {whose}")
    return said


def _either(values: Iterable[str]) -> str:
    listed = list(values)
    return " or ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def hours_of(calendar: Calendar) -> str:
    """`Mon-Fri 09:00-17:00, 2 holidays`."""
    days = sorted(calendar.days)
    run = days and days == list(range(days[0], days[-1] + 1)) and len(days) > 2
    listed = f"{DAYS[days[0]]}–{DAYS[days[-1]]}" if run else ", ".join(DAYS[day] for day in days) or "no day"
    free = len(calendar.holidays)
    return f"{listed} {calendar.opens:%H:%M}–{calendar.closes:%H:%M}" + (
        f", {counted(free, 'holiday')}" if free else ""
    )
