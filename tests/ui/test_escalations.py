"""Escalations in a browser: from a diagnosis to a sent packet, and back with what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from escalations.interruptions.asking import Audience, ask
from escalations.interruptions.links import link_token as question_token
from escalations.lifecycle.acting import Doer, act
from escalations.lifecycle.links import link_token
from escalations.lifecycle.sending import Wish, send
from escalations.models import Escalation
from tests import factories as make
from tests.pages import scene as scenes
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]


class Clicks:
    """Counts what a person clicks."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def on(self, role: Any, name: str) -> None:
        self.page.get_by_role(role, name=name, exact=True).click()
        self.count += 1


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_from_a_diagnosis_to_a_sent_packet_in_at_most_three_clicks(
    visit: Any, scene: scenes.Scene, width: int, theme: str
) -> None:
    tab = visit(scene.agent, width=width, theme=theme)
    run = make.finished_run(
        make.ticket(in_team=scene.team, customer=scene.customer, owner=scene.agent, subject="Refused since 10:00"),
        diagnosis=make.diagnosis(culprit={"kind": "deployment", "id": "c0ffee1", "url": ""}),
    )
    page = tab.open(f"/investigations/{run.ref}/")
    clicks = Clicks(page)
    page.wait_for_selector("#panel-escalation >> text=Escalate as SEV2")
    clicks.on("link", "Escalate as SEV2")
    expect(page.get_by_text("complete", exact=True)).to_be_visible()
    shoot(page, f"escalate-{theme}-{width}")
    assert tab.axe() == []
    clicks.on("button", "Send as SEV2")
    expect(page.locator("[data-toast]")).to_contain_text("is sent to")
    shoot(page, f"escalation-sent-{theme}-{width}")
    clicks.on("link", "Packet")
    expect(page.locator("h1")).to_contain_text("A deployment changed the limiter")
    assert clicks.count <= 3
    sent = Escalation.objects.get(ticket=run.ticket)
    assert (sent.status, sent.sent_by) == ("sent", scene.agent)
    assert tab.policy_violations() == [] and tab.complaints == []


def test_what_is_missing_is_answered_on_the_spot_and_survives_a_change_of_severity(
    visit: Any, scene: scenes.Scene
) -> None:
    tab = visit(scene.agent)
    run = make.finished_run(
        make.ticket(in_team=scene.team, owner=scene.agent, subject="Nobody knows who they are"),
        diagnosis=make.diagnosis(culprit={"kind": "deployment", "id": "c0ffee2", "url": ""}),
    )
    page = tab.open(f"/tickets/{run.ticket.ref}/escalate/")
    page.get_by_role("button", name="Send as SEV2").click()
    expect(page.get_by_role("alert")).to_contain_text("The customer, with its id")
    page.get_by_label("Which customer is it? Give the organisation's id.").fill("org_0042, says the contract")
    page.get_by_label("Requests fail for all customers").click()
    expect(page.get_by_role("button", name="Send as SEV1")).to_be_visible()
    assert page.input_value("#a-customer") == "org_0042, says the contract"
    page.get_by_label("Why this severity").fill("Nobody can order anything.")
    page.get_by_role("button", name="Send as SEV1").click()
    expect(page.locator("[data-toast]")).to_contain_text("is sent to")
    assert Escalation.objects.get(ticket=run.ticket).severity == "SEV1"
    assert tab.policy_violations() == []


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_a_file_is_attached_downloaded_and_sent_with_what_was_returned(
    visit: Any, scene: scenes.Scene, width: int, theme: str
) -> None:
    tab = visit(scene.agent, width=width, theme=theme)
    run = make.finished_run(
        make.ticket(in_team=scene.team, customer=scene.customer, owner=scene.agent, subject="Refused since 10:00"),
        diagnosis=make.diagnosis(culprit={"kind": "deployment", "id": "c0ffee3", "url": ""}),
    )
    first, _ = send(run, Wish(), actor=scene.agent, now=timezone.now())
    engineer = make.user("eli.returns", role="engineer")
    act(first, "reject", Doer(engineer), now=timezone.now(), text="Which request was it?", reason="missing_evidence")
    run.evidence.update(requests=[], url="")
    page = tab.open(f"/tickets/{run.ticket.ref}/escalate/")
    expect(page.get_by_text("Which request was it?")).to_be_visible()
    page.get_by_label("A word to the engineer").fill("See the log.")
    log = {"name": "app.log", "mimeType": "text/plain", "buffer": b"10:02 req_8f3 429"}
    page.get_by_label("Attach a file").set_input_files(log)
    page.get_by_role("button", name="Attach", exact=True).click()
    expect(page.get_by_role("link", name="app.log")).to_be_visible()
    assert page.input_value("#note") == "See the log."
    shoot(page, f"escalate-attached-{theme}-{width}")
    assert tab.axe() == []
    with page.expect_download() as loading:
        page.get_by_role("link", name="app.log").click()
    assert loading.value.suggested_filename == "app.log"
    # Another severity swaps the form; the file is the ticket's, and stays.
    page.get_by_label("One customer, or money").click()
    expect(page.get_by_role("button", name="Send as SEV3")).to_be_visible()
    expect(page.get_by_role("link", name="app.log")).to_be_visible()
    page.get_by_label("Many customers are degraded").click()
    expect(page.get_by_role("button", name="Send as SEV2")).to_be_visible()
    page.get_by_role("button", name="Send as SEV2").click()
    expect(page.locator("[data-toast]")).to_contain_text("is sent to")
    expect(page.get_by_text(f"{first.ref} was returned: Evidence is missing")).to_be_visible()
    shoot(page, f"escalation-again-{theme}-{width}")
    assert tab.axe() == []
    tab.open(f"/escalations/{Escalation.objects.get(after=first).ref}/packet/")
    expect(page.get_by_text("How to see it again: file app.log.")).to_be_visible()
    shoot(page, f"packet-again-{theme}-{width}")
    assert tab.axe() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.policy_violations() == [] and tab.complaints == []


@pytest.mark.usefixtures("scene")
def test_an_engineer_without_an_account_acknowledges_by_link(visit: Any) -> None:
    sent = Escalation.objects.filter(status="sent").order_by("pk").last()
    assert sent is not None
    tab = visit(None, width=390)
    page = tab.open(f"/e/{link_token(sent)}/")
    assert tab.axe() == []
    shoot(page, "escalation-by-link-390")
    page.get_by_label("Your name, as support sees it").fill("Eli")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".al-pill").first).to_contain_text("Acknowledged")
    assert page.input_value("#name") == "Eli"
    assert tab.policy_violations() == [] and tab.complaints == []


def test_an_engineer_without_an_account_answers_a_question_by_link(visit: Any, scene: scenes.Scene) -> None:
    eli = make.user("elias", role="engineer", first_name="Elias")
    ticket = make.ticket(in_team=scene.team, customer=scene.customer)
    asked, _ = ask(ticket, "Which job started at noon?", Audience(person=eli), actor=scene.agent, now=timezone.now())
    tab = visit(None, width=390)
    page = tab.open(f"/q/{question_token(asked)}/")
    page.get_by_label("Your name, as support sees it").fill("Eli")
    page.get_by_label("Answer", exact=True).fill("The nightly export.")
    page.get_by_role("button", name="Answer").click()
    expect(page.get_by_role("heading", name="Answered")).to_be_visible()
    asked.refresh_from_db()
    assert asked.answer == "The nightly export."
    assert tab.policy_violations() == [] and tab.complaints == []


def test_a_contract_is_checked_as_it_is_written(visit: Any, scene: scenes.Scene) -> None:
    tab = visit(scene.lead)
    page = tab.open("/contracts/engineering/edit/")
    expect(page.locator("#contract-check")).to_contain_text("It can be stored")
    text = page.input_value("#text")
    page.fill("#text", text.replace("acknowledge_within: 15 min", "acknowledge_within: 15 days"))
    expect(page.locator("#contract-check")).to_contain_text("no length of time")
    page.fill("#text", text.replace("acknowledge_within: 15 min", "acknowledge_within: 10 min"))
    expect(page.locator("#contract-check")).to_contain_text("It can be stored")
    page.get_by_role("button", name="Save and put in force").click()
    expect(page.locator("[data-toast]")).to_contain_text("engineering v2 is in force")
    assert tab.policy_violations() == []
