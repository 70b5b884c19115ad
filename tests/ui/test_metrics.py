"""The metrics in a browser: readable at every width and theme, and every figure leads to its tickets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from altor.models import User
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
