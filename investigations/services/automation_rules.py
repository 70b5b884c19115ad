"""The automation rules in force, and their versions: each change is one of the whole set, and any can come back."""

from __future__ import annotations

import difflib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction

from altor.audit import record_event
from altor.configuration import canonical
from altor.errors import Conflict, InvalidInput, NotFound
from altor.models import Team, User
from investigations.automation.rules import INSTALLATION, RuleSet, read_rules
from investigations.models import AutomationVersion


class RulesChanged(Conflict):
    """`extra`: `base` (the version that was edited) and `version` (the one in force now)."""

    code = "automation_changed"
    title = "Somebody else has changed the rules meanwhile"


@dataclass(frozen=True, slots=True)
class InForce:
    """The rules in force. `number` 0: nobody has changed anything, every ticket is investigated."""

    number: int = 0
    rules: RuleSet = field(default_factory=RuleSet)
    row: AutomationVersion | None = None


def rules_in_force() -> InForce:
    """One query."""
    row = AutomationVersion.objects.select_related("created_by").first()
    return InForce(row.number, read_rules(row.data), row) if row else InForce()


def save_rules(rules: RuleSet, *, base: int | None, actor: User | None, comment: str = "") -> InForce:
    """A new version, in force at once. Nothing is written when it equals the present one.

    `base` is the version that was edited: RulesChanged when another one is in force now (None does not ask).
    InvalidInput for hours of a team that does not exist.
    """
    rules = _keyed(rules)
    _check_teams(rules)
    try:
        with transaction.atomic():
            now = _locked()
            if base is not None and base != now.number:
                raise _changed(base, now)
            if rules == now.rules:
                return now
            row = AutomationVersion.objects.create(
                number=now.number + 1, data=rules.as_data(), comment=comment.strip()[:300], created_by=actor
            )
            record_event(
                actor=actor, action="automation.changed", object_kind="automation", object_ref=str(row),
                before=now.rules.as_data(), after=row.data, reason=row.comment,
            )  # fmt: skip
            return InForce(row.number, rules, row)
    except IntegrityError:
        # Two first versions at once: no row was there to lock.
        raise _changed(base, rules_in_force()) from None


def _locked() -> InForce:
    """The rules in force, held until the transaction ends. Read again after the wait: another may have been faster."""
    newest = AutomationVersion.objects.order_by("-number").first()
    if newest is not None:
        AutomationVersion.objects.select_for_update().get(pk=newest.pk)
    return rules_in_force()


def _changed(base: int | None, now: InForce) -> RulesChanged:
    who = f" by {now.row.created_by}" if now.row and now.row.created_by else ""
    return RulesChanged(
        f"Version {now.number} came into force{who} while you edited version {base or 0}.",
        base=base or 0,
        version=now.number,
    )


def restore_version(number: int, *, base: int | None, actor: User | None) -> InForce:
    """The rules of an earlier version as a new one; 0 is how Altor was shipped. NotFound for an unknown number."""
    return save_rules(rules_of(number), base=base, actor=actor, comment=f"Version {number} again")


def rules_of(number: int) -> RuleSet:
    """NotFound for a version that does not exist."""
    if number == 0:
        return RuleSet()
    row = AutomationVersion.objects.filter(number=number).first()
    if row is None:
        raise NotFound(f"There is no version {number} of the rules.")
    return read_rules(row.data)


def as_text(rules: RuleSet) -> str:
    """The set as the configuration file `automation.yaml` has it: what is as usual is left out."""
    data = rules.model_dump(mode="json", exclude_defaults=True)
    return canonical({"default": rules.default.value, "rules": [], **data})


def difference(before: RuleSet, after: RuleSet) -> Sequence[tuple[str, str]]:
    """(look, line) with look "add", "del", "hunk" or "" for each line of the difference of the two texts."""
    looks = {"+": "add", "-": "del", "@": "hunk"}
    lines = difflib.unified_diff(as_text(before).splitlines(), as_text(after).splitlines(), lineterm="")
    return [(looks.get(line[:1], ""), line) for line in list(lines)[2:]]


def _keyed(rules: RuleSet) -> RuleSet:
    """Every rule with a key of its own; those that have one keep it."""
    if all(rule.key for rule in rules.rules):
        return rules
    kept = [rule if rule.key else rule.model_copy(update={"key": secrets.token_hex(5)}) for rule in rules.rules]
    return rules.replaced(rules=tuple(kept))


def _check_teams(rules: RuleSet) -> None:
    named = set(rules.calendars) | {rule.when.calendar for rule in rules.rules if rule.when.calendar}
    unknown = named - {INSTALLATION} - set(Team.objects.filter(slug__in=named).values_list("slug", flat=True))
    if unknown:
        raise InvalidInput(f"No team is called {', '.join(sorted(unknown))} whose hours could count.", field="calendar")


def with_rule(rules: RuleSet, data: dict[str, Any], key: str = "") -> RuleSet:
    """The set with one rule changed in its place, or a new one at the end. InvalidInput names the field."""
    listed = [rule.model_dump(mode="json") for rule in rules.rules]
    place = next((n for n, rule in enumerate(listed) if key and rule["key"] == key), len(listed))
    listed[place : place + 1] = [{**data, "key": key or secrets.token_hex(5)}]
    return read_rules({**rules.as_data(), "rules": listed})


def moved(rules: RuleSet, key: str, by: int) -> RuleSet:
    """The set with one rule moved by so many places; at the ends it stays."""
    listed = list(rules.rules)
    here = next((n for n, rule in enumerate(listed) if rule.key == key), None)
    if here is None:
        raise NotFound("There is no such rule any more.")
    rule = listed.pop(here)
    listed.insert(max(0, min(len(listed), here + by)), rule)
    return rules.replaced(rules=tuple(listed))


def without(rules: RuleSet, key: str) -> RuleSet:
    """NotFound when there is no such rule."""
    if rules.rule(key) is None:
        raise NotFound("There is no such rule any more.")
    return rules.replaced(rules=tuple(rule for rule in rules.rules if rule.key != key))
