"""The metrics in a browser: readable at every width and theme, and every figure leads to its tickets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from altor.models import User
from investigations.services.lifecycle import resolve
from metrics.models import Cycle, RecoverySurvey
from metrics.phases.keeping import refresh
from tests import factories as make
from tests.metrics.histories import make_histories
from tests.ui.conftest import COLOURS, shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def lead() -> User:
    team, other = make.team("Berlin", timezone="Europe/Berlin"), make.team("Auckland", timezone="Pacific/Auckland")
    begin = timezone.now().replace(second=0, microsecond=0) - timedelta(days=70)
    make_histories(150, 11, (team, other), begin)
    refresh()
    return make.user("lena", role="lead", teams=(team, other))


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_the_overview_can_be_read(visit: Any, lead: User, theme: str, width: int) -> None:
    tab = visit(lead, theme=theme, width=width)
    page = tab.open("/metrics/")
    expect(page.locator(".al-timechart")).to_have_count(2)
    page.locator("details.al-more > summary").click()
    shoot(page, f"metrics-{theme}-{width}")
    assert tab.axe() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(color_scheme="dark" if theme == "light" else "light")
    assert tab.axe(only=COLOURS) == []
    shoot(page, f"metrics-other-{width}")
    assert tab.policy_violations() == [] and tab.complaints == []


def test_a_figure_leads_to_its_tickets_and_back(visit: Any, lead: User) -> None:
    tab = visit(lead)
    page = tab.open("/metrics/")
    page.get_by_label("Team").select_option("berlin")
    page.wait_for_url("**team=berlin**")
    page.get_by_role("link", name="Investigation: ").first.click()
    page.wait_for_url("**/metrics/of/investigation-time/**team=berlin**")
    expect(page.locator("tbody tr").first).to_contain_text("TK-")
    shoot(page, "metrics-tickets")
    assert tab.axe() == []
    page.get_by_role("link", name="Closed without an investigation that was measured").click()
    page.wait_for_url("**which=anti**")
    page.get_by_role("navigation", name="Breadcrumb").or_(page.get_by_label("Breadcrumb")).get_by_role(
        "link", name="Metrics"
    ).click()
    page.wait_for_url("**/metrics/?**team=berlin**")
    expect(page.get_by_label("Team")).to_have_value("berlin")


def test_a_lead_prepares_holds_and_closes_a_review_in_few_actions(visit: Any, lead: User) -> None:
    team = lead.teams.get(slug="berlin")
    week = Cycle.objects.filter(team=team, week__isnull=False).order_by("week").values_list("week", flat=True)[60]
    Cycle.objects.filter(team=team, week=week).update(verdict="wrong", label="bill.tax", confidence=0.8)
    tab = visit(lead)
    actions = 0

    def done(count: int = 1) -> None:
        nonlocal actions
        actions += count

    page = tab.open(f"/metrics/reviews/berlin/{week.isoformat()}/")
    done()
    page.get_by_role("button", name="Prepare").click()
    page.get_by_role("button", name="Begin").click()
    done(2)
    first = page.locator(".al-agenda > li").first
    ref = first.locator("a").first.inner_text()
    first.get_by_placeholder("What we learned").fill("The tax changed in March.")
    first.get_by_role("button", name="looked at").click()
    done(2)
    expect(page.locator(".al-agenda > li").first).to_contain_text("Looked at")
    page.get_by_role("textbox", name="Decisions one a line").fill("Check the tax table first")
    page.get_by_role("button", name="Write down").click()
    done(2)
    page.get_by_label("What is to be done").fill("Add a step that compares tax rates")
    page.get_by_label("Who").select_option("lena")
    page.get_by_label("By", exact=True).fill("2026-12-18")
    page.get_by_label("To get better").select_option("investigation-time")
    page.get_by_role("button", name="Add action").click()
    done(5)
    shoot(page, "review-held")
    assert tab.axe() == []
    page.get_by_role("button", name="Close", exact=True).click()
    done()
    expect(page.locator(".al-head")).to_contain_text("Closed")
    shoot(page, "review-closed")
    with page.expect_download() as given:
        page.get_by_role("link", name="Minutes").click()
    done()
    minutes = given.value.path().read_text()
    assert actions < 20
    assert f"- [x] {ref} (diagnosis was corrected)" in minutes and "The tax changed in March." in minutes
    assert "## Decisions\n\n- Check the tax table first" in minutes
    assert "- [ ] Add a step that compares tax rates: lena, by 2026-12-18" in minutes
    narrow = visit(lead, theme="dark", width=390)
    page = narrow.open(f"/metrics/reviews/berlin/{week.isoformat()}/")
    shoot(page, "review-dark-390")
    assert narrow.axe() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_customer_answers_the_one_question_on_a_telephone(visit: Any, lead: User) -> None:
    ticket = make.ticket(in_team=lead.teams.get(slug="berlin"), opened_at=timezone.now() - timedelta(hours=3))
    resolve(ticket, actor=lead)
    tab = visit(lead)
    page = tab.open(f"/tickets/{ticket.ref}/")
    page.get_by_role("button", name="Make a link for the customer").click()
    link = page.get_by_label("Link for the customer").input_value()
    path = "/survey/" + link.split("/survey/")[1]
    theirs = visit(None, width=390)
    page = theirs.open(path)
    shoot(page, "survey-390")
    assert theirs.axe() == []
    page.get_by_label("4: Mostly").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("You said 4 of 5")
    assert RecoverySurvey.objects.get(ticket=ticket).score == 4
