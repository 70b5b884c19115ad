"""Is a ticket investigated by itself? Decided by rules, held back by quotas, stopped by a switch; kept on the ticket.

`decide` reads, `admit` takes a place in the quota and keeps the decision. A caller that was admitted starts the run
right away and names it by `note_run`; a place whose run does not come is given back after a few minutes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, IntegerField, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from altor.models import Team
from investigations.automation.judging import Facts, Zones, judge
from investigations.automation.rules import Mode, Rule, RuleSet
from investigations.models import (
    AutomationDecision,
    AutomationSwitch,
    AutomationVersion,
    InstallationProfile,
    Investigation,
    Ticket,
)
from investigations.models.automation import HOUR
from investigations.services.automation_rules import rules_in_force
from investigations.services.claims import facts_of

#: How an automatic run is told from one that a person asked for.
TRIGGER = "ticket"
Outcome = AutomationDecision.Outcome


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rules, zones and switch as they stand: read once for many tickets."""

    number: int
    rules: RuleSet
    zones: Zones
    stopped: str = ""  # why nothing runs by itself; "" = it may


@dataclass(frozen=True, slots=True)
class Decision:
    """`rule` None: the default decided. `quota_left`: free places of the narrowest quota, None = without limit."""

    mode: Mode
    rule: Rule | None
    reason: str
    quota_left: int | None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Places taken in the last 60 minutes: by all automatic runs, and by those of one rule."""

    total: int
    of_rule: int


def load() -> Loaded:
    """Two queries; two more when a rule asks for business hours."""
    in_force = rules_in_force()
    return Loaded(in_force.number, in_force.rules, zones_for(in_force.rules), stopped_why())


def zones_for(rules: RuleSet) -> Zones:
    """The time zones that the rules need: none are read when no rule asks for business hours."""
    if all(rule.when.hours == "any" for rule in rules.rules):
        return Zones()
    profile: Mapping[str, Any] = InstallationProfile.objects.values_list("data", flat=True).first() or {}
    return Zones(
        str(profile.get("timezone") or "UTC"),
        {slug: zone for slug, zone in Team.objects.values_list("slug", "timezone") if zone and zone != "UTC"},
    )


def stopped_why() -> str:
    """Why nothing is investigated by itself at the moment; "" when it is. One query."""
    if not settings.AUTO_INVESTIGATE:
        return "automatic investigations are switched off by the environment (ALTOR_AUTO_INVESTIGATE=0)"
    switch = AutomationSwitch.objects.select_related("by").first()
    if switch is None or switch.is_on:
        return ""
    return f"automatic investigations are switched off by {switch.by or 'the system'}: {switch.reason}"


def asked_of(ticket: Ticket) -> Facts:
    """What the rules may ask of the ticket."""
    return Facts(
        incident_class=ticket.incident_class,
        tier=ticket.customer.tier if ticket.customer else "",
        tags=ticket.tags,
        connection=f"{ticket.helpdesk}/{ticket.connection}",
        priority=ticket.priority,
        team=ticket.team.slug,
    )


def decide(ticket: Ticket, *, now: datetime, loaded: Loaded | None = None) -> Decision:
    """What the rules say about the ticket as it stands. Writes nothing; one query for the quotas, if there are any.

    While everything is stopped, what would run by itself is suggested instead.
    """
    loaded = loaded or load()
    found = judge(loaded.rules, asked_of(ticket), now, loaded.zones)
    if found.mode is not Mode.AUTOMATIC:
        return Decision(found.mode, found.rule, found.reason, None, loaded.number)
    if loaded.stopped:
        return Decision(Mode.SUGGEST, found.rule, f"{found.reason}, but {loaded.stopped}", None, loaded.number)
    left = _left(loaded.rules.quota_per_hour, found.rule, now)
    return Decision(Mode.AUTOMATIC, found.rule, found.reason, left, loaded.number)


def _left(whole: int | None, rule: Rule | None, now: datetime) -> int | None:
    of_rule = rule.quota_per_hour if rule else None
    if whole is None and of_rule is None:
        return None
    used = usage(rule.key if rule else "", now)
    left = [limit - taken for limit, taken in ((whole, used.total), (of_rule, used.of_rule)) if limit is not None]
    return max(0, min(left))


def usage(rule_key: str, now: datetime) -> Usage:
    """Automatic runs of the last 60 minutes and places whose run is on its way, in one query."""
    runs = Investigation.objects.filter(trigger=TRIGGER, queued_at__gt=now - HOUR)
    places = AutomationDecision.objects.holding(now).filter(rule_key=rule_key)
    row = (
        # One row to hang the three counts on; there is one wherever there is a quota.
        AutomationVersion.objects.order_by("-number")
        .values_list(_count(runs), _count(AutomationDecision.objects.open_places(now)), _count(places))
        .first()
    )
    runs_n, open_n, of_rule = row or (runs.count(), AutomationDecision.objects.open_places(now).count(), 0)
    return Usage(runs_n + open_n, of_rule if rule_key else 0)


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values(one=Value(1)).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def admit(ticket: Ticket, decision: Decision, now: datetime) -> bool:
    """Keep the decision; True when the ticket's run may start now, its place in the quota taken.

    Call it for every decision. Of two workers at the last place exactly one gets True; the other ticket waits for up
    to an hour (`automation_sweep.catch_up`). The same state of a ticket takes one place, however often it asks.
    Inside of a transaction that holds the ticket, hold it before this: the lock of the places comes last.
    """
    if decision.mode is not Mode.AUTOMATIC:
        _keep(ticket, decision, now, decision.mode, decision.reason, Outcome.NONE)
        return False
    with transaction.atomic():
        one_at_a_time()
        stopped = stopped_why()
        if stopped:
            _keep(ticket, decision, now, Mode.SUGGEST, f"{decision.reason}, but {stopped}", Outcome.NONE)
            return False
        if AutomationDecision.objects.filter(ticket=ticket, state=state_of(ticket)).holding(now).exists():
            return True
        whole = rules_in_force().rules.quota_per_hour
        if _left(whole, decision.rule, now) == 0:
            _keep(ticket, decision, now, Mode.AUTOMATIC, f"{decision.reason}. {_short_of(decision)}", Outcome.WAITING)
            return False
        _keep(ticket, decision, now, Mode.AUTOMATIC, decision.reason, Outcome.ADMITTED)
        return True


def state_of(ticket: Ticket) -> str:
    """What the ticket claims, as a digest: a new run is due when it changes. One query."""
    return hashlib.sha256("\n".join(facts_of(ticket)).encode()).hexdigest()[:16]


def one_at_a_time() -> None:
    """Until the transaction ends, nobody else takes places or turns the switch."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(4711, 13)")


def _short_of(decision: Decision) -> str:
    limit = decision.rule.quota_per_hour if decision.rule else None
    of_rule = f" ({limit} an hour for this rule)" if limit is not None else ""
    return f"The quota{of_rule} is used up; it runs when a place frees within the hour"


def _keep(ticket: Ticket, decision: Decision, now: datetime, mode: Mode, reason: str, outcome: str) -> None:
    """Keep what was decided. The same as before is not kept twice, and a ticket that waits does not begin anew."""
    key = decision.rule.key if decision.rule else ""
    last = AutomationDecision.objects.filter(ticket=ticket).first()
    fields: dict[str, Any] = {
        "state": state_of(ticket), "mode": mode.value, "rule_key": key, "outcome": outcome,
        "rule_title": decision.rule.title if decision.rule else "", "version": decision.version, "reason": reason[:400],
    }  # fmt: skip
    if last is not None and last.outcome == Outcome.WAITING:
        # The hour is counted from the first refusal; an admission begins its place now.
        at = last.at if outcome == Outcome.WAITING else now
        AutomationDecision.objects.filter(pk=last.pk).update(**fields, at=at)
        return
    said = ("state", "mode", "rule_key", "outcome", "reason")
    if last is not None and outcome != Outcome.ADMITTED and all(getattr(last, name) == fields[name] for name in said):
        return
    AutomationDecision.objects.create(ticket=ticket, at=now, **fields)


def note_run(ticket: Ticket, run: Investigation) -> None:
    """The run that came of the ticket's newest admission."""
    place = AutomationDecision.objects.filter(ticket=ticket, outcome=Outcome.ADMITTED, run=None).first()
    if place is not None:
        AutomationDecision.objects.filter(pk=place.pk).update(run=run)


def newest_decision(ticket: Ticket) -> AutomationDecision | None:
    """What was decided last, for the ticket's page and the sidebar. A suggestion offers a run with its `reason`."""
    return AutomationDecision.objects.filter(ticket=ticket).select_related("run").first()
