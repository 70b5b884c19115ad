"""Handoffs on their pages and over REST."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from altor.models import User
from altor.tokens import create_token
from escalations.models import Handoff, HandoffSetting
from investigations.models import Ticket
from tests import factories as make
from tests.escalations.handoff_scene import END, HOUR, MINUTE, drafted, promise, states, team_with_shifts, ticket_of

pytestmark = pytest.mark.django_db
API = "/api/v1/handoffs/"


@pytest.fixture(autouse=True)
def _before_the_end() -> Any:
    with time_machine.travel(END - 15 * MINUTE, tick=False):
        yield


@pytest.fixture
def shifts() -> Any:
    return team_with_shifts()


def rest(user: User, *scopes: str) -> APIClient:
    client = APIClient()
    _, text = create_token(user=user, name="t", scopes=scopes or ["ticket.read", "handoff.take"])
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def told(answer: Any) -> list[str]:
    return [str(one) for one in get_messages(answer.wsgi_request)]


def owner(ticket: Ticket) -> str:
    ticket.refresh_from_db()
    return ticket.owner.username if ticket.owner else ""


# --------------------------------------------------------------------------------------------------------------- pages
def test_ana_signs_and_ben_accepts_on_the_page(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    one, two = ticket_of(ana, subject="Slow since noon"), ticket_of(ana, priority="urgent")
    handoff = drafted()
    page = reverse("handoffs:handoff", args=[handoff.ref])
    anas, bens = logged_in(ana), logged_in(ben)
    html = anas.get(page).content.decode()
    assert "Slow since noon" in html and "Sign" in html and "Accept" not in html
    answer = anas.post(
        reverse("handoffs:write", args=[handoff.ref]),
        {"do": "sign", "seen": handoff.revision, "note": "Thanks!", f"note:{one.ref}": "They call at six"},
    )
    assert told(answer) == ["Signed. Ben Example is told; you have it until it is accepted."]
    html = bens.get(page).content.decode()
    assert "Thanks!" in html and "They call at six" in html and "Accept the rest (1)" in html
    act = reverse("handoffs:act", args=[handoff.ref])
    assert told(bens.post(act, {"do": "rest"})) == [f"{one.ref} is yours now."]
    assert told(bens.post(act, {"do": "accept", "item": two.ref}))[-1] == f"{two.ref} is yours."
    assert told(bens.post(act, {"do": "accept", "item": two.ref}))[-1] == f"{two.ref} is yours."  # a double click
    assert (owner(one), owner(two)) == ("ben", "ben")


def test_a_refused_form_loses_nothing(shifts: Any) -> None:
    _, ana, _, _, _ = shifts
    ticket = ticket_of(ana)
    handoff = drafted()
    answer = logged_in(ana).post(
        reverse("handoffs:write", args=[handoff.ref]),
        {"do": "sign", "seen": handoff.revision, "note": "x" * 2001, f"note:{ticket.ref}": "They call at six"},
    )
    assert answer.status_code == 422
    assert "At most 2000 characters" in answer.content.decode()
    assert "They call at six" in answer.content.decode() and "x" * 2001 in answer.content.decode()


def test_a_next_step_that_nobody_touched_stays_the_one_that_is_read(shifts: Any) -> None:
    _, ana, _, _, _ = shifts
    ticket = ticket_of(ana)
    handoff = drafted()
    item = handoff.items.get()
    make.finished_run(ticket)
    page = {"do": "sign", "seen": handoff.revision}
    shown = {f"next_step:{ticket.ref}": item.next_step, f"was:{ticket.ref}": item.next_step}
    logged_in(ana).post(reverse("handoffs:write", args=[handoff.ref]), {**page, **shown})
    item.refresh_from_db()
    assert item.own_next_step == ""
    assert item.shown_next_step.startswith("Escalate SEV2")


def test_what_came_in_between_is_shown_before_it_is_signed(shifts: Any) -> None:
    _, ana, _, _, _ = shifts
    ticket = ticket_of(ana)
    handoff = drafted()
    late = ticket_of(ana)
    write = reverse("handoffs:write", args=[handoff.ref])
    client = logged_in(ana)
    client.post(write, {"do": "sign", "seen": handoff.revision, "note": "Kept", f"note:{ticket.ref}": "This too"})
    handoff.refresh_from_db()
    assert (handoff.status, handoff.note) == ("drafted", "Kept")
    assert states(handoff) == {ticket.ref: "offered", late.ref: "offered"}
    client.post(write, {"do": "sign", "seen": handoff.revision, "note": "Kept"})
    handoff.refresh_from_db()
    assert handoff.status == "signed"
    assert handoff.items.get(ticket=ticket).note == "This too"


def test_refuse_take_over_and_a_lead_who_takes_for_another(shifts: Any) -> None:
    team, ana, ben, leo, _ = shifts
    cleo = make.user("cleo", teams=(team,))
    one, two, three = ticket_of(ana), ticket_of(ana), ticket_of(ana)
    handoff = drafted()
    act = reverse("handoffs:act", args=[handoff.ref])
    assert told(logged_in(ben).post(act, {"do": "take", "item": one.ref})) == [f"{one.ref} is yours."]
    assert "has not signed" in told(logged_in(ben).post(act, {"do": "accept", "item": two.ref}))[0]
    assert told(logged_in(leo).post(act, {"do": "take-all", "to": "cleo"}))[0].endswith("are cleo's now.")
    assert [owner(each) for each in (one, two, three)] == ["ben", "cleo", "cleo"]
    assert told(logged_in(cleo).post(act, {"do": "take-all"})) == [
        f"Only Ben Example or a lead of Support may take over {handoff.ref}."
    ]
    assert told(logged_in(leo).post(act, {"do": "fly"})) == ["Choose what to do."]


def test_today_tells_who_has_something_to_give_or_take_and_nobody_else(shifts: Any) -> None:
    team, ana, ben, _, _ = shifts
    ticket_of(ana)
    handoff = drafted()
    panel = reverse("handoffs:today")
    for user in (ana, ben):
        html = logged_in(user).get(panel, headers={"hx-request": "true"}).content.decode()
        assert handoff.ref in html
    html = logged_in(make.user(teams=(team,))).get(panel, headers={"hx-request": "true"}).content.decode()
    assert handoff.ref not in html and "hidden" in html
    assert reverse("handoffs:today") in logged_in(ana).get(reverse("today")).content.decode()


def test_strangers_find_nothing_and_items_follow_their_tickets(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    ticket = ticket_of(ana, subject="Secret words")
    handoff = drafted()
    page = reverse("handoffs:handoff", args=[handoff.ref])
    assert logged_in(make.user(teams=(make.team("Elsewhere"),))).get(page).status_code == 404
    assert logged_in(make.user(role="engineer", teams=(make.team(),))).get(page).status_code == 404
    assert logged_in(ben).get(reverse("handoffs:handoff", args=["HO-999999"])).status_code == 404
    Ticket.objects.filter(pk=ticket.pk).update(team=make.team("Elsewhere"))
    html = logged_in(ben).get(page).content.decode()
    assert "Secret words" not in html and "1 more is of tickets that you may not open" in html


def test_a_lead_sets_the_handoffs_of_the_own_teams(shifts: Any) -> None:
    team, ana, _, leo, _ = shifts
    save = reverse("handoffs:settings-save", args=[team.slug])
    client = logged_in(leo)
    assert client.get(reverse("handoffs:settings")).status_code == 200
    answer = client.post(save, {"is_on": "yes", "draft_before_min": "2", "escalate_after_min": "45"})
    assert answer.status_code == 422 and "Choose 5 to 480 minutes" in answer.content.decode()
    client.post(save, {"draft_before_min": "20", "escalate_after_min": "45"})
    setting = HandoffSetting.objects.get()
    assert (setting.is_on, setting.draft_before_min, setting.escalate_after_min) == (False, 20, 45)
    assert logged_in(ana).post(save, {}).status_code == 403
    assert client.post(reverse("handoffs:settings-save", args=["nothing"]), {}).status_code == 404


# ---------------------------------------------------------------------------------------------------------------- REST
def test_a_handoff_over_rest_from_draft_to_done(shifts: Any) -> None:
    _, ana, ben, _, _ = shifts
    kept, plain, refused = ticket_of(ana), ticket_of(ana), ticket_of(ana)
    promise(kept, END + HOUR)
    handoff = drafted()
    url = f"{API}{handoff.ref}/"
    anas, bens = rest(ana), rest(ben)
    (found,) = anas.get(f"{API}?outgoing=ana&status=drafted").json()["results"]
    assert (found["ref"], found["incoming"], found["ends_at"]) == (handoff.ref, "ben", "2026-03-02T16:00:00Z")
    written = anas.patch(url, {"note": "Hello", "items": [{"item": plain.ref, "next_step": "Ask"}]}, format="json")
    assert written.status_code == 200
    by_ref = {one["ref"]: one for one in written.json()["items"]}
    assert by_ref[plain.ref]["next_step"] == "Ask"
    assert by_ref[kept.ref]["promises"] == [
        {"due_at": "2026-03-02T17:00:00+00:00", "words": "An update, promised by Ana Example"}
    ]
    assert (by_ref[kept.ref]["urgency"], by_ref[kept.ref]["is_beyond"]) == ("promised", True)
    assert bens.post(f"{url}sign/", {}, format="json").status_code == 403
    assert anas.post(f"{url}sign/", {"revision": 77}, format="json").json()["code"] == "handoff_changed"
    assert anas.post(f"{url}sign/", {"revision": found["revision"]}, format="json").json()["status"] == "signed"
    assert bens.post(f"{url}accept/", {"item": kept.ref}, format="json").status_code == 400
    answer = bens.post(f"{url}accept/", {"item": kept.ref, "keeps_promise": True}, format="json").json()
    assert (answer["taken"], answer["refused"]) == ([kept.ref], [])
    bens.post(f"{url}refuse/", {"item": refused.ref, "reason": "Not my language"}, format="json")
    assert bens.post(f"{url}accept/", {}, format="json").json()["taken"] == [plain.ref]
    assert bens.post(f"{url}accept/", {"item": "TK-1"}, format="json").status_code == 404
    assert [owner(one) for one in (kept, plain, refused)] == ["ben", "ben", "ana"]


def test_take_over_rest_for_somebody_and_by_nobody_else(shifts: Any) -> None:
    team, ana, ben, leo, _ = shifts
    ticket = ticket_of(ana)
    handoff = drafted()
    url = f"{API}{handoff.ref}/take/"
    assert rest(make.user(teams=(team,))).post(url, {}, format="json").status_code == 403
    assert rest(leo).post(url, {"to": "nobody"}, format="json").status_code == 400
    assert rest(leo).post(url, {"to": "ana"}, format="json").status_code == 400
    assert rest(ben, "ticket.read").post(url, {}, format="json").status_code == 403
    assert rest(leo).post(url, {"to": "ben", "item": ticket.ref}, format="json").json()["taken"] == [ticket.ref]
    assert owner(ticket) == "ben"
    assert Handoff.objects.get().is_open
