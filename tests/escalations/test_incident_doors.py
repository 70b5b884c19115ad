"""Incidents on their pages, in the panels of others, over REST, in the sidebar and on the command line."""

from __future__ import annotations

import html
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from altor.models import User
from altor.tokens import create_token
from escalations.incidents.erasure import erase
from escalations.incidents.suggesting import run_ended
from escalations.incidents.widget import incident_part
from escalations.models import Incident, IncidentSuggestion
from investigations.widget.parts import WidgetContext
from knowledge.models import Reply
from tests import factories as make
from tests.escalations.incident_scene import NOW, Scene, build

pytestmark = pytest.mark.django_db
API = "/api/v1/incidents/"
WHY = "A reason of some length."


@pytest.fixture
def scene() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield build()


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def rest(user: User, *scopes: str) -> APIClient:
    client = APIClient()
    _, text = create_token(
        user=user, name="t", scopes=scopes or ["incident.read", "incident.declare", "incident.work", "customer.read"]
    )
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def told(answer: Any) -> list[str]:
    return [str(one) for one in get_messages(answer.wsgi_request)]


def read(answer: Any) -> str:
    return html.unescape(answer.content.decode())


# --------------------------------------------------------------------------------------------------------------- pages
def test_from_a_ticket_to_the_end_on_the_pages(scene: Scene) -> None:
    leo = logged_in(scene.leo)
    panel = read(leo.get(reverse("incidents:panel", args=[scene.first.ref])))
    form = f"{reverse('incidents:declare')}?ticket={scene.first.ref}"
    assert form in panel
    changed = {"ticket": scene.first.ref, "severity": "SEV1", "commander": "eli", "do": "look"}
    page = read(leo.post(reverse("incidents:declare"), changed))
    assert "at SEV1 with Eli Example as commander" in page and "Marks no ticket." in page and "(every 30 min)" in page
    assert not Incident.objects.exists()
    page = read(leo.get(form))
    assert "Declares an incident at SEV2 with Leo Example as commander" in page and "Blue Kite Traders" in page
    answer = leo.post(reverse("incidents:declare"), {
        "ticket": scene.first.ref, "title": "The limiter refuses", "severity": "SEV2", "commander": "eli",
        "tickets": [scene.first.ref, scene.second.ref], "do": "declare", "channel": "https://chat.example/inc",
    })  # fmt: skip
    incident = Incident.objects.get()
    assert answer["Location"] == reverse("incidents:incident", args=[incident.ref])
    assert (incident.title, incident.commander) == ("The limiter refuses", scene.eli)
    shown = read(leo.get(answer["Location"]))
    assert 'href="https://chat.example/inc"' in shown and "2 wrote, 2 did not" in shown
    panel = read(
        logged_in(scene.mina).get(reverse("incidents:panel", args=[scene.first.ref]), headers={"HX-Request": "1"})
    )
    assert "Part of" in panel and incident.ref in panel and "next update" in panel and "Declare" not in panel

    update = reverse("incidents:update", args=[incident.ref])
    page = read(leo.get(update))
    assert "A part of our service does not work" in page and "Ein Teil unseres Dienstes" in page
    leak = {"stage": "identified", "text:en": "Oakline Foods too. You hear from us by {next_update}.", "do": "publish"}
    refused = leo.post(update, leak)
    assert refused.status_code == 409
    assert "Oakline Foods too." in read(refused) and "must not read" in read(refused)
    assert not Reply.objects.exists()
    fine = {**leak, "text:en": "We found it. You hear from us by {next_update}.", "next_update_at": "2026-05-01T15:00"}
    done = leo.post(update, fine)
    assert told(done) == ["Kept, and drafted in 2 tickets. Nothing was sent: owners send it."]
    incident.refresh_from_db()
    assert incident.next_update_at == NOW.replace(hour=15, minute=0)
    drafted = read(logged_in(scene.mina).get(reverse("knowledge:reply", args=[scene.first.ref])))
    assert "We found it. You hear from us by 15:00 UTC on 1 May." in drafted

    act = reverse("incidents:act", args=[incident.ref])
    assert leo.post(act, {"act": "fixed"}).status_code == 302
    assert leo.post(act, {"act": "recovered", "text": "no"}).status_code == 400
    leo.post(act, {"act": "recovered", "text": "The share is back at 3%."})
    refused = leo.post(act, {"act": "close", "cause_label": "", "text": "The limiter was rewritten."})
    assert refused.status_code == 400 and "The limiter was rewritten." in read(refused)
    leo.post(act, {"act": "close", "cause_label": "rl.limiter_deploy", "text": "The limiter was rewritten."})
    leo.post(act, {"act": "follow-up", "text": "Alert on quotas", "owner": "eli", "due_on": "2026-05-08"})
    incident.refresh_from_db()
    assert (incident.status, incident.follow_ups.get().owner) == ("closed", scene.eli)
    assert "Alert on quotas" in read(leo.get(reverse("incidents:review", args=[incident.ref])))
    assert "## How long" in leo.get(reverse("incidents:review-md", args=[incident.ref])).content.decode()
    assert incident.ref in read(leo.get(reverse("incidents:list") + "?closed=1"))


def test_a_second_ticket_is_offered_to_join(scene: Scene) -> None:
    incident = scene.declare(tickets=[scene.first.ref])
    eli = logged_in(scene.leo)
    given = {"ticket": scene.second.ref, "title": "Mine", "do": "declare"}
    refused = eli.post(reverse("incidents:declare"), given)
    assert refused.status_code == 409 and f"Join {incident.ref}" in read(refused)
    eli.post(reverse("incidents:declare"), {**given, "do": "join"})
    assert incident.links.count() == 2 and Incident.objects.count() == 1


def test_a_refused_declaration_loses_nothing(scene: Scene) -> None:
    answer = logged_in(scene.leo).post(reverse("incidents:declare"), {
        "ticket": scene.first.ref, "title": "My own title", "severity": "SEV2", "note": "My own words",
        "channel": "ftp://x", "tickets": [scene.first.ref], "do": "declare",
    })  # fmt: skip
    assert answer.status_code == 400
    page = read(answer)
    assert "My own title" in page and "My own words" in page and "begins with https://" in page


def test_the_timeline_is_fetched_only_when_it_changed(scene: Scene) -> None:
    incident = scene.declare()
    client = logged_in(scene.mina)
    url = reverse("incidents:timeline", args=[incident.ref])
    assert client.get(f"{url}?v={incident.revision}").status_code == 204
    answer = client.get(f"{url}?v=0")
    assert answer.status_code == 200 and f"v={incident.revision}" in read(answer)


def test_a_suggestion_is_declared_in_two_clicks_or_dismissed(scene: Scene) -> None:
    run_ended(scene.run)
    found = IncidentSuggestion.objects.get()
    leo = logged_in(scene.leo)
    places = [
        reverse("incidents:list"), reverse("incidents:today"), reverse("incidents:panel", args=[scene.first.ref]),
    ]  # fmt: skip
    for url in places:
        assert "4 customers: 2 wrote, 2 have not" in read(leo.get(url)), url
        assert "4 customers" not in read(logged_in(scene.mina).get(url)), url
    dismiss = reverse("incidents:dismiss", args=[found.pk])
    assert "Say in a few words" in told(leo.post(dismiss, {"why": "no"}))[0]
    assert logged_in(scene.mina).post(dismiss, {"why": WHY}).status_code == 403
    leo.post(reverse("incidents:declare"), {"suggestion": found.pk, "tickets": [scene.first.ref], "do": "declare"})
    assert Incident.objects.get().suggestions.get() == found


def test_customers_are_told_by_hand_and_exported(scene: Scene) -> None:
    incident = scene.declare()
    leo = logged_in(scene.leo)
    page = reverse("incidents:customers", args=[incident.ref])
    act = reverse("incidents:customers-act", args=[incident.ref])
    shown = read(leo.get(page))
    assert "€2,500.00 a month" in shown and "Not told" in shown
    assert leo.post(act, {"act": "notice", "text:en": "As at Oakline Foods."}).status_code == 409
    leo.post(act, {"act": "notice", "text:en": "{account} is hit. You hear from us by {next_update}."})
    assert "Blue Kite Traders is hit. You hear from us by 16:05 UTC on 1 May." in read(leo.get(page))
    row = incident.customers.get(org_id="org_kite")
    assert told(leo.post(act, {"act": "told", "customer": row.pk, "how": "call"})) == ["1 marked as told."]
    leo.post(act, {"act": "undo", "customer": row.pk})
    row.refresh_from_db()
    assert row.told_at is None
    export = reverse("incidents:customers-csv", args=[incident.ref])
    assert "Blue Kite Traders is hit." in leo.get(export).content.decode()
    assert logged_in(scene.eli).get(export).status_code == 403  # an engineer exports no lists
    assert logged_in(scene.mina).get(export).status_code == 403


@pytest.mark.parametrize(
    "name", ["incident", "timeline", "update", "customers", "customers-csv", "review", "review-md"]
)
def test_another_teams_incident_is_not_found(scene: Scene, name: str) -> None:
    incident = scene.declare()
    outsider = make.user(role="lead", teams=(make.team("Elsewhere"),))
    assert logged_in(outsider).get(reverse(f"incidents:{name}", args=[incident.ref])).status_code == 404
    assert logged_in(scene.leo).get(reverse(f"incidents:{name}", args=[incident.ref])).status_code == 200


def test_a_ticket_that_may_not_be_opened_shows_no_subject(scene: Scene) -> None:
    incident = scene.declare()
    page = read(logged_in(scene.eli).get(reverse("incidents:incident", args=[incident.ref])))
    assert scene.first.ref in page and scene.first.subject not in page


def test_an_escalation_leads_to_its_incident(scene: Scene) -> None:
    from escalations.lifecycle.sending import Wish, send

    sent, _ = send(scene.run, Wish(severity="SEV2"), actor=scene.mina, now=NOW)
    url = reverse("incidents:of-escalation", args=[sent.ref])
    assert f"{reverse('incidents:declare')}?escalation={sent.ref}" in read(logged_in(scene.eli).get(url))
    scene.declare()
    assert Incident.objects.get().ref in read(logged_in(scene.eli).get(url))


def test_agents_find_no_button(scene: Scene) -> None:
    incident = scene.declare()
    mina = logged_in(scene.mina)
    page = read(mina.get(reverse("incidents:incident", args=[incident.ref])))
    assert reverse("incidents:act", args=[incident.ref]) not in page
    assert reverse("incidents:update", args=[incident.ref]) not in page
    assert mina.get(reverse("incidents:declare") + f"?ticket={scene.first.ref}").status_code == 403
    act = reverse("incidents:act", args=[incident.ref])
    for name in ("note", "fixed", "close", "severity", "unlink", "join"):
        assert (
            mina.post(act, {"act": name, "text": WHY, "ticket": scene.first.ref, "severity": "SEV1"}).status_code == 403
        )


# ---------------------------------------------------------------------------------------------------------------- REST
def test_over_rest_from_the_proposal_to_the_end(scene: Scene) -> None:
    leo = rest(scene.leo)
    wanted = leo.get(f"{API}proposal/?ticket={scene.first.ref}").json()
    assert (wanted["severity"], wanted["silent"], wanted["like"]) == ("SEV2", 2, None)
    assert wanted["does"][-1] == "Sends nothing to any customer."
    made = leo.post(API, {"ticket": scene.first.ref, "commander": "eli"})
    assert made.status_code == 201, made.content
    said = made.json()
    one = f"{API}{said['ref']}/"
    assert said["tickets"] == [scene.first.ref, scene.second.ref]
    assert {item["name"] for item in said["customers"]} >= {"Blue Kite Traders", "Oakline Foods"}
    again = leo.post(API, {"ticket": scene.second.ref})
    assert (again.status_code, again.json()["code"], again.json()["incident"]) == (409, "incident_open", said["ref"])
    assert leo.post(API, {"ticket": scene.second.ref, "join": True}).status_code == 200
    checked = leo.post(f"{one}updates/", {"stage": "identified", "check_only": True, "texts": {"en": "Oakline Foods"}})
    assert checked.json()["findings"][0]["is_leak"]
    leak = leo.post(f"{one}updates/", {"stage": "identified", "texts": {"en": "Oakline Foods, {next_update}."}})
    assert (leak.status_code, leak.json()["code"]) == (409, "update_leaks")
    fine = leo.post(f"{one}updates/", {"stage": "identified"})
    assert fine.status_code == 201 and [item["state"] for item in fine.json()["drafts"]] == ["drafted", "drafted"]
    assert leo.patch(one, {"severity": "SEV1", "why": WHY, "channel": "#inc"}).json()["severity"] == "SEV1"
    kite = next(item["id"] for item in said["customers"] if item["org_id"] == "org_kite")
    answer = leo.post(f"{one}told/", {"customers": [kite], "how": "call"}).json()
    assert next(item for item in answer["customers"] if item["id"] == kite)["told_how"] == "call"
    assert leo.post(f"{one}move/", {"to": "recovered", "text": "x"}).status_code == 400
    assert leo.post(f"{one}move/", {"to": "recovered", "text": "Measured at 3% again."}).json()["status"] == "recovered"
    made = leo.post(f"{one}follow-ups/", {"text": "Alert", "owner": "eli", "due_on": "2026-05-08"}).json()
    assert leo.post(f"{one}follow-ups/{made['id']}/", {"done": True}).json()["done_by"] == "leo"
    closed = leo.post(f"{one}close/", {"cause_label": "rl.limiter_deploy", "cause_text": "The limiter was rewritten."})
    assert closed.json()["status"] == "closed"
    assert leo.post(f"{one}note/", {"text": "Late"}).status_code == 409
    assert [item["ref"] for item in leo.get(f"{API}?status=closed").json()["results"]] == [said["ref"]]
    assert leo.get(f"{API}?nonsense=1").status_code == 400


def test_a_token_without_the_directory_reads_no_names(scene: Scene) -> None:
    incident = scene.declare()
    outsider = make.user(role="engineer", teams=(scene.team,))
    said = rest(outsider, "incident.read").get(f"{API}{incident.ref}/").content.decode()
    for name in ("Blue Kite Traders", "org_kite", "Oakline Foods", "Northwind Freight"):
        assert name not in said
    assert "Blue Kite Traders" in rest(outsider).get(f"{API}{incident.ref}/").content.decode()


def test_suggestions_over_rest(scene: Scene) -> None:
    run_ended(scene.run)
    leo = rest(scene.leo)
    found = leo.get("/api/v1/incident-suggestions/").json()["results"][0]
    assert (found["customers"], found["wrote"], found["silent"]) == (4, 2, 2)
    assert leo.post(f"/api/v1/incident-suggestions/{found['id']}/dismiss/", {"why": WHY}).status_code == 200
    assert leo.get("/api/v1/incident-suggestions/").json()["results"] == []


# ---------------------------------------------------------------------------------------------------- sidebar, command
def test_the_sidebar_says_that_the_ticket_is_part_of_it(scene: Scene) -> None:
    def said(user: User | None) -> Any:
        return incident_part(WidgetContext(scene.first, scene.run, user, NOW))

    assert said(scene.leo) is None
    run_ended(scene.run)
    assert said(scene.leo)[1]["state"] == "suggested" and said(scene.mina) is None and said(None) is None
    incident = scene.declare()
    name, part = said(None)
    assert name == "incident"
    assert part["text"] == f"Part of {incident.ref}: {incident.title}, next update 1 May 16:05 UTC."
    assert part["url"].endswith(f"/incidents/{incident.ref}/")


def test_the_command_lists_and_shows(scene: Scene) -> None:
    def run(*args: str) -> str:
        out = StringIO()
        call_command("incident", *args, stdout=out)
        return out.getvalue()

    assert "No incident is open" in run("list")
    run_ended(scene.run)
    assert "suggested  SEV2 4 customers: 2 wrote, 2 have not" in run("list")
    incident = scene.declare(note="We roll it back.")
    assert incident.ref in run("list")
    shown = run("show", incident.ref)
    assert "We roll it back." in shown and "2 wrote, 2 did not, 2 not told" in shown
    with pytest.raises(CommandError):
        run("show", "INC-0")


def test_a_removed_ticket_leaves_no_words_of_its_own(scene: Scene) -> None:
    from escalations.incidents.declaring import Wish, declare
    from escalations.incidents.proposing import Origin

    ticket = make.ticket(in_team=scene.team, subject="Noor Example cannot pay")
    made, _ = declare(Origin(ticket=ticket), Wish(), actor=scene.leo, now=NOW)
    erase(ticket, ["m1"])
    made.refresh_from_db()
    assert made.title == "Noor Example cannot pay"
    erase(ticket, ["*"])
    made.refresh_from_db()
    assert made.title == f"Ticket {ticket.ref}"
