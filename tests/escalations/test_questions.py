"""Questions to engineering without an escalation: asked, joined, answered by every door, escalated, taken back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from altor.errors import Conflict, InvalidInput, PermissionRefused
from altor.models import AuditEvent, Notice
from altor.notify.delivering import message_of
from altor.tokens import create_token
from escalations.interruptions.asking import AlreadyAsked, Audience, answer, ask, became, begin_escalating, withdraw
from escalations.interruptions.choosing import audience, choices
from escalations.interruptions.ledger import of_subject
from escalations.interruptions.links import link_token, question_of
from escalations.interruptions.typed import answer_and_type
from escalations.lifecycle.acting import Doer
from escalations.lifecycle.sending import Wish, send
from escalations.models import Question, TypedHours
from escalations.oncall.editing import create_rotation
from escalations.oncall.format import read_form
from investigations.models import Ticket
from tests import factories

pytestmark = pytest.mark.django_db
NOON = factories.NOON  # Friday
HOUR = timedelta(hours=1)
TEXT = "Does the limiter count retries of one request twice?"


@pytest.fixture
def platform():
    return factories.team("Platform", timezone="Europe/Berlin")


@pytest.fixture
def engineer(platform):
    return factories.user("eli", role="engineer", teams=(platform,))


@pytest.fixture
def agent():
    return factories.user("mina", teams=(factories.team(),))


@pytest.fixture
def run(agent):
    return factories.finished_run(factories.ticket(customer=factories.customer(), owner=agent))


@pytest.fixture
def asked(run, agent, engineer, platform):
    return ask(run.ticket, TEXT, Audience(team=platform), actor=agent, now=NOON, run=run)[0]


def told(kind):
    return {(one.title, person.person.username) for one in Notice.objects.filter(kind=kind)
            for person in one.deliveries.all()}  # fmt: skip


def test_the_asked_team_is_told_with_the_runs_lines_and_a_link(asked, engineer):
    assert told("question.asked") == {(f"{asked.ref}: mina asks about {asked.ticket.ref}", "eli")}
    notice = Notice.objects.get(kind="question.asked")
    assert notice.lines[0] == TEXT
    assert notice.lines[1] == "Cause: A deployment changed the limiter"
    assert message_of(notice).link.endswith(f"/{link_token(asked)}/")
    assert [line["lead"] for line in asked.lines] == ["Cause", "Scope", "Since", "It is not", "Next"]
    assert AuditEvent.objects.get(action="question.asked").object_ref == asked.ref


def test_an_answer_is_wished_within_a_business_day_of_those_who_are_asked(asked):
    # Friday 12:00 UTC is 14:00 in Berlin: 3 h until 17:00, then 5 h on Monday from 09:00: 14:00 = 12:00 UTC.
    assert asked.due_at == NOON + timedelta(days=3)


def test_secrets_in_the_words_do_not_leave(run, agent, engineer, platform):
    text = "Why is the key sk_live_4eC39HqLyjWDarjtT1zdp7dc refused?"
    found, _ = ask(run.ticket, text, Audience(team=platform), actor=agent, now=NOON)
    answer(found, "Because sk_live_4eC39HqLyjWDarjtT1zdp7dc is old.", Doer(engineer), now=NOON)
    found.refresh_from_db()
    assert "4eC39" not in found.text + found.answer


def test_whoever_is_on_call_is_asked_and_without_anybody_the_leads(run, agent, engineer, platform):
    lead = factories.user("pat", role="lead", teams=(platform,))
    layer = {"people": ["eli"], "begins": "2026-04-01 00:00", "hours": {"week": {"fri": "all day"}}}
    seats = [{"key": "first", "name": "First", "layers": [layer]}]
    row = create_rotation(
        read_form({"name": "Platform", "team": "platform", "owns": "the platform", "seats": seats}), actor=None,
        now=NOON - timedelta(days=20),
    )  # fmt: skip
    to = Audience(rotation=row)
    found, _ = ask(run.ticket, TEXT, to, actor=agent, now=NOON)
    assert [one.user for one in found.people.filter(part="told")] == [engineer]
    sunday, _ = ask(run.ticket, TEXT + " Again?", to, actor=agent, now=NOON + timedelta(days=2))
    assert [one.user for one in sunday.people.filter(part="told")] == [lead]
    assert any("Nobody is on call" in line for line in Notice.objects.get(subject_ref=sunday.ref).lines)


def test_nobody_who_may_answer_is_nobody_to_ask(run, agent):
    with pytest.raises(InvalidInput, match="Nobody there may answer"):
        ask(run.ticket, TEXT, Audience(person=agent), actor=agent, now=NOON)
    with pytest.raises(InvalidInput, match="one team, one rotation or one person"):
        ask(run.ticket, TEXT, Audience(), actor=agent, now=NOON)
    with pytest.raises(InvalidInput):
        ask(run.ticket, "Why?", Audience(team=factories.team()), actor=agent, now=NOON)
    with pytest.raises(InvalidInput, match="nobody:x"):
        audience("nobody:x")
    assert not Question.objects.exists()


def test_engineers_and_readers_do_not_ask(run, engineer, platform):
    for who in (engineer, factories.user(role="read_only", teams=(factories.team(),))):
        with pytest.raises(PermissionRefused):
            ask(run.ticket, TEXT, Audience(team=platform), actor=who, now=NOON)


def test_a_double_click_asks_once(asked, agent, platform):
    again, is_new = ask(asked.ticket, f"  {TEXT} ", Audience(team=platform), actor=agent, now=NOON)
    assert (again, is_new) == (asked, False)


def test_the_same_question_to_the_same_people_is_offered_to_join(asked, platform):
    other = factories.user("noor", teams=(factories.team(),))
    with pytest.raises(AlreadyAsked) as refused:
        ask(asked.ticket, TEXT.upper(), Audience(team=platform), actor=other, now=NOON)
    assert refused.value.extra["question"] == asked.ref
    joined, is_new = ask(asked.ticket, TEXT, Audience(team=platform), actor=other, now=NOON, joins=True)
    assert (joined, is_new) == (asked, False)
    answer(asked, "Yes, it does.", Doer(None, "Eli B", "link"), now=NOON + HOUR)
    assert {who for _, who in told("question.answered")} == {"mina", "noor"}


def test_another_question_or_other_people_are_asked_anew(asked, agent, engineer, platform):
    assert ask(asked.ticket, TEXT + " Since when?", Audience(team=platform), actor=agent, now=NOON)[1]
    assert ask(asked.ticket, TEXT, Audience(person=engineer), actor=agent, now=NOON)[1]


def test_the_first_answer_counts_and_costs_ten_minutes(asked, engineer):
    done = answer(asked, "Yes, since 2.4.", Doer(engineer), now=NOON + HOUR)
    answer(asked, "Yes, since 2.4.", Doer(engineer), now=NOON + 2 * HOUR)
    with pytest.raises(Conflict):
        answer(asked, "No.", Doer(engineer), now=NOON + 2 * HOUR)
    assert (done.status, done.answered_by, done.ended_at) == ("answered", engineer, NOON + HOUR)
    found = of_subject(asked, now=NOON + timedelta(days=1)).total
    assert (found.seconds, found.interruptions, found.people) == (600, 1, 1)


def test_minutes_given_with_the_answer_replace_the_ten(asked, engineer):
    answer_and_type(asked, "Yes, since 2.4.", Doer(engineer), 35, now=NOON + HOUR)
    found = of_subject(asked, now=NOON + timedelta(days=1)).total
    assert (found.seconds, found.typed_s, found.interruptions) == (2100, 2100, 1)


def test_too_many_minutes_leave_the_question_open(asked, engineer):
    with pytest.raises(InvalidInput):
        answer_and_type(asked, "Yes, since 2.4.", Doer(engineer), 1441, now=NOON + HOUR)
    asked.refresh_from_db()
    assert asked.is_open
    assert not TypedHours.objects.exists()


def test_agents_do_not_answer_for_engineering(asked, agent):
    with pytest.raises(PermissionRefused):
        answer(asked, "Yes.", Doer(agent), now=NOON)
    with pytest.raises(PermissionRefused):
        answer(asked, "Yes.", Doer(None, "Somebody", "page"), now=NOON)


def test_taken_back_those_who_were_asked_are_told(asked, agent):
    withdraw(asked, actor=agent, now=NOON + HOUR, why="Found it in the code.")
    assert told("question.answered") == {(f"{asked.ref} was taken back by mina", "eli")}
    assert of_subject(asked, now=NOON + timedelta(days=1)).total.seconds == 0


def test_it_becomes_the_escalation_that_is_sent_next(asked, run, agent):
    assert begin_escalating(asked, actor=agent, now=NOON) is None
    sent, _ = send(run, Wish(), actor=agent, now=NOON + HOUR)
    asked.refresh_from_db()
    assert (asked.status, asked.escalation) == ("escalated", sent)
    assert list(sent.questions.all()) == [asked]


def test_an_escalation_does_not_take_questions_that_nobody_wanted_to_escalate(asked, run, agent):
    send(run, Wish(), actor=agent, now=NOON + HOUR)
    asked.refresh_from_db()
    assert asked.is_open


def test_it_becomes_the_escalation_that_is_open_already_and_none_of_another_ticket(asked, run, agent):
    sent, _ = send(run, Wish(), actor=agent, now=NOON)
    stranger = factories.ticket()
    other, _ = ask(stranger, TEXT, Audience(team=asked.to_team), actor=agent, now=NOON)
    with pytest.raises(InvalidInput):
        became(other, sent, actor=agent, now=NOON)
    assert begin_escalating(asked, actor=agent, now=NOON) == sent


# ----------------------------------------------------------------------------------------------------- who sees what
def test_an_engineer_sees_what_reached_them_and_its_ticket(asked, engineer):
    stranger = factories.user("ida", role="engineer")
    assert list(Question.objects.visible_to(engineer)) == [asked]
    assert not Question.objects.visible_to(stranger).exists()
    assert Ticket.objects.visible_to(engineer).filter(pk=asked.ticket_id).exists()
    assert not Ticket.objects.visible_to(stranger).exists()


def test_a_lead_of_another_team_who_is_asked_sees_the_question_and_not_the_ticket(run, agent, client: Client):
    pat = factories.user("pat", role="lead", teams=(factories.team("Other"),))
    found, _ = ask(run.ticket, TEXT, Audience(person=pat), actor=agent, now=NOON, run=run)
    client.force_login(pat)
    html = client.get(f"/questions/{found.ref}/").content.decode()
    assert TEXT in html
    assert f'href="/tickets/{run.ticket.ref}/"' not in html
    assert not Ticket.objects.visible_to(pat).exists()


def test_support_of_other_teams_sees_no_question(asked):
    other = factories.user("otto", teams=(factories.team("Other"),))
    assert not Question.objects.visible_to(other).exists()


def test_choices_hold_only_who_may_answer(asked, engineer):
    found = {value for _, many in choices() for value, _ in many}
    assert found == {"team:platform", "person:eli"}


# -------------------------------------------------------------------------------------------------------- signed link
def test_a_signed_link_answers_once_without_an_account(asked, client: Client):
    url = f"/q/{link_token(asked)}/"
    shown = client.get(url)
    assert shown.status_code == 200
    assert TEXT in shown.content.decode()
    assert shown["Cache-Control"] == "no-store"
    assert client.post(url, {"text": "Yes, it does.", "name": "Eli B"}).status_code == 302
    asked.refresh_from_db()
    assert (asked.answer, asked.answered_as, asked.via) == ("Yes, it does.", "Eli B", "link")
    late = client.post(url, {"text": "No, it does not.", "name": "Ida"})
    assert late.status_code == 409
    found = of_subject(asked, now=asked.ended_at + HOUR)
    assert [one.who for one in found.lines] == ["name:eli b"]


def test_a_wrong_link_opens_nothing_and_a_right_one_ends(asked, agent, client: Client):
    assert client.get(f"/q/{link_token(asked)}x/").status_code == 404
    withdraw(asked, actor=agent, now=NOON)
    assert question_of(link_token(asked), now=NOON + timedelta(days=13)) == asked
    assert question_of(link_token(asked), now=NOON + timedelta(days=15)) is None


# -------------------------------------------------------------------------------------------------------------- pages
def test_asked_and_answered_on_the_pages(run, agent, engineer, platform, client: Client):
    client.force_login(agent)
    panel = f"/tickets/{run.ticket.ref}/questions/"
    assert 'value="team:platform"' in client.get(panel).content.decode()
    refused = client.post(panel, {"to": "team:none", "text": TEXT})
    assert refused.status_code == 400
    assert TEXT in refused.content.decode()
    made = client.post(panel, {"to": "team:platform", "text": TEXT})
    found = Question.objects.get()
    assert made["Location"] == f"/questions/{found.ref}/"
    assert found.run == run
    assert client.post(f"/questions/{found.ref}/act/", {"act": "answer", "text": "x"}).status_code == 403
    client.force_login(engineer)
    assert found.ref in client.get("/questions/").content.decode()
    empty = client.post(f"/questions/{found.ref}/act/", {"act": "answer", "text": "A long answer", "minutes": "soon"})
    assert empty.status_code == 400
    assert "A long answer" in empty.content.decode()
    client.post(f"/questions/{found.ref}/act/", {"act": "answer", "text": "Yes.", "minutes": "25"})
    page = client.get(f"/questions/{found.ref}/").content.decode()
    assert "Yes." in page
    assert "Typed in" in client.get(f"/questions/{found.ref}/time/").content.decode()
    assert found.ref not in client.get("/questions/").content.decode()
    assert found.ref in client.get("/questions/?ended=1").content.decode()


def test_the_page_offers_to_join(asked, client: Client):
    client.force_login(factories.user("noor", teams=(factories.team(),)))
    panel = f"/tickets/{asked.ticket.ref}/questions/"
    offered = client.post(panel, {"to": "team:platform", "text": TEXT})
    assert offered.status_code == 409
    assert f"Join {asked.ref}" in offered.content.decode()
    client.post(panel, {"to": "team:platform", "text": TEXT, "act": "join"})
    assert asked.people.filter(user__username="noor", part="asks").exists()


def test_from_the_questions_page_to_the_escalation(asked, client: Client):
    client.force_login(asked.asked_by)
    began = client.post(f"/questions/{asked.ref}/act/", {"act": "escalate"})
    assert began["Location"] == f"/tickets/{asked.ticket.ref}/escalate/"
    assert "began to escalate it" in client.get(f"/questions/{asked.ref}/").content.decode()


# --------------------------------------------------------------------------------------------------------------- REST
def rest(user, *scopes):
    client = APIClient()
    _, secret = create_token(user=user, name="t", scopes=list(scopes), expires_at=None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def test_asked_joined_answered_and_withdrawn_over_rest(run, agent, engineer, platform):
    support = rest(agent, "question.ask", "escalation.read")
    body = {"ticket": run.ticket.ref, "to": "team:platform", "text": TEXT}
    made = support.post("/api/v1/questions/", body, format="json")
    assert made.status_code == 201
    ref = made.json()["ref"]
    assert (made.json()["run"], made.json()["to"], made.json()["askers"]) == (run.ref, "team:platform", ["mina"])
    assert support.post("/api/v1/questions/", body, format="json").status_code == 200
    noor = rest(factories.user("noor", teams=(factories.team(),)), "question.ask")
    clash = noor.post("/api/v1/questions/", body, format="json")
    assert (clash.status_code, clash.json()["code"], clash.json()["question"]) == (409, "already_asked", ref)
    assert noor.post("/api/v1/questions/", {**body, "join": True}, format="json").json()["askers"] == ["mina", "noor"]
    eli = rest(engineer, "escalation.work", "escalation.read")
    assert [one["ref"] for one in eli.get("/api/v1/questions/?status=asked").json()["results"]] == [ref]
    done = eli.post(f"/api/v1/questions/{ref}/answer/", {"text": "Yes.", "minutes": 20}, format="json").json()
    assert (done["status"], done["answered_by"], done["via"]) == ("answered", "eli", "api")
    assert support.post(f"/api/v1/questions/{ref}/withdraw/", {}, format="json").status_code == 409
    assert support.post("/api/v1/questions/", {**body, "ticket": "TK-0"}, format="json").status_code == 404
    assert support.post("/api/v1/questions/", {**body, "to": "x"}, format="json").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_many_at_once_ask_once_and_one_answer_counts():
    platform, support = factories.team("Platform"), factories.team()
    eli = factories.user("eli", role="engineer", teams=(platform,))
    mina = factories.user("mina", teams=(support,))
    ticket = factories.ticket()

    def at_once(work):
        def one(number):
            try:
                return work(number)
            except Conflict as refused:
                return refused
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, range(8)))

    asked = at_once(lambda _: ask(ticket, TEXT, Audience(team=platform), actor=mina, now=NOON))
    assert sorted(is_new for _, is_new in asked) == [False] * 7 + [True]
    question = Question.objects.get()
    answers = at_once(lambda number: answer(question, f"Answer {number}", Doer(eli), now=NOON))
    assert sum(isinstance(one, Question) for one in answers) == 1
    assert Notice.objects.filter(kind="question.asked").count() == 1
    assert Notice.objects.filter(kind="question.answered").count() == 1
