"""An incident from the ticket to its end, and its pages in both themes and widths."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from escalations.incidents.changing import note
from escalations.incidents.customers import customers_of, mark_told
from escalations.incidents.declaring import Wish, declare
from escalations.incidents.followups import add_follow_up
from escalations.incidents.proposing import Origin
from escalations.incidents.suggesting import consider
from escalations.incidents.updates import Words, proposed, publish
from escalations.models import Incident, IncidentSuggestion
from investigations.models import Investigation
from knowledge.models import Reply
from tests.escalations.incident_scene import Scene, build
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def scene() -> Scene:
    """As of now: the pages read the clock."""
    made = build()
    Investigation.objects.update(as_of=timezone.now() - timedelta(minutes=10))
    return made


def test_from_the_ticket_over_an_update_to_the_close(visit: Any, scene: Scene) -> None:
    tab = visit(scene.leo)
    page = tab.open(reverse("investigations:ticket", args=[scene.first.ref]))
    page.get_by_role("link", name="Declare an incident").click()
    page.get_by_label("Channel").fill("#inc-limiter")
    assert tab.axe() == []
    page.get_by_role("button", name="Declare the incident").click()
    page.wait_for_selector("text=is declared.")
    incident = Incident.objects.get()
    assert tab.axe() == []

    page.get_by_role("link", name="Update for customers").click()
    words = page.locator("#t-en")
    before = words.input_value()
    words.fill(f"Oakline Foods has it too. {before}")
    page.get_by_role("button", name="Draft it in the tickets").click()
    page.wait_for_selector("text=must not read")
    assert "Oakline Foods has it too." in page.locator("#t-en").input_value()
    assert tab.axe() == []
    page.locator("#t-en").fill(before)
    page.get_by_role("button", name="Draft it in the tickets").click()
    page.wait_for_selector("text=drafted in 2 tickets")
    assert Reply.objects.drafts().count() == 2

    page.locator("#act-fixed summary").click()
    page.get_by_role("button", name="Fixed, being measured").click()
    page.wait_for_selector("#act-recovered")
    page.locator("#act-recovered summary").click()
    page.get_by_label("What shows it").first.fill("The share is back at three percent.")
    page.get_by_role("button", name="Back to normal").click()
    page.wait_for_selector(".al-pill:has-text('Back to normal')")
    page.locator("#act-close summary").click()
    page.get_by_label("What made it").fill("The limiter was rewritten.")
    page.get_by_role("button", name="Close the incident").click()
    page.wait_for_selector("#act-reopen")
    incident.refresh_from_db()
    assert (incident.status, incident.cause_label) == ("closed", "rl.limiter_deploy")
    # A refused update is an answer of 409, which the browser tells of.
    assert [one for one in tab.complaints if "409" not in one] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_are_in_order(visit: Any, scene: Scene, theme: str, width: int) -> None:
    now = timezone.now()
    tab = visit(scene.leo, theme=theme, width=width)

    def look(url: str, name: str) -> None:
        page = tab.open(url)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        found = tab.axe()
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = false; })")
        shoot(page, f"incident-{name}-{theme}-{width}")
        assert found == [], name
        assert tab.complaints == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

    look(reverse("incidents:list"), "empty")
    assert consider(scene.run, now) is not None
    look(reverse("today"), "today")
    look(reverse("incidents:list"), "suggested")
    look(f"{reverse('incidents:declare')}?suggestion={IncidentSuggestion.objects.get().pk}", "declare")
    made, _ = declare(Origin(ticket=scene.first), Wish(channel="#inc-limiter"), actor=scene.leo, now=now)
    publish(made, Words("identified", proposed(made, "identified")), actor=scene.leo, now=now)
    note(made, "Rolled back in eu; us follows.", actor=scene.eli, now=now)
    mark_told(made, [customers_of(made, scene.leo).silent[0].row.pk], how="call", actor=scene.leo, now=now)
    add_follow_up(made, "Alert on dropping quotas", owner=scene.eli, due_on=now.date(), actor=scene.leo, now=now)
    look(reverse("incidents:incident", args=[made.ref]), "page")
    look(reverse("incidents:update", args=[made.ref]), "update")
    look(reverse("incidents:customers", args=[made.ref]), "customers")
    look(reverse("incidents:review", args=[made.ref]), "review")
    look(reverse("investigations:ticket", args=[scene.first.ref]), "ticket")
