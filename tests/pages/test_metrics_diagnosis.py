"""Metrics, diagnosis quality: figures from people's verdicts, of a period, of one playbook, as CSV."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from altor.models import AuditEvent, Team, User
from investigations.models import Feedback, Investigation
from metrics.services.diagnosis_quality import Quality, quality_of
from tests import factories

pytestmark = pytest.mark.django_db
PAGE, FILE = "metrics:diagnosis", "metrics:diagnosis-csv"


@pytest.fixture
def ours() -> Team:
    return factories.team("Ours")


@pytest.fixture
def lead(ours: Team) -> User:
    return factories.user("lena", role="lead", teams=(ours,))


def judge(
    team: Team, *, confidence: float = 0.9, grade: str = "exact", label: str = "", days: float = 0, **run: Any
) -> Investigation:
    """A finished run of `days` ago with its verdict."""
    values = {"top_label": "rl.limiter_deploy", "finished_at": timezone.now() - timedelta(days=days), **run}
    made = factories.run(factories.ticket(in_team=team), status="done", confidence=confidence, **values)
    user = User.objects.filter(username="judge").first() or factories.user("judge", role="admin")
    Feedback.objects.create(
        investigation=made, user=user, grade=grade, label=label, comment="said by Noor Example",
        verdict="accepted" if grade == "exact" else "corrected",
    )  # fmt: skip
    return made


def ten(team: Team) -> None:
    """Eight of ten right: at 0.9 seven of eight, at 0.35 one of two."""
    for number in range(8):
        judge(team, grade="one_hop" if number == 0 else "exact", label="rl.retry_storm" if number == 0 else "")
    judge(team, confidence=0.35)
    judge(team, confidence=0.35, grade="wrong", label="rl.retry_storm")


def figures(user: User, period: str = "90", playbook: str = "") -> Quality:
    return quality_of(user, period=period, playbook=playbook, now=timezone.now())


def text_of(person: User, query: str = "", *, name: str = PAGE) -> str:
    client = Client()
    client.force_login(person)
    answer = client.get(reverse(name) + query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_figures_of_a_known_set(ours: Team, lead: User) -> None:
    ten(ours)
    factories.run(factories.ticket(in_team=ours), status="done", confidence=0.9)  # nobody judged it
    factories.run(factories.ticket(in_team=ours), status="failed")
    found = figures(lead)
    assert (found.finished, found.accuracy.judged, found.accuracy.right) == (11, 10, 8)
    assert (found.accuracy.low, found.accuracy.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert found.accuracy.stated == pytest.approx(0.79)
    assert [(item.low, item.share.hits, item.share.n, item.stated) for item in found.kept.bins] == [
        (0.3, 1, 2, pytest.approx(0.35)), (0.9, 7, 8, pytest.approx(0.9)),
    ]  # fmt: skip
    assert (found.kept.bins[1].share.low, found.kept.bins[1].share.high) == pytest.approx((0.5291, 0.9776), abs=1e-4)
    # 2/10 * |0.35 - 0.5| + 8/10 * |0.9 - 0.875|
    assert found.kept.expected_error == pytest.approx(0.05)
    # (7 * 0.1² + 0.9² + 0.65² + 0.35²) / 10
    assert found.kept.brier == pytest.approx(0.1425)
    assert [(str(grade), n) for grade, n in found.grades] == [
        ("exact", 8), ("one_hop", 1), ("area", 0), ("wrong", 1),
    ]  # fmt: skip
    assert found.ungraded == 0
    assert found.accuracy.corrections == [("rl.limiter_deploy", "rl.retry_storm", 2)]


def test_the_page_shows_them(ours: Team, lead: User) -> None:
    ten(ours)
    text = text_of(lead)
    assert "8 of 10, between 49% and 94%" in text and "0.050" in text
    assert "stated 90% to 100%: 7 of 8 right, between 53% and 98%; stated 90%" in text
    assert "stated 30% to 40%: 1 of 2 right, too few for a share; stated 35%" in text
    assert '1 of 2 <span class="al-dim">(too few for a share)</span>' in text
    assert 'was <span class="al-mono">rl.retry_storm</span>, 2 times' in text
    assert reverse("investigations:playbook", args=["rate_limit"]) in text
    assert f"{reverse('investigations:runs')}?state=done&amp;class=rate_limit" in text
    assert "337 cases" in text and "2026-11-28" in text


def test_few_verdicts_are_counted_and_make_no_share(ours: Team, lead: User) -> None:
    for _ in range(4):
        judge(ours)
    found, text = figures(lead), text_of(lead)
    assert (found.kept.expected_error, found.kept.brier) == (None, None)
    assert "4 of 4, too few for a share" in text and "100%</div>" not in text


def test_the_last_verdict_on_a_run_counts(ours: Team, lead: User) -> None:
    run = judge(ours)
    Feedback.objects.create(investigation=run, user=lead, verdict="corrected", label="rl.retry_storm")
    found = figures(lead)
    assert (found.accuracy.judged, found.accuracy.right, found.ungraded) == (1, 0, 1)


def test_runs_of_other_teams_are_not_counted(ours: Team, lead: User) -> None:
    ten(factories.team("Others"))
    judge(ours)
    found = figures(lead)
    assert (found.finished, found.accuracy.judged) == (1, 1)
    assert figures(factories.user(role="admin")).accuracy.judged == 11
    rows = text_of(lead, name=FILE).splitlines()
    assert len(rows) == 2


@pytest.mark.parametrize(("period", "n"), [("30", 1), ("90", 2), ("365", 3), ("all", 4)])
def test_a_period_counts_by_when_the_diagnosis_was_reached(ours: Team, lead: User, period: str, n: int) -> None:
    for days in (29, 89, 364, 366):
        judge(ours, days=days)
    found = figures(lead, period)
    assert (found.accuracy.judged, found.finished) == (n, n)
    assert len(text_of(lead, f"?period={period}", name=FILE).splitlines()) == n + 1


def test_an_unknown_period_is_the_usual_one(ours: Team, lead: User) -> None:
    judge(ours, days=100)
    assert "No diagnosis of this choice has a verdict" in text_of(lead, "?period=7")
    assert "Judged" in text_of(lead, "?period=all")


def test_one_playbook_alone(ours: Team, lead: User) -> None:
    book = factories.playbook("sample", title="Sample")
    judge(ours)
    judge(ours, playbook=book)
    judge(ours, playbook=book, top_label="")
    assert [(line.book.key, line.accuracy.judged) for line in figures(lead).playbooks] == [
        ("sample", 2),
        ("rate_limit", 1),
    ]
    assert figures(lead, playbook="sample").accuracy.judged == 2
    assert figures(lead, playbook="nothing").accuracy.judged == 0
    assert "1 of 1" not in text_of(lead, "?playbook=sample")


def test_a_run_without_a_playbook_is_counted(ours: Team, lead: User) -> None:
    run = judge(ours)
    Investigation.objects.filter(pk=run.pk).update(playbook=None)
    assert "Without a playbook" in text_of(lead)


def test_without_a_verdict_the_page_says_how_one_comes_about(lead: User) -> None:
    text = text_of(lead, "?period=all")
    assert "Nobody has judged a diagnosis yet" in text and "“Yes, accept” or “The cause was really …”" in text
    assert f'href="{reverse("investigations:runs")}?state=done"' in text and "337 cases" in text
    assert reverse(FILE) not in text


def test_the_file_names_no_person_and_computes_nothing(ours: Team, lead: User) -> None:
    run = judge(ours, confidence=0.35, grade="wrong", label="=cmd|' /C calc'!A0", top_label="@rl.odd")
    judge(ours, grade="wrong", label="ask noor@northwind.example")
    text = text_of(lead, name=FILE)
    head, row, other = csv.reader(io.StringIO(text))
    assert head[:5] == ["run", "ticket", "class", "label_said", "label_found"]
    judged_at = run.feedback.get().at.isoformat(timespec="seconds")
    assert row == [run.ref, run.ticket.ref, "rate_limit", "'@rl.odd", "", "corrected", "wrong", "0.35", judged_at]
    assert other[4] == "" and "noor" not in text.lower() and "judge," not in text
    event = AuditEvent.objects.get(action="metrics.judged_exported")
    assert event.actor == lead


def test_who_may_see_it_and_who_may_take_it_away(client: Client, ours: Team) -> None:
    judge(ours)
    assert client.get(reverse(PAGE)).status_code == 302
    for role, may_export in (("agent", False), ("read_only", False), ("engineer", False), ("lead", True)):
        client.force_login(factories.user(role=role, teams=(ours,)))
        answer = client.get(reverse(PAGE))
        assert answer.status_code == 200 and (reverse(FILE) in answer.content.decode()) is may_export, role
        assert client.get(reverse(FILE)).status_code == (200 if may_export else 403), role


def test_the_overview_leads_to_it_and_the_rail_names_the_part(client: Client, lead: User) -> None:
    client.force_login(lead)
    assert 'href="/metrics/diagnosis/"' in client.get("/metrics/").content.decode()
    assert 'href="/metrics/" data-go="m" aria-current="page"' in client.get("/metrics/diagnosis/").content.decode()


def test_queries_do_not_grow_with_verdicts(ours: Team, lead: User, django_assert_num_queries: Any) -> None:
    judge(ours)
    with django_assert_num_queries(3):
        figures(lead)
    ten(ours)
    with django_assert_num_queries(3):
        figures(lead)
