"""The pages of dry runs and backtests: begun, watched, stopped, and a finding recorded on the spot."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from altor.models import Team, User
from investigations.models import Feedback, Investigation, PlaybookVersion, Trial, TrialCase
from investigations.playbooks.loader import LIBRARY
from investigations.services.trials import start_backtest
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours() -> Team:
    return factories.team("Ours")


@pytest.fixture
def lead(ours: Team) -> User:
    return factories.user(role="lead", teams=(ours,))


def finished(ours: Team, **values: Any) -> Investigation:
    """A closed ticket whose run has stored facts for its playbook."""
    ticket = factories.ticket(in_team=ours, status="resolved", resolved_at=factories.NOON, **values)
    run = factories.finished_run(ticket, inputs={"org_id": "org_1", "window_start": "x", "window_end": "y"})
    run.steps.filter(step_id="issues").delete()
    return run


def as_(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def at(name: str, *args: Any) -> str:
    return reverse(f"investigations:{name}", args=args)


def test_a_lead_begins_a_dry_run_from_the_versions_page_and_reads_it(ours: Team, lead: User) -> None:
    run = finished(ours)
    client = as_(lead)
    assert at("dry-run-start", "rate_limit", 1) in client.get(at("playbook-version", "rate_limit", 1)).content.decode()
    answer = client.post(at("dry-run-start", "rate_limit", 1), {"last": "20"}, follow=True)
    html = answer.content.decode()
    trial = Trial.objects.get()
    assert answer.redirect_chain[0][0] == at("dry-run", trial.ref) and run.ticket.ref in html
    assert trial.status == "done", "what asks nobody is done before the page answers"
    assert "hx-trigger" not in html.partition('id="live"')[2][:200]
    assert trial.ref in client.get(at("playbook-version", "rate_limit", 1)).content.decode()


def test_a_draft_is_dry_run_before_it_is_published(ours: Team, lead: User) -> None:
    run = finished(ours)
    client = as_(lead)
    assert at("playbook-dry-run", "rate_limit") in client.get(at("playbook-edit", "rate_limit")).content.decode()
    changed = (LIBRARY / "rate_limit.yaml").read_text().replace("title: ", "title: Another ", 1)
    client.post(at("playbook-save", "rate_limit"), {"text": changed, "revision": "0", "base": "1"})
    html = client.post(at("playbook-dry-run", "rate_limit"), follow=True).content.decode()
    trial = Trial.objects.get()
    assert trial.playbook is None and trial.source_yaml == changed
    assert [case.ticket for case in trial.cases.all()] == [run.ticket] and "a text that is not stored" in html
    assert PlaybookVersion.objects.filter(key="rate_limit").count() == 1


def test_a_draft_that_is_no_playbook_yet_is_not_dry_run_and_not_lost(ours: Team, lead: User) -> None:
    finished(ours)
    client = as_(lead)
    client.post(at("playbook-save", "rate_limit"), {"text": "key: [", "revision": "0", "base": "1"})
    answer = client.post(at("playbook-dry-run", "rate_limit"), follow=True)
    assert "cannot be read yet" in answer.content.decode() and "key: [" in answer.content.decode()
    assert not Trial.objects.exists()


@pytest.mark.parametrize("last", ["0", "-1", "201", "nonsense", "", "9" * 40])
def test_a_wrong_number_of_tickets_is_refused_or_read_as_the_usual(ours: Team, lead: User, last: str) -> None:
    finished(ours)
    answer = as_(lead).post(at("dry-run-start", "rate_limit", 1), {"last": last}, follow=True)
    assert answer.status_code == 200
    assert Trial.objects.exists() == (last not in ("0", "201"))
    assert ("Between 1 and 200" in answer.content.decode()) == (last in ("0", "201"))


@pytest.mark.parametrize("role", ["agent", "engineer", "read_only"])
def test_others_neither_begin_nor_stop_nor_see_the_buttons(ours: Team, role: str) -> None:
    run = finished(ours)
    person = factories.user(role=role, teams=(ours,))
    client = as_(person)
    trial = start_backtest()
    TrialCase.objects.filter(trial=trial).update(ticket=run.ticket)
    assert client.post(at("dry-run-start", "rate_limit", 1), {}).status_code == 403
    assert client.post(at("backtest-cancel", trial.ref)).status_code == 403
    assert client.post(at("backtests"), {"last": "50"}).status_code == 404
    assert (
        at("dry-run-start", "rate_limit", 1) not in client.get(at("playbook-version", "rate_limit", 1)).content.decode()
    )
    assert "New backtest" not in client.get(at("backtests")).content.decode()
    assert Trial.objects.count() == 1


def test_the_live_part_says_204_while_nothing_moved_and_286_at_the_end(ours: Team, lead: User) -> None:
    finished(ours)
    trial = start_backtest(actor=lead)
    client = as_(lead)
    page = client.get(at("backtest", trial.ref)).content.decode()
    assert f'hx-get="{at("backtest-live", trial.ref)}?v=queued-0"' in page
    assert client.get(at("backtest-live", trial.ref) + "?v=queued-0").status_code == 204
    assert client.get(at("backtest-live", trial.ref) + "?v=other").status_code == 200
    stopped = client.post(at("backtest-cancel", trial.ref), follow=True).content.decode()
    assert "is stopped" in stopped and "not reached" in stopped
    ended = client.get(at("backtest-live", trial.ref) + "?v=queued-0")
    assert ended.status_code == 286 and b"hx-trigger" not in ended.content
    assert "is over already" in client.post(at("backtest-cancel", trial.ref), follow=True).content.decode()


def test_a_backtest_is_begun_with_a_form_that_says_what_is_wrong(ours: Team, lead: User) -> None:
    finished(ours)
    client = as_(lead)
    wrong = client.post(at("backtests"), {"last": "50", "since": "2026-05-02", "until": "2026-05-01"})
    assert wrong.status_code == 422 and "last day is before the first" in wrong.content.decode()
    assert client.post(at("backtests"), {"last": "7"}).status_code == 422
    answer = client.post(at("backtests"), {"last": "10", "since": "2026-05-01", "until": "2026-05-01"}, follow=True)
    trial = Trial.objects.get()
    assert trial.cases.count() == 1 and trial.ref in answer.content.decode()


def test_what_the_team_found_is_said_on_the_spot(ours: Team) -> None:
    run = finished(ours)
    agent = factories.user(teams=(ours,))
    trial = start_backtest()
    answer = {"label": "rl.limiter_deploy", "title": "A deployment", "confidence": 0.86}
    TrialCase.objects.filter(trial=trial).update(
        status="done", way="stored", after={**answer, "severity": None, "escalate": False, "candidates": [answer]}
    )
    client = as_(agent)
    assert "Of none of these tickets it is known" in client.get(at("backtest", trial.ref)).content.decode()
    there = at("backtest-found", trial.ref, run.ticket.ref)
    unknown = client.post(there, {"label": "rl.nonsense"}, follow=True).content.decode()
    assert "There is no cause" in unknown and not Feedback.objects.exists()
    nothing = client.post(there, {"label": "", "comment": " "}, follow=True).content.decode()
    assert "Say what the cause was" in nothing
    for _ in range(2):
        told = client.post(there, {"label": "rl.limiter_deploy"}, follow=True).content.decode()
    assert "1 of 1" in told and "Exact" in told and "too few for a share" in told
    assert [(item.verdict, item.user) for item in Feedback.objects.all()] == [("accepted", agent)]


def test_trials_of_other_teams_look_like_none(ours: Team, lead: User) -> None:
    run = finished(ours)
    trial = start_backtest(actor=lead)
    outsider = factories.user(role="lead", teams=(factories.team("Theirs"),))
    client = as_(outsider)
    for name in ("backtest", "backtest-live"):
        assert client.get(at(name, trial.ref)).status_code == 404
    assert client.post(at("backtest-cancel", trial.ref)).status_code == 404
    assert client.post(at("backtest-found", trial.ref, run.ticket.ref), {"label": "x"}).status_code == 404
    assert client.get(at("dry-run", trial.ref)).status_code == 404, "a backtest is no dry run"
    assert trial.ref not in client.get(at("backtests")).content.decode()
