"""Grades after closure: one click on four steps, and what they say over time on the playbook's page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from altor.errors import InvalidInput
from altor.models import Team, User
from investigations.models import Feedback, Investigation
from investigations.services.accuracy import by_band, by_class, judged_of, over_time
from investigations.services.runs import record_feedback
from tests import factories
from tests.api.conftest import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours() -> Team:
    return factories.team()


@pytest.fixture
def lead(ours: Team) -> User:
    return factories.user(role="lead", teams=(ours,))


def closed(ours: Team, **values: Any) -> Investigation:
    return factories.finished_run(factories.ticket(in_team=ours, status="resolved"), **values)


def page_of(person: User, name: str, *args: Any) -> str:
    client = Client()
    client.force_login(person)
    return client.get(reverse(f"investigations:{name}", args=args)).content.decode()


@pytest.mark.parametrize(
    ("grade", "verdict", "label"),
    [
        ("exact", "accepted", "rl.limiter_deploy"), ("one_hop", "corrected", ""), ("area", "corrected", ""),
        ("wrong", "corrected", ""),
    ],
)  # fmt: skip
def test_one_click_grades_a_closed_tickets_run_and_a_second_changes_nothing(
    ours: Team, lead: User, grade: str, verdict: str, label: str
) -> None:
    run, client = closed(ours), Client()
    client.force_login(lead)
    there = reverse("investigations:run-feedback", args=[run.ref])
    html = client.get(reverse("investigations:run", args=[run.ref])).content.decode()
    assert html.count('name="grade"') == 4 and "Yes, accept" not in html
    for _ in range(2):
        answer = client.post(there, {"grade": grade}, follow=True)
    assert f'value="{grade}" aria-pressed="true"' in answer.content.decode()
    assert list(Feedback.objects.values_list("verdict", "grade", "label")) == [(verdict, grade, label)]


def test_an_open_tickets_run_keeps_the_one_click(ours: Team, lead: User) -> None:
    run = factories.finished_run(factories.ticket(in_team=ours))
    html = page_of(lead, "run", run.ref)
    assert "Yes, accept" in html and 'name="grade"' not in html


def test_a_correction_is_graded_by_its_label(ours: Team, lead: User) -> None:
    said = {"rl.retry_storm": "one_hop", "rl.limiter_deploy": "exact", "lat.db_slow_query": "wrong"}
    for label, grade in said.items():
        assert record_feedback(closed(ours), verdict="corrected", label=label, actor=lead).grade == grade
    words = record_feedback(closed(ours), verdict="corrected", comment="Their proxy", actor=lead)
    assert words.grade == ""


def test_a_grade_that_is_none_or_does_not_go_with_its_verdict_is_refused(ours: Team, lead: User) -> None:
    for given in ({"grade": "perfect"}, {"grade": "wrong", "verdict": "accepted"}, {}):
        with pytest.raises(InvalidInput):
            record_feedback(closed(ours), actor=lead, **given)
    assert not Feedback.objects.exists()


def test_rest_takes_a_verdict_as_before_or_a_grade(ours: Team, lead: User) -> None:
    url = f"/api/v1/investigations/{closed(ours).ref}/feedback/"
    client = client_of(lead)
    before = client.post(url, {"verdict": "accepted"}, format="json")
    assert (before.status_code, before.json()["verdict"], before.json()["grade"]) == (201, "accepted", "exact")
    graded = client.post(url, {"grade": "area", "label": "rl.retry_storm"}, format="json")
    assert (graded.status_code, graded.json()["verdict"], graded.json()["grade"]) == (201, "corrected", "area")
    for wrong in ({}, {"grade": "nonsense"}, {"grade": "wrong", "verdict": "accepted"}):
        assert client.post(url, wrong, format="json").status_code == 400


def graded(ours: Team, lead: User, *, at: datetime, grades: list[str], **values: Any) -> None:
    for grade in grades:
        run = closed(ours)
        Investigation.objects.filter(pk=run.pk).update(finished_at=at, **values)
        record_feedback(run, grade=grade, actor=lead)


def test_weeks_months_bands_and_classes_count_the_last_verdict(ours: Team, lead: User) -> None:
    monday = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
    graded(ours, lead, at=monday, grades=["exact"] * 6 + ["wrong"] * 2)
    graded(ours, lead, at=monday + timedelta(days=6), grades=["one_hop"], confidence=0.3)
    graded(ours, lead, at=monday - timedelta(days=7), grades=["exact"])
    judged = judged_of(Investigation.objects.all())
    weeks = over_time(judged, unit="week")
    assert [(week.name, week.share.hits, week.share.n) for week in weeks] == [("27 Apr", 1, 1), ("4 May", 6, 9)]
    assert [(month.name, month.share.n) for month in over_time(judged, unit="month")] == [
        ("Apr 2026", 1),
        ("May 2026", 9),
    ]
    assert weeks[1].share.low < 6 / 9 < weeks[1].share.high and not weeks[0].share.is_enough
    assert [(item.band, item.share.hits, item.share.n) for item in by_band(judged)] == [("Low", 0, 1), ("High", 7, 9)]
    assert [item.band for item in by_class(judged)] == ["rate_limit"]
    run = Investigation.objects.filter(confidence=0.3).get()
    record_feedback(run, grade="exact", actor=lead)
    assert over_time(judged_of(Investigation.objects.all()), unit="week")[1].share.hits == 7


def test_the_playbooks_page_draws_them_and_keeps_small_numbers_honest(ours: Team, lead: User) -> None:
    at = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
    graded(ours, lead, at=at, grades=["exact", "wrong"])
    few = page_of(lead, "playbook-version", "rate_limit", 1)
    assert 'class="al-acc"' in few and "1 of 2 right, too few for a share" in few
    graded(ours, lead, at=at, grades=["exact"] * 4)
    enough = page_of(lead, "playbook-version", "rate_limit", 1)
    assert "5 of 6 right, between 44% and 97%" in enough and "Show as table" in enough and "n = 6" in enough
    months = Client()
    months.force_login(lead)
    url = reverse("investigations:playbook-version", args=["rate_limit", 1])
    assert "May 2026" in months.get(url + "?per=month").content.decode()
    assert months.get(url + "?per=century").status_code == 200
    outsider = factories.user(role="lead", teams=(factories.team("Theirs"),))
    assert 'class="al-acc"' not in page_of(outsider, "playbook-version", "rate_limit", 1)
