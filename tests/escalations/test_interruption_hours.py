"""Hours read from what happened to escalations: who counts, when, and what was typed in."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client
from rest_framework.test import APIClient

from altor.errors import InvalidInput, PermissionRefused
from altor.models import AuditEvent
from altor.tokens import create_token
from escalations.interruptions.ledger import of_period, of_subject
from escalations.interruptions.overview import by_contract, by_incident_class, by_team, week_of
from escalations.interruptions.quality import scores
from escalations.interruptions.typed import type_hours
from escalations.lifecycle.acting import Doer, act, judge
from escalations.lifecycle.sending import Wish, send
from escalations.models import Escalation, IssueChange, IssueComment, IssuePull, LinearConnection, TrackedIssue
from escalations.oncall.editing import create_rotation
from escalations.oncall.format import read_form
from tests import factories

pytestmark = pytest.mark.django_db
NOON = factories.NOON  # Friday, 1 May 2026
FRIDAY = NOON.date()
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATER = NOON + 10 * DAY


@pytest.fixture
def agent():
    return factories.user("mina", teams=(factories.team(),))


@pytest.fixture
def lead():
    return factories.user("leo", role="lead", teams=(factories.team(),))


@pytest.fixture
def engineer():
    return factories.user("eli", role="engineer", first_name="Eli", last_name="Berg")


@pytest.fixture
def sent(agent, lead):
    return escalate(agent)


def escalate(agent, severity="SEV2", now=NOON, culprit="7f3c9a1"):
    found = factories.diagnosis(culprit={"kind": "deployment", "id": culprit, "url": ""})
    run = factories.finished_run(factories.ticket(customer=factories.customer(), owner=agent), diagnosis=found)
    why = "It is what it is, says the test." if severity != "SEV2" else ""
    return send(run, Wish(severity=severity, severity_why=why), actor=agent, now=now)[0]


def minutes(escalation):
    return of_subject(escalation, now=LATER).total.seconds / 60


def test_an_engineers_acts_are_sessions_and_supports_are_not(sent, agent, lead, engineer):
    act(sent, "acknowledge", Doer(engineer), now=NOON + 10 * MINUTE)
    act(sent, "accept", Doer(engineer), now=NOON + 30 * MINUTE)  # one session: 20 + 10
    act(sent, "ask", Doer(engineer), now=NOON + 2 * HOUR, text="Which region?")  # another: 10
    act(sent, "answer", Doer(agent), now=NOON + 3 * HOUR, text="eu-central.")
    act(sent, "update", Doer(lead), now=NOON + 3 * HOUR, text="The customer called.")  # a lead who never took it
    found = of_subject(sent, now=LATER).total
    assert (found.seconds / 60, found.interruptions, found.people) == (40, 2, 1)


def test_a_lead_who_takes_it_is_an_engineer_of_it(sent, lead):
    act(sent, "accept", Doer(lead), now=NOON + 10 * MINUTE)
    assert minutes(sent) == 10


def test_a_name_from_a_link_is_the_person_who_bears_it(sent, engineer):
    act(sent, "acknowledge", Doer(None, "eli  BERG", "link"), now=NOON + 10 * MINUTE)
    act(sent, "accept", Doer(engineer), now=NOON + 20 * MINUTE)
    act(sent, "update", Doer(None, "Ida Novak", "link"), now=NOON + 20 * MINUTE, text="I look too.")
    found = of_subject(sent, now=LATER)
    assert {one.who for one in found.lines} == {f"user:{engineer.pk}", "name:ida novak"}
    assert found.total.seconds / 60 == 30


def test_after_hours_counts_only_for_who_was_paged(agent, lead, engineer):
    evening = NOON + 7 * HOUR  # 19:00
    calm, urgent = escalate(agent, "SEV2", culprit="a"), escalate(agent, "SEV1", culprit="b")
    for one in (calm, urgent):
        act(one, "acknowledge", Doer(engineer), now=evening + (HOUR if one == urgent else timedelta()))
    assert minutes(calm) == 0  # sent at noon: nobody was paged in the evening
    assert minutes(urgent) == 10  # SEV1 pages at any time
    night = escalate(agent, "SEV2", now=evening, culprit="c")
    act(night, "acknowledge", Doer(engineer), now=evening + 3 * HOUR)
    assert minutes(night) == 10  # it was sent to them after hours
    saturday = escalate(agent, "SEV2", culprit="d")
    act(saturday, "update", Doer(engineer), now=NOON + DAY, text="I had a look at the weekend.")
    found = of_subject(saturday, now=LATER).total
    assert (found.seconds, found.interruptions, found.people) == (0, 1, 1)


def test_on_call_after_hours_counts(agent, lead, engineer):
    layer = {"people": ["eli"], "begins": "2026-04-01 00:00"}
    seats = [{"key": "first", "name": "First", "layers": [layer]}]
    form = read_form({"name": "Platform", "team": "support", "owns": "the platform", "seats": seats})
    create_rotation(form, actor=None, now=NOON - 20 * DAY)
    sent = escalate(agent)
    act(sent, "acknowledge", Doer(engineer), now=NOON + 7 * HOUR)
    assert minutes(sent) == 10


def test_working_hours_are_those_of_the_engineers_own_zone(agent, lead):
    abroad = factories.user("kim", role="engineer", timezone="America/Los_Angeles")
    sent = escalate(agent)
    act(sent, "acknowledge", Doer(abroad), now=NOON + 10 * HOUR)  # 22:00 UTC is 15:00 there
    act(sent, "accept", Doer(abroad), now=NOON + 13 * HOUR)  # 18:00 there
    assert minutes(sent) == 10
    assert [one.day for one in of_subject(sent, now=LATER).lines] == [FRIDAY]


def test_two_escalations_at_the_same_time_share_it(agent, lead, engineer):
    first, second = escalate(agent, culprit="a"), escalate(agent, culprit="b")
    for one in (first, second):
        act(one, "acknowledge", Doer(engineer), now=NOON + 10 * MINUTE)
    assert (minutes(first), minutes(second)) == (5, 5)
    week = of_period(FRIDAY - 4 * DAY, FRIDAY + 2 * DAY, now=LATER).total
    assert (week.seconds, week.interruptions, week.people, week.subjects) == (600, 2, 1, 2)


# -------------------------------------------------------------------------------------------- Linear and pull requests
def test_what_happens_in_linear_counts_for_who_did_it(sent, engineer, agent):
    connection = LinearConnection.objects.create(base_url="https://api.linear.example/graphql")
    issue = TrackedIssue.objects.create(
        connection=connection, cause_key="c", created_at=NOON, woken_at=NOON, assignee_name="Priya Nair"
    )
    Escalation.objects.filter(pk=sent.pk).update(issue=issue)

    def comment(author, at, direction="in"):
        IssueComment.objects.create(
            issue=issue, direction=direction, comment_id=f"{author}{at}", author=author, at=at, key=f"{at}"
        )

    comment("Eli Berg", NOON + 10 * MINUTE)
    comment("mina", NOON + 12 * MINUTE)  # support
    comment("Altor", NOON + 13 * MINUTE, "out")  # ourselves
    comment("Eli Berg", NOON - HOUR)  # before it was ours
    IssueChange.objects.create(
        issue=issue, kind="state", at=NOON + 30 * MINUTE, by="Eli Berg", source="webhook", after={"type": "started"}
    )
    IssueChange.objects.create(issue=issue, kind="eta", at=NOON + HOUR, by="Eli Berg", source="webhook")
    IssuePull.objects.create(
        issue=issue, url="https://github.example/a/b/pull/1", owner="a", repo="b", number=1, state="merged",
        merged_at=NOON + 3 * HOUR,
    )  # fmt: skip
    found = of_subject(sent, now=LATER)
    assert {one.who: float(one.seconds) / 60 for one in found.lines} == {
        f"user:{engineer.pk}": 30, "name:priya nair": 10,
    }  # fmt: skip


# --------------------------------------------------------------------------------------------------------- typed hours
def test_typed_hours_replace_a_day_and_can_be_taken_back(sent, engineer):
    act(sent, "acknowledge", Doer(engineer), now=NOON + 10 * MINUTE)
    who = f"user:{engineer.pk}"
    for said in (90, 120):
        type_hours(sent, who=who, day=FRIDAY, minutes=said, actor=engineer, now=LATER, note="Debugging")
    found = of_subject(sent, now=LATER)
    assert (found.total.seconds, found.total.typed_s, found.total.interruptions) == (7200, 7200, 1)
    line = found.lines[0]
    assert (line.typed.by, line.typed.note, line.measured) == ("Eli Berg", "Debugging", 600)
    type_hours(sent, who=who, day=FRIDAY, minutes=None, actor=engineer, now=LATER)
    assert minutes(sent) == 10
    actions = AuditEvent.objects.filter(action="interruption.typed").order_by("pk")
    assert [(one.before.get("minutes"), one.after.get("minutes")) for one in actions] == [
        (None, 90), (90, 120), (120, None),
    ]  # fmt: skip


def test_engineers_type_their_own_and_leads_everybodys(sent, engineer, lead, agent):
    other = factories.user("ida", role="engineer")
    with pytest.raises(PermissionRefused):
        type_hours(sent, who=f"user:{other.pk}", day=FRIDAY, minutes=5, actor=engineer, now=LATER)
    with pytest.raises(PermissionRefused):
        type_hours(sent, who=f"user:{agent.pk}", day=FRIDAY, minutes=5, actor=agent, now=LATER)
    type_hours(sent, who="name:priya nair", day=FRIDAY, minutes=5, actor=lead, now=LATER)
    assert minutes(sent) == 5


def test_a_day_has_24_hours_over_all_escalations_and_lies_in_their_life(agent, lead, engineer):
    first, second = escalate(agent, culprit="a"), escalate(agent, culprit="b")
    who = f"user:{engineer.pk}"
    type_hours(first, who=who, day=FRIDAY, minutes=1000, actor=engineer, now=LATER)
    with pytest.raises(InvalidInput, match="more than 24 hours"):
        type_hours(second, who=who, day=FRIDAY, minutes=441, actor=engineer, now=LATER)
    type_hours(second, who=who, day=FRIDAY, minutes=440, actor=engineer, now=LATER)
    for day in (FRIDAY - 2 * DAY, LATER.date() + 2 * DAY):
        with pytest.raises(InvalidInput, match="Choose a day"):
            type_hours(first, who=who, day=day, minutes=5, actor=engineer, now=LATER)


def test_hours_of_a_day_after_the_last_act_count(sent, engineer):
    act(sent, "resolve", Doer(engineer), now=NOON + 10 * MINUTE)
    type_hours(sent, who=f"user:{engineer.pk}", day=FRIDAY + 6 * DAY, minutes=30, actor=engineer, now=LATER)
    found = of_subject(sent, now=LATER).total
    assert (found.seconds, found.interruptions) == (2400, 2)


# ------------------------------------------------------------------------------------------------------------ overview
def test_a_week_by_team_class_and_contract(agent, lead, engineer):
    sent = escalate(agent)
    act(sent, "acknowledge", Doer(engineer), now=NOON + 10 * MINUTE)
    act(sent, "update", Doer(engineer), now=NOON + 4 * DAY, text="Still at it.")  # next week
    week = of_period(FRIDAY - 4 * DAY, FRIDAY + 2 * DAY, now=LATER)
    assert {name: one.hours for name, one in by_incident_class(week).items()} == {"rate_limit": pytest.approx(1 / 6)}
    assert list(by_contract(week)) == ["engineering"]
    assert list(by_team(week)) == ["Support"]
    assert of_period(FRIDAY - 4 * DAY, FRIDAY + 2 * DAY, now=LATER, team=factories.team("Other")).lines == []


@pytest.mark.parametrize(
    ("written", "monday"),
    [
        ("2026-W18", date(2026, 4, 27)),
        ("", date(2026, 4, 27)),
        ("2026-W99", date(2026, 4, 27)),
        ("2026-W01", date(2025, 12, 29)),
    ],
)
def test_weeks_begin_on_monday(written, monday):
    assert week_of(written, FRIDAY) == monday


# ------------------------------------------------------------------------------------------------------- pages and REST
def test_hours_are_typed_in_on_the_escalations_page(sent, engineer, agent, client: Client):
    client.force_login(engineer)
    assert f"/escalations/{sent.ref}/time/" in client.get(f"/escalations/{sent.ref}/").content.decode()
    url = f"/escalations/{sent.ref}/time/"
    refused = client.post(url, {"day": "soon", "hours": "2", "note": "Kept words"})
    assert refused.status_code == 400
    assert "Kept words" in refused.content.decode()
    assert client.post(url, {"day": "2026-05-01", "hours": "2", "minutes": "15"}).status_code == 302
    shown = client.get(url).content.decode()
    assert "2.25" in shown
    assert "2 h 15 min" in shown
    assert "Typed in" in shown
    panel = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in panel
    client.force_login(agent)
    assert client.post(url, {"day": "2026-05-01", "hours": "2"}).status_code == 403
    assert "Type in hours" not in client.get(url).content.decode()


def test_the_overview_names_no_person(sent, engineer, lead, client: Client, settings):
    settings.REFOCUS_MINUTES = 23
    act(sent, "acknowledge", Doer(engineer), now=NOON + 10 * MINUTE)
    client.force_login(lead)
    html = client.get("/interruptions/?week=2026-W18").content.decode()
    assert "0.17" in html
    assert "23 min each, not in the hours" in html
    assert "Eli" not in html
    assert "Nobody was interrupted" in client.get("/interruptions/?week=2026-W17&team=support").content.decode()


def rest(user, *scopes):
    client = APIClient()
    _, secret = create_token(user=user, name="t", scopes=list(scopes), expires_at=None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def test_time_over_rest(sent, engineer, lead):
    act(sent, "acknowledge", Doer(engineer), now=NOON + 10 * MINUTE)
    eli = rest(engineer, "escalation.read", "escalation.work")
    url = f"/api/v1/escalations/{sent.ref}/time/"
    found = eli.get(url).json()
    assert (found["seconds"], found["interruptions"], found["engineers"], found["refocus_seconds"]) == (600, 1, 1, 0)
    (day,) = found["days"]
    assert (day["day"], day["engineer"], day["typed_minutes"]) == ("2026-05-01", "eli", None)
    assert day["sessions"][0]["begin"] == "2026-05-01T12:10:00Z"
    typed = eli.post(url, {"day": "2026-05-01", "minutes": 45, "note": "Alone"}, format="json").json()
    assert (typed["seconds"], typed["typed_seconds"], typed["days"][0]["measured_seconds"]) == (2700, 2700, 600)
    assert eli.post(url, {"day": "2026-05-01", "minutes": 5, "engineer": "leo"}, format="json").status_code == 403
    boss = rest(lead, "escalation.work")
    back = boss.post(url, {"day": "2026-05-01", "minutes": None, "engineer": "eli"}, format="json")
    assert back.json()["seconds"] == 600
    assert eli.post(url, {"day": "2026-05-01", "minutes": 1441}, format="json").status_code == 400


# ------------------------------------------------------------------------------------------------------------- quality
def test_both_verdicts_of_quality_side_by_side(agent, lead, engineer, client: Client):
    taken, returned, open_, withdrawn = (escalate(agent, culprit=name) for name in "abcd")
    Escalation.objects.filter(pk=returned.pk).update(completeness="overridden")
    Escalation.objects.filter(pk=taken.pk).update(completeness="evidence")
    Escalation.objects.filter(pk__in=[open_.pk, withdrawn.pk]).update(completeness="answers")
    act(taken, "accept", Doer(engineer), now=NOON + MINUTE)
    act(taken, "resolve", Doer(engineer), now=NOON + HOUR)
    act(returned, "reject", Doer(engineer), now=NOON + HOUR, text="There is no request id.", reason="missing_evidence")
    act(withdrawn, "withdraw", Doer(agent), now=NOON + HOUR, text="It was our own mistake.")
    judge(taken, Doer(engineer), is_complete=False, was_avoidable=True, now=NOON + HOUR)
    judge(taken, Doer(engineer), is_complete=True, was_avoidable=False, now=NOON + 2 * HOUR)  # the newest counts
    judge(returned, Doer(engineer), is_complete=False, was_avoidable=True, now=NOON + 2 * HOUR)
    found = scores(Escalation.objects.all())
    assert (found.sent, found.strict) == (4, 0.25)
    assert found.completeness == {"evidence": 1, "answers": 2, "tried": 0, "provisional": 0, "overridden": 1}
    assert (found.decided, found.accepted_first, found.first_pass) == (2, 1, 0.5)
    assert found.returns == {"missing_evidence": 1}
    assert (found.judged, found.complete, found.avoidable) == (2, 0.5, 0.5)
    client.force_login(lead)
    html = client.get("/escalations/?ended=1").content.decode()
    assert "Accepted at once: 50" in html
    assert 'id="quality"' not in client.get("/escalations/").content.decode()


def test_of_nothing_there_is_no_share():
    found = scores(Escalation.objects.none())
    assert (found.strict, found.first_pass, found.complete, found.avoidable) == (None, None, None, None)


def test_one_that_was_accepted_and_returned_later_was_not_accepted_at_once(sent, engineer):
    act(sent, "accept", Doer(engineer), now=NOON + MINUTE)
    act(sent, "reject", Doer(engineer), now=NOON + HOUR, text="It is not ours after all.", reason="wrong_owner")
    found = scores(Escalation.objects.all())
    assert (found.decided, found.accepted_first, found.returns) == (1, 0, {"wrong_owner": 1})
