"""On the pages: mark as replied, resolve with a way back, reopen."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from altor.models import PhaseEvent
from investigations.models import GateOverride, Investigation
from tests import factories as make
from tests.pages import scene as scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(client: Client, scene: scenes.Scene) -> Client:
    client.force_login(scene.agent)
    return client


def at(name: str, *args: object) -> str:
    return reverse(f"investigations:{name}", args=args)


def text_of(client: Client, url: str) -> str:
    return client.get(url).content.decode()


def post_forms(html: str) -> set[str]:
    return set(re.findall(r'<form method="post"[^>]* action="([^"]+)"', html))


def test_the_reply_is_marked_from_the_card_with_its_words(agent: Client, scene: scenes.Scene) -> None:
    ref, run = scene.ticket.ref, scene.again.ref
    url = f"{at('ticket-reply', ref)}?run={run}"
    before = text_of(agent, at("run", run))
    assert 'form="reply-form"' in before and url in before
    answer = agent.post(url, {"text": f"{scenes.PAYLOADS[0]} password=hunter2222"}, follow=True)
    html = answer.content.decode()
    assert answer.redirect_chain[-1][0] == at("run", run) and f"{ref} is marked as replied." in html
    assert "by Priya N." in html and 'form="reply-form"' not in html
    page = text_of(agent, at("ticket", ref))
    assert "What was sent" in page and "&lt;script&gt;window" in page and "hunter2222" not in page
    assert scenes.PAYLOADS[0] not in page and "Mark as replied" not in page


def test_a_closed_gate_takes_the_place_of_the_button(client: Client, scene: scenes.Scene) -> None:
    scene.again.steps.filter(step_id="traffic").delete()
    client.force_login(scene.agent)
    card = text_of(client, at("run", scene.again.ref)).split('id="reply"')[1].split("</section>")[0]
    assert "Mark as replied" not in card and '<a href="#step-traffic">Rejections and traffic</a>' in card
    assert "pass anyway" not in card
    page = text_of(client, at("ticket", scene.ticket.ref))
    assert "Mark as replied" not in page and f"{at('run', scene.again.ref)}#step-traffic" in page
    refused = client.post(at("ticket-reply", scene.ticket.ref), follow=True).content.decode()
    assert "still needs before a reply: “Rejections and traffic”" in refused
    client.force_login(scene.lead)
    assert 'href="#override-reply"' in text_of(client, at("run", scene.again.ref))
    client.post(at("gate-override", scene.again.ref, "reply"), {"reason": "The customer is down."})
    assert GateOverride.objects.filter(gate="reply").exists()
    client.force_login(scene.agent)
    assert "is marked as replied" in client.post(at("ticket-reply", scene.ticket.ref), follow=True).content.decode()


def test_resolving_offers_the_way_back_to_the_same_page(agent: Client, scene: scenes.Scene) -> None:
    ref, run = scene.ticket.ref, scene.again.ref
    answer = agent.post(f"{at('ticket-resolve', ref)}?run={run}", follow=True)
    html = answer.content.decode()
    toast = html.split("data-toast")[1].split("data-close")[0]
    undo = f"{at('ticket-reopen', ref)}?run={run}"
    assert f"{ref} is resolved." in toast and post_forms(toast) == {undo} and "csrfmiddlewaretoken" in toast
    assert answer.redirect_chain[-1][0] == at("run", run)
    back = agent.post(undo, follow=True)
    assert back.redirect_chain[-1][0] == at("run", run) and f"{ref} is open again." in back.content.decode()
    scene.ticket.refresh_from_db()
    assert (scene.ticket.status, scene.ticket.resolved_at) == ("reopened", None)
    kinds = set(PhaseEvent.objects.filter(ticket_ref=ref).values_list("kind", flat=True))
    assert {"ticket.resolved", "ticket.reopened"} <= kinds


def test_the_ticket_page_shows_the_moves_that_apply(agent: Client, scene: scenes.Scene) -> None:
    ref = scene.ticket.ref
    moves = {name: at(f"ticket-{name}", ref) for name in ("reply", "resolve", "reopen")}

    def offered() -> set[str]:
        return {name for name, url in moves.items() if url in post_forms(text_of(agent, at("ticket", ref)))}

    assert offered() == {"reply", "resolve"}
    agent.post(moves["reply"])
    assert offered() == {"resolve"}
    agent.post(moves["resolve"])
    agent.get(at("tickets"))  # reads the message
    assert offered() == {"reopen"}
    agent.post(moves["reopen"])
    assert offered() == {"reply", "resolve"}


def test_an_older_run_offers_no_reply(agent: Client, scene: scenes.Scene) -> None:
    html = text_of(agent, at("run", scene.done.ref))
    assert "Mark as replied" not in html and "A newer run of this ticket exists" in html


def test_the_life_tells_only_what_took_place(agent: Client, scene: scenes.Scene) -> None:
    fresh = make.ticket(in_team=scene.team, status="received")
    agent.post(at("ticket-reply", fresh.ref))
    life = agent.get(at("ticket", fresh.ref)).context["life"]
    assert life == [("received", "past"), ("classified", "past"), ("replied", "now"), ("resolved", "later")]
    assert "before a diagnosis" in text_of(agent, at("ticket", fresh.ref))


@pytest.mark.parametrize("role", ["engineer", "read_only"])
def test_others_see_no_button_and_are_refused(client: Client, scene: scenes.Scene, role: str) -> None:
    scene.ticket.owner = scene.engineer
    scene.ticket.save()
    client.force_login(scene.people[role])
    for url in (at("ticket", scene.ticket.ref), at("run", scene.again.ref)):
        html = text_of(client, url)
        assert scene.ticket.subject in html and "Mark as replied" not in html and ">Resolve<" not in html
    for verb in ("reply", "resolve", "reopen"):
        assert client.post(at(f"ticket-{verb}", scene.ticket.ref)).status_code == 403
    scene.ticket.refresh_from_db()
    assert scene.ticket.status == "diagnosed"


def test_people_of_another_team_find_nothing(client: Client, scene: scenes.Scene) -> None:
    client.force_login(scene.outsider)
    for verb in ("reply", "resolve", "reopen"):
        assert client.post(at(f"ticket-{verb}", scene.ticket.ref)).status_code == 404


def test_only_a_post_with_its_token_moves_a_ticket(agent: Client, scene: scenes.Scene) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(scene.agent)
    for verb in ("reply", "resolve", "reopen"):
        url = at(f"ticket-{verb}", scene.ticket.ref)
        assert agent.get(url).status_code == 405
        assert strict.post(url).status_code == 403


def test_a_page_to_return_to_is_one_of_the_tickets_runs(agent: Client, scene: scenes.Scene) -> None:
    foreign = make.run(make.ticket(in_team=make.team("Elsewhere")), status="done", playbook=scene.done.playbook)
    for given in (foreign.ref, scene.running.ref, "//evil.example/", ""):
        answer = agent.post(f"{at('ticket-resolve', scene.ticket.ref)}?run={given}")
        assert answer["Location"] == at("ticket", scene.ticket.ref), given


def test_a_ticket_resolved_while_it_is_investigated_stays_resolved(agent: Client, scene: scenes.Scene) -> None:
    ticket = scene.running.ticket
    agent.post(at("ticket-resolve", ticket.ref))
    agent.post(at("run-cancel", scene.running.ref))
    ticket.refresh_from_db()
    assert ticket.status == "resolved"
    assert Investigation.objects.get(pk=scene.running.pk).status == "cancelled"
