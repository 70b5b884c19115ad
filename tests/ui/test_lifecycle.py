"""From the diagnosis to the end of a ticket by keyboard, narrow and wide, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from altor.models import PhaseEvent
from investigations.models import Ticket
from tests.pages import scene as scenes
from tests.ui.conftest import Visit, settled, shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]


def press(page: Page, name: str) -> None:
    button = page.get_by_role("button", name=name, exact=True)
    button.focus()
    page.keyboard.press("Enter")


def in_order(tab: Visit, page: Page) -> None:
    page.evaluate("window.scrollTo({top: 0, behavior: 'instant'})")  # a link half under the sticky bar reads as small
    assert tab.axe() == [] and tab.policy_violations() == [] and tab.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark"), (390, "light")])
def test_a_ticket_is_answered_resolved_and_taken_back_by_keyboard(
    visit: Any, scene: scenes.Scene, width: int, theme: str
) -> None:
    tab = visit(scene.agent, width=width, theme=theme)
    page = tab.open(f"/investigations/{scene.again.ref}/")
    page.get_by_label("Text of the reply").fill("We rolled the limiter back.")
    expect(page.locator("#reply-revision")).to_have_value("2")
    in_order(tab, page)
    shoot(page, f"reply-{theme}-{width}")
    press(page, "Mark as sent")
    expect(page.locator("#panel-reply")).to_contain_text("Kept as sent.")
    expect(page.locator("#panel-reply .al-mini")).to_contain_text("Priya N.")
    press(page, "Resolve")
    toast = page.locator("[data-toast]")
    expect(toast).to_contain_text("is resolved")
    in_order(tab, page)
    shoot(page, f"resolved-{theme}-{width}")
    toast.get_by_role("button", name="Reopen").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-toast]")).to_contain_text("is open again")
    assert Ticket.objects.get(ref=scene.ticket.ref).status == "reopened"
    sent = PhaseEvent.objects.get(kind="ticket.replied")
    assert sent.data["text"] == "We rolled the limiter back."
    page = tab.open(f"/tickets/{scene.ticket.ref}/")
    page.get_by_text("What was sent").click()
    in_order(tab, page)
    shoot(page, f"ticket-reopened-{theme}-{width}")


@pytest.mark.parametrize("width", [1440, 390])
def test_a_closed_gate_leads_to_its_step(visit: Any, scene: scenes.Scene, width: int) -> None:
    scene.again.steps.filter(step_id="traffic").update(status="asked")
    tab = visit(scene.lead, width=width)
    page = tab.open(f"/tickets/{scene.ticket.ref}/")
    in_order(tab, page)
    shoot(page, f"gated-ticket-{width}")
    page.get_by_role("link", name="Rejections and traffic").first.click()
    page.wait_for_url("**/#step-traffic")
    settled(page, "#reply-editor")
    in_order(tab, page)
    shoot(page, f"gated-run-{width}")
    page.get_by_role("link", name="pass anyway, with a reason").click()
    expect(page.locator("#override-reply")).to_be_in_viewport()
