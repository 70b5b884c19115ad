"""Dry runs and backtests: the right tickets, the right answers, one at a time, and nothing written but themselves."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from investigations.models import Feedback, Investigation, PlaybookVersion, Ticket, Trial
from investigations.services import trial_work
from investigations.services.findings import record_finding
from investigations.services.playbooks import store_version
from investigations.services.trial_report import Report, report_of
from investigations.services.trial_work import sweep_trials, work_through, work_trial
from investigations.services.trials import cancel_trial, start_backtest, start_dry_run
from tests import factories
from tests.engine.scene import answering, asked_for, carry, connections, playbook, step
from tests.engine.test_replay import everything
from tests.loopback import Upstream, serving

pytestmark = pytest.mark.django_db(transaction=True)


def book(**more: Any) -> PlaybookVersion:
    return playbook(step("a"), step("b", "beta", depends_on=["a"]), **more)


def closed(version: PlaybookVersion, upstream: Upstream, *, team: Any = None, **values: Any) -> Ticket:
    """A resolved ticket with a finished run."""
    at = values.pop("resolved_at", factories.NOON)
    ticket = factories.ticket(in_team=team, **values)
    carry(factories.run(ticket, playbook=version), upstream)
    # The run may have corrected the class; the test has the last word.
    wanted = values.get("incident_class", "rate_limit")
    Ticket.objects.filter(pk=ticket.pk).update(status="resolved", resolved_at=at, incident_class=wanted)
    ticket.refresh_from_db()
    upstream.asked.clear()
    return ticket


def changed(version: PlaybookVersion, **document: Any) -> PlaybookVersion:
    """The next version, not in force."""
    parts = {**version.document, **document}
    del parts["key"]
    return factories.playbook(version.key, version=version.version + 1, is_active=False, **parts)


#: Turns the answer of `tests.engine.scene.playbook` round.
FEW_FIRST = [
    {
        "label": "rl.few", "title": "Few",
        "signals": [{"when": "a.n > 1.0", "for": "decisive", "says": "Seven is few"}],
    },
    {"label": "rl.many", "title": "Many", "signals": [{"when": "a.n > 1.0", "for": "weak", "says": "Many"}]},
]  # fmt: skip


def read(trial: Trial) -> Report:
    return report_of(trial, None)


def labels(report: Report) -> list[tuple[str, str]]:
    return [(line.case.before["label"], line.case.after["label"]) for line in report.changed]


def test_a_dry_run_tells_what_would_change_and_writes_only_itself(upstream: Upstream) -> None:
    version = book()
    tickets = [closed(version, upstream) for _ in range(3)]
    trial = start_dry_run(version=changed(version, hypotheses=FEW_FIRST), queue=False)
    before = everything()
    report = read(work_through(trial))
    assert (report.trial.status, labels(report)) == ("done", [("rl.many", "rl.few")] * 3)
    assert {line.case.ticket.ref for line in report.changed} == {ticket.ref for ticket in tickets}
    assert report.ways == {"stored": 3, "partly": 0, "asked": 0} and not upstream.asked
    assert everything() == before


def test_a_dry_run_is_judged_by_what_people_said_the_worse_first(upstream: Upstream) -> None:
    version, lead = book(), factories.user(role="lead")
    right, wrong, silent = (closed(version, upstream) for _ in range(3))
    record_finding(right, label="rl.few", actor=lead)
    record_finding(wrong, label="rl.many", actor=lead)
    trial = work_through(start_dry_run(version=changed(version, hypotheses=FEW_FIRST), queue=False))
    report = read(trial)
    assert report.verdicts == {"better": 1, "worse": 1, "same": 0, "unknown": 1}
    assert [line.case.ticket for line in report.changed] == [wrong, right, silent]


def test_only_tickets_whose_last_run_took_the_playbook_are_tried(upstream: Upstream) -> None:
    version, other = book(), book()
    mine = closed(version, upstream)
    moved = closed(version, upstream)
    carry(factories.run(moved, playbook=other), upstream)
    closed(other, upstream)
    trial = start_dry_run(version=version, queue=False)
    assert [case.ticket for case in trial.cases.all()] == [mine]


def test_a_playbook_that_was_never_used_is_tried_on_the_tickets_of_its_class(upstream: Upstream) -> None:
    version = book()
    ticket = closed(version, upstream)
    closed(version, upstream, incident_class="billing")
    new = playbook(step("a", params={"of": "'new'"}))
    trial = work_through(start_dry_run(version=new, queue=False), connections=connections(upstream))
    report = read(trial)
    assert [line.case.ticket for line in report.answered] == [ticket] and report.ways["asked"] == 1
    assert asked_for(upstream) == ["new"]


def test_a_step_that_asks_something_else_is_asked_by_a_worker_and_not_before(upstream: Upstream) -> None:
    version = book()
    closed(version, upstream)
    steps = [version.document["steps"][0], version.document["steps"][1] | {"params": {"of": "'other'"}}]
    trial = start_dry_run(version=changed(version, steps=steps), queue=False)
    assert work_trial(trial.pk, ask=False, queue=False), "something is left for a worker"
    assert not upstream.asked
    before = everything()
    assert not work_trial(trial.pk, connections=connections(upstream), queue=False)
    [line] = read(trial).lines
    assert (line.case.way, line.case.asked, asked_for(upstream)) == ("partly", ["Value b"], ["other"])
    assert everything() == before


def test_without_asking_such_a_ticket_is_said_to_be_not_replayable(upstream: Upstream) -> None:
    version = book()
    closed(version, upstream)
    steps = [version.document["steps"][0], version.document["steps"][1] | {"params": {"of": "'other'"}}]
    trial = work_through(start_dry_run(version=changed(version, steps=steps), asks=False, queue=False))
    [line] = read(trial).not_replayed
    assert line.case.why == "Value b: it asks something else now, and no source is asked here."
    assert not upstream.asked


def test_a_backtest_takes_the_last_closed_tickets_of_a_class_and_a_span(upstream: Upstream) -> None:
    version, noon = book(), factories.NOON
    days = [closed(version, upstream, resolved_at=noon - timedelta(days=n)) for n in range(4)]
    closed(version, upstream, incident_class="billing")
    factories.ticket(status="diagnosed")
    chosen = start_backtest(incident_class="rate_limit", last=3, queue=False)
    assert [case.ticket for case in chosen.cases.all()] == days[:3]
    span = start_backtest(since=noon - timedelta(days=2), until=noon, incident_class="rate_limit", queue=False)
    assert [case.ticket for case in span.cases.all()] == days[1:3]


def test_a_backtest_grades_altor_by_what_the_team_found(upstream: Upstream) -> None:
    version, lead = book(), factories.user(role="lead")
    said = ["rl.many", "rl.few", "rl.third", "bill.other", ""]
    causes = [
        *version.document["hypotheses"],
        {"label": "rl.third", "title": "Third", "prior": -8.0, "signals": [{"when": "false", "for": 0.1, "says": "-"}]},
        {"label": "bill.other", "title": "A bill", "class": "billing", "prior": -8.0, "signals": []},
    ]
    PlaybookVersion.objects.filter(pk=version.pk).update(is_active=False)
    with_causes = changed(version, hypotheses=causes)
    PlaybookVersion.objects.filter(pk=with_causes.pk).update(is_active=True)
    for label in said:
        ticket = closed(with_causes, upstream)
        if label:
            record_finding(ticket, label=label, actor=lead)
    before = everything()
    report = read(work_through(start_backtest(queue=False)))
    grades = {line.finding.label if line.finding else "": line.grade for line in report.lines}
    assert grades["rl.many"] == "exact" and grades[""] is None
    assert grades["bill.other"] == "wrong" and grades["rl.third"] == "area"
    counts = report.tally
    assert (counts.exact.hits, counts.area.hits, counts.exact.n, report.accepted) == (
        1,
        3 - (grades["rl.few"] == "wrong"),
        4,
        1,
    )
    assert not counts.exact.is_enough and 0 <= counts.exact.low < 0.25 < counts.exact.high <= 1
    assert everything() == before


def test_a_closed_ticket_without_a_run_is_asked_about_as_of_its_writing(upstream: Upstream) -> None:
    ticket = factories.ticket(status="resolved", resolved_at=factories.NOON)
    version = playbook(step("a"))
    before = everything()
    report = read(work_through(start_backtest(queue=False), connections=connections(upstream)))
    [line] = report.answered
    assert (line.case.ticket, line.case.way, line.case.after["label"]) == (ticket, "asked", "rl.many")
    assert line.case.after["playbook"] == version.key and everything() == before


def test_a_finding_recorded_afterwards_counts_at_once_and_a_double_click_once(upstream: Upstream) -> None:
    version, lead = book(), factories.user(role="lead")
    ticket = closed(version, upstream)
    trial = work_through(start_backtest(queue=False))
    assert read(trial).tally.exact.n == 0
    for _ in range(2):
        record_finding(ticket, label="rl.many", actor=lead)
    assert Feedback.objects.count() == 1 and read(trial).tally.exact.hits == 1
    unrun = factories.ticket(status="resolved", resolved_at=factories.NOON)
    record_finding(unrun, label="", comment="Their proxy, see ada@customer.example", actor=lead)
    found = Feedback.objects.get(ticket=unrun)
    assert found.investigation is None and "ada@customer.example" not in found.comment


def test_the_tickets_are_those_that_the_person_may_open(upstream: Upstream) -> None:
    version, ours, theirs = book(), factories.team("Ours"), factories.team("Theirs")
    mine, _ = closed(version, upstream, team=ours), closed(version, upstream, team=theirs)
    lead = factories.user(role="lead", teams=(ours,))
    outsider = factories.user(role="lead", teams=(theirs,))
    trial = start_backtest(actor=lead, queue=False)
    assert [case.ticket for case in trial.cases.all()] == [mine]
    assert list(Trial.objects.visible_to(lead)) == [trial] and not Trial.objects.visible_to(outsider).exists()
    everybodys = start_backtest(queue=False)
    seen = report_of(everybodys, outsider)
    assert (seen.total, seen.hidden) == (1, 1)


def test_only_one_trial_is_worked_on_at_a_time_and_they_take_turns(upstream: Upstream, monkeypatch: Any) -> None:
    version = book()
    for _ in range(2):
        closed(version, upstream)
    first, second = (start_backtest() for _ in range(2))
    Trial.objects.filter(pk=first.pk).update(lease_expires_at=timezone.now() + timedelta(minutes=1))
    assert not work_trial(second.pk) and second.cases.filter(status="waiting").count() == 2
    Trial.objects.update(lease_expires_at=None)
    monkeypatch.setattr(trial_work, "SLICE_S", 0.0)
    OrmQ.objects.all().delete()
    turns = [first.pk]
    while turns[-1]:
        work_trial(turns[-1], budget_s=0.0)
        entries = [entry.task["args"][0] for entry in OrmQ.objects.order_by("id")]
        OrmQ.objects.all().delete()
        turns.append(entries[0] if entries else 0)
    assert turns == [first.pk, second.pk, first.pk, second.pk, 0]
    assert set(Trial.objects.values_list("status", flat=True)) == {"done"}


def test_a_stopped_trial_keeps_what_it_found_and_goes_no_further(upstream: Upstream) -> None:
    version, lead = book(), factories.user(role="admin")
    for _ in range(2):
        closed(version, upstream)
    trial = start_backtest(queue=False)
    assert work_trial(trial.pk, budget_s=0.0, queue=False)
    cancel_trial(trial, actor=lead)
    assert not work_trial(trial.pk, queue=False)
    assert (read(trial).ended, Trial.objects.get().status) == (1, "cancelled")


def test_the_sweep_queues_a_trial_whose_worker_is_gone_and_gives_up_a_case_that_kills(upstream: Upstream) -> None:
    version = book()
    closed(version, upstream)
    OrmQ.objects.all().delete()
    trial = start_backtest(queue=False)
    assert sweep_trials() == 0, "it may still be in the queue"
    later = timezone.now() + timedelta(minutes=5)
    assert sweep_trials(now=later) == 1 and OrmQ.objects.get().task["args"] == (trial.pk,)
    Trial.objects.update(stumbles=trial_work.MAX_STUMBLES, lease_expires_at=timezone.now() - timedelta(seconds=1))
    work_trial(trial.pk, queue=False)
    [line] = read(trial).not_replayed
    assert "Its worker ended 3 times" in line.case.why and Trial.objects.get().status == "done"


def test_the_calibration_of_today_is_no_change_of_the_playbook(upstream: Upstream) -> None:
    version = book()
    ticket = closed(version, upstream)
    run = Investigation.objects.get(ticket=ticket)
    other = run.diagnosis | {"candidates": [run.diagnosis["candidates"][0] | {"confidence": 0.11}]}
    Investigation.objects.filter(pk=run.pk).update(diagnosis=other, seen=run.seen | {"calibration": "older"})
    report = read(work_through(start_dry_run(version=version, queue=False)))
    assert len(report.unchanged) == 1


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_the_commands_say_it_as_text_and_as_json(upstream: Upstream, tmp_path: Path) -> None:
    from investigations.playbooks.loader import LIBRARY

    text = (LIBRARY / "rate_limit.yaml").read_text()
    stored = store_version(text, name="rate_limit.yaml", origin="library")
    ticket = closed(book(), upstream)
    file = tmp_path / "changed.yaml"
    file.write_text(text.replace("title: ", "title: Changed ", 1))
    said = json.loads(command("playbooks", "dry-run", str(file), "--no-ask", "--format", "json"))
    assert (said["kind"], said["tickets"], said["not_replayed"], said["playbook"]) == ("dry_run", 1, 1, "rate_limit")
    assert said["cases"][0]["ticket"] == ticket.ref
    shown = command("playbooks", "dry-run", f"rate_limit@{stored.version}", "--last", "5", "--no-ask")
    assert "0 of 0 diagnoses would change" in shown and "1 could not be replayed" in shown
    tested = command("backtest", "--last", "5")
    assert "of none of them it is known what the team found" in tested and "rl.many" in tested


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("playbooks", "dry-run", "nothing"), "no active playbook 'nothing'"),
        (("playbooks", "dry-run", "triage", "--last", "0"), "Between 1 and 200"),
        (("backtest", "--last", "9999"), "Between 1 and 200"),
        (("backtest", "--since", "nonsense"), "is not a time"),
        (("backtest", "--since", "2026-05-02", "--until", "2026-05-01"), "span of time is empty"),
    ],
)
def test_wrong_arguments_are_refused_and_leave_nothing(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        command(*arguments)
    assert not Trial.objects.exists()


def test_a_text_that_is_no_playbook_is_refused_with_its_problem(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("apiVersion: altor/v1\nkind: Playbook\n")
    with pytest.raises(CommandError, match=r"broken\.yaml"):
        command("playbooks", "dry-run", str(file))


def test_answers_that_arrive_while_it_is_stopped_are_dropped(upstream: Upstream) -> None:
    """Somebody stops the trial while a source is still answering."""
    version, admin = book(), factories.user(role="admin")
    closed(version, upstream)
    steps = [version.document["steps"][0] | {"params": {"of": "'other'"}}]
    trial = start_dry_run(version=changed(version, steps=steps), queue=False)
    answer = answering()

    def stopping(asked: Any) -> Any:
        if Trial.objects.get(pk=trial.pk).is_active:
            cancel_trial(trial, actor=admin)
        connection.close()  # of the server's thread
        return answer(asked)

    with serving(stopping) as server:
        assert not work_trial(trial.pk, connections=connections(server), queue=False)
    assert trial.cases.get().status == "waiting" and Trial.objects.get().status == "cancelled"
