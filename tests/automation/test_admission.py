"""Places in the quotas: taken by one, given back, waited for; the kill switch; what is kept on the ticket."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from django.utils import timezone
from pytest_django import Settings

from altor.errors import Conflict, InvalidInput
from altor.models import AuditEvent
from investigations.automation.rules import Mode, read_rules
from investigations.configuration_automation import AutomationPart
from investigations.models import AutomationDecision, AutomationVersion, Investigation, Ticket
from investigations.services.automation import admit, decide, newest_decision, note_run
from investigations.services.automation_rules import RulesChanged, restore_version, rules_in_force, save_rules
from investigations.services.automation_sweep import catch_up
from investigations.services.automation_switch import switch_off, switch_on
from investigations.services.runs import start_investigation
from tests import factories as make

pytestmark = pytest.mark.django_db


def in_force(*rules: dict[str, Any], **values: Any) -> None:
    listed = [{"title": f"R{n}", "key": f"r{n}", "mode": "automatic"} | one for n, one in enumerate(rules)]
    save_rules(read_rules({"rules": listed, **values}), base=None, actor=None)


def ask(ticket: Ticket, now: Any = None) -> bool:
    now = now or timezone.now()
    return admit(ticket, decide(ticket, now=now), now)


def started(ticket: Ticket) -> Investigation:
    run = start_investigation(ticket=ticket, trigger="ticket")
    note_run(ticket, run)
    return run


def kept(ticket: Ticket) -> tuple[str, str]:
    found = newest_decision(ticket)
    assert found is not None
    return found.mode, found.outcome


def test_as_shipped_every_ticket_is_investigated_and_the_decision_is_kept() -> None:
    make.playbook()
    ticket = make.ticket()
    decision = decide(ticket, now=timezone.now())
    assert (decision.mode, decision.rule, decision.quota_left) == (Mode.AUTOMATIC, None, None)
    assert ask(ticket) and kept(ticket) == ("automatic", "admitted")
    run = started(ticket)
    assert newest_decision(ticket).run == run  # type: ignore[union-attr]  # kept above


def test_what_is_only_suggested_or_watched_takes_no_place_and_is_kept_once() -> None:
    in_force({"mode": "suggest", "when": {"classes": ["latency"]}}, default="watch")
    slow, other = make.ticket(incident_class="latency"), make.ticket()
    assert not ask(slow) and not ask(slow) and not ask(other)
    assert AutomationDecision.objects.count() == 2
    assert kept(slow) == ("suggest", "") and kept(other) == ("watch", "")
    assert newest_decision(slow).rule_title == "R0"  # type: ignore[union-attr]
    Ticket.objects.filter(pk=slow.pk).update(incident_class="auth", version=2)
    slow.refresh_from_db()
    assert not ask(slow) and kept(slow) == ("watch", "")
    assert slow.automation_decisions.count() == 2, "a changed ticket is decided anew"


def test_the_quota_of_the_installation_counts_runs_and_places() -> None:
    make.playbook()
    in_force(quota_per_hour=2)
    first, second, third = make.ticket(), make.ticket(), make.ticket()
    assert decide(first, now=timezone.now()).quota_left == 2
    assert ask(first)
    started(first)
    assert decide(second, now=timezone.now()).quota_left == 1
    assert ask(second) and ask(second), "the same ticket asks again for the place that it holds"
    assert decide(third, now=timezone.now()).quota_left == 0
    assert not ask(third) and kept(third) == ("automatic", "waiting")
    assert "quota" in newest_decision(third).reason  # type: ignore[union-attr]


def test_runs_of_people_take_no_place() -> None:
    make.playbook()
    in_force(quota_per_hour=1)
    for trigger in ("person", "api", "rerun"):
        make.run(make.ticket(), trigger=trigger, status="done")
    assert ask(make.ticket())


def test_a_rule_has_a_quota_of_its_own() -> None:
    in_force({"when": {"classes": ["latency"]}, "quota_per_hour": 1}, {"when": {"classes": ["auth"]}})
    assert ask(make.ticket(incident_class="latency"))
    assert not ask(make.ticket(incident_class="latency"))
    assert ask(make.ticket(incident_class="auth")) and ask(make.ticket(incident_class="auth"))


def test_a_place_whose_run_does_not_come_is_given_back_and_one_that_came_counts_for_an_hour() -> None:
    make.playbook()
    in_force(quota_per_hour=1)
    now = timezone.now()
    assert ask(make.ticket(), now)
    other = make.ticket()
    assert not ask(other, now + timedelta(minutes=4))
    assert ask(other, now + timedelta(minutes=6))
    started(other)
    assert not ask(make.ticket(), now + timedelta(minutes=55))
    assert ask(make.ticket(), now + timedelta(minutes=61))


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_the_cap_only_as_many_win_as_there_are_places() -> None:
    in_force(quota_per_hour=3)
    now = timezone.now()
    tickets = [make.ticket() for _ in range(8)]
    decisions = [decide(ticket, now=now) for ticket in tickets]
    barrier, won = threading.Barrier(len(tickets)), []

    def work(n: int) -> None:
        try:
            barrier.wait()
            if admit(tickets[n], decisions[n], now):
                won.append(n)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(tickets))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 3
    assert AutomationDecision.objects.filter(outcome="admitted").count() == 3
    assert AutomationDecision.objects.waiting().count() == 5


def test_who_was_refused_is_caught_up_with_newest_first_when_places_free() -> None:
    make.playbook()
    in_force(quota_per_hour=1)
    now = timezone.now()
    first = make.ticket()
    assert ask(first, now)
    run = started(first)
    old, new = (make.ticket(opened_at=now - timedelta(minutes=age)) for age in (50, 5))
    assert not ask(old, now) and not ask(new, now)
    assert catch_up(now=now) == 0
    Investigation.objects.filter(pk=run.pk).update(queued_at=now - timedelta(minutes=61), status="done")
    assert catch_up(now=now) == 1
    assert new.investigations.filter(trigger="ticket").count() == 1 and not old.investigations.exists()
    decision = newest_decision(new)
    assert decision is not None and decision.outcome == "admitted" and decision.run is not None
    assert "later" in decision.reason and kept(old)[1] == "waiting"
    assert catch_up(now=now) == 0, "a second sweep beside finds nothing"


def test_after_an_hour_or_when_it_is_resolved_a_waiting_ticket_is_given_up() -> None:
    make.playbook()
    in_force(quota_per_hour=0)
    now = timezone.now()
    late, closed = make.ticket(), make.ticket()
    assert not ask(late, now - timedelta(minutes=61)) and not ask(closed, now)
    assert not ask(late, now - timedelta(minutes=10)), "asking again does not begin the hour anew"
    Ticket.objects.filter(pk=closed.pk).update(status="resolved")
    in_force(quota_per_hour=None)
    assert catch_up(now=now) == 0
    assert kept(late) == ("automatic", "lapsed") and kept(closed) == ("automatic", "lapsed")
    assert not Investigation.objects.exists()


def test_a_waiting_ticket_that_no_playbook_covers_is_given_up_with_the_reason() -> None:
    in_force(quota_per_hour=0)
    ticket = make.ticket(incident_class="")
    ask(ticket)
    in_force(quota_per_hour=None)
    assert catch_up() == 0
    decision = newest_decision(ticket)
    assert decision is not None and decision.outcome == "lapsed" and "its class is not known" in decision.reason


def test_rules_that_changed_while_a_ticket_waited_decide_anew() -> None:
    in_force(quota_per_hour=0)
    ticket = make.ticket()
    ask(ticket)
    in_force(default="suggest")
    assert catch_up() == 0 and kept(ticket) == ("suggest", "")


# ---------------------------------------------------------------------------------------------------------- the switch
def test_the_kill_switch_stops_admissions_at_once_and_says_who_and_why() -> None:
    make.playbook()
    lead = make.user("lena", role="lead", first_name="Lena")
    ticket, now = make.ticket(), timezone.now()
    before = decide(ticket, now=now)
    switch_off(actor=lead, reason="ClickHouse is on its knees")
    assert not admit(ticket, before, now), "a decision taken before the switch does not get through"
    found = newest_decision(ticket)
    assert found is not None and found.mode == "suggest"
    assert "Lena" in found.reason and "on its knees" in found.reason
    assert decide(ticket, now=now).mode is Mode.SUGGEST
    with pytest.raises(Conflict):
        switch_off(actor=lead, reason="again")
    switch_on(actor=lead)
    assert ask(ticket)
    with pytest.raises(Conflict):
        switch_on(actor=lead)
    assert AuditEvent.objects.get(action="automation.switched_off").reason == "ClickHouse is on its knees"


def test_it_needs_a_reason_and_cancels_queued_automatic_runs_only_on_request() -> None:
    queued, asked, working = (
        make.run(make.ticket(), trigger=trigger, status=status)
        for trigger, status in (("ticket", "queued"), ("person", "queued"), ("ticket", "running"))
    )
    with pytest.raises(InvalidInput):
        switch_off(actor=None, reason="  ")
    switch_off(actor=None, reason="Noise")
    assert set(Investigation.objects.values_list("status", flat=True)) == {"queued", "running"}
    switch_on(actor=None)
    assert switch_off(actor=None, reason="Noise", cancel_queued=True).cancelled == 1
    states = [Investigation.objects.get(pk=run.pk).status for run in (queued, asked, working)]
    assert states == ["cancelled", "queued", "running"]


def test_the_environment_is_the_outer_switch(settings: Settings) -> None:
    settings.AUTO_INVESTIGATE = False
    ticket = make.ticket()
    decision = decide(ticket, now=timezone.now())
    assert decision.mode is Mode.SUGGEST and "ALTOR_AUTO_INVESTIGATE=0" in decision.reason
    assert not ask(ticket)


def test_nothing_is_caught_up_while_it_is_off() -> None:
    make.playbook()
    in_force(quota_per_hour=0)
    ticket = make.ticket()
    ask(ticket)
    in_force(quota_per_hour=None)
    switch_off(actor=None, reason="Noise")
    assert catch_up() == 0 and kept(ticket)[1] == "waiting"
    switch_on(actor=None)
    assert catch_up() == 1


# -------------------------------------------------------------------------------------------------------- the versions
def test_every_change_is_a_version_that_can_come_back_and_cannot_be_changed() -> None:
    lead = make.user(role="lead")
    one = save_rules(read_rules({"default": "watch"}), base=0, actor=lead, comment="Slowly")
    assert save_rules(one.rules, base=1, actor=lead).number == 1, "the same again makes no version"
    save_rules(read_rules({"default": "suggest"}), base=1, actor=lead)
    again = restore_version(1, base=2, actor=lead)
    assert (again.number, again.rules.default) == (3, Mode.WATCH)
    assert restore_version(0, base=3, actor=lead).rules.default is Mode.AUTOMATIC
    row = AutomationVersion.objects.get(number=1)
    assert (row.comment, row.created_by) == ("Slowly", lead)
    for change in (lambda: AutomationVersion.objects.update(comment="x"), row.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert AuditEvent.objects.filter(action="automation.changed").count() == 4


def test_two_editors_of_the_same_version_get_a_conflict() -> None:
    save_rules(read_rules({"default": "watch"}), base=0, actor=None)
    with pytest.raises(RulesChanged) as refused:
        save_rules(read_rules({"default": "suggest"}), base=0, actor=None)
    assert refused.value.extra == {"base": 0, "version": 1}
    assert rules_in_force().rules.default is Mode.WATCH


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("base", [0, 1])
def test_two_editors_at_the_same_moment_get_one_version(base: int) -> None:
    if base:
        save_rules(read_rules({"quota_per_hour": 9}), base=0, actor=None)
    barrier, ends = threading.Barrier(2), []

    def work(mode: str) -> None:
        try:
            barrier.wait()
            save_rules(read_rules({"default": mode}), base=base, actor=None)
            ends.append("saved")
        except RulesChanged:
            ends.append("conflict")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(mode,)) for mode in ("watch", "suggest")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["conflict", "saved"]
    assert rules_in_force().number == base + 1


def test_hours_of_a_team_that_does_not_exist_are_refused() -> None:
    with pytest.raises(InvalidInput):
        save_rules(read_rules({"calendars": {"nobody": {}}}), base=None, actor=None)
    make.team("Support")
    save_rules(read_rules({"calendars": {"support": {}, "installation": {}}}), base=None, actor=None)


def test_the_configuration_file_comes_back_as_it_was_and_tells_its_faults() -> None:
    rule = {"key": "a", "title": "Gold", "mode": "automatic", "when": {"tiers": ["gold"]}, "quota_per_hour": 3}
    calendars = {"installation": {"timezone": "Europe/Berlin", "holidays": ["2026-12-25"], "opens": "08:00"}}
    in_force(rule, quota_per_hour=0, default="watch", calendars=calendars)
    part, before = AutomationPart(), rules_in_force()
    text = part.export()["automation.yaml"]
    part.apply({"automation.yaml": text}, prune=True, actor=None)
    assert rules_in_force().number == before.number, "the same again makes no version"
    save_rules(read_rules({}), base=None, actor=None)
    assert part.export()["automation.yaml"] == "default: automatic\nrules: []\n"
    part.apply({"automation.yaml": text}, prune=True, actor=None)
    assert rules_in_force().rules == before.rules
    for wrong in ("default: [", "default: sometimes", "calendars: {nobody: {}}"):
        with pytest.raises(InvalidInput, match=r"automation\.yaml"):
            part.apply({"automation.yaml": wrong}, prune=True, actor=None)
