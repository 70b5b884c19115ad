"""The work queue by keyboard, and a policy that is checked while it is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from altor.models import User
from escalations.ownership.policies import load_library
from escalations.ownership.standing import sweep
from investigations.models import Ticket
from tests import factories as make
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ana() -> User:
    """With a queue of four tickets."""
    support, now = make.team("Support", is_default=True), timezone.now()
    ana = make.user("ana", teams=(support,), first_name="Ana", last_name="Reyes")
    ben = make.user("ben", role="lead", teams=(support, make.team("Billing")), first_name="Ben", last_name="Fischer")
    load_library()
    big = make.customer("org_big", name="Big Freight", tier="enterprise", mrr_minor=240_000, mrr_currency="EUR",
                        renews_on=(now + timedelta(days=9)).date())  # fmt: skip
    for minutes, owner in ((200, ben), (90, None), (20, None), (5, None)):
        make.ticket(in_team=support, customer=big, owner=owner, opened_at=now - timedelta(minutes=minutes))
    sweep(now)
    return ana


def test_a_ticket_is_taken_by_two_keys(visit: Any, ana: User) -> None:
    tab = visit(ana)
    page = tab.open(reverse("escalations:queue"))
    refs = page.locator("tbody th a").all_inner_texts()
    for key in ("j", "j", "t"):
        page.keyboard.press(key)
    page.wait_for_selector("text=is yours now")
    assert Ticket.objects.get(owner=ana).ref == refs[1]
    page.keyboard.press("j")
    page.keyboard.press("t")  # the first row is Ben's: there is nothing to press
    assert Ticket.objects.filter(owner=ana).count() == 1
    assert tab.complaints == []


def test_rows_are_chosen_by_key_and_assigned_together(visit: Any, ana: User) -> None:
    tab = visit(ana)
    page = tab.open(reverse("escalations:queue"))
    for key in ("j", "j", "x", "j", "x"):
        page.keyboard.press(key)
    assert page.locator("input[name=ticket]:checked").count() == 2
    page.select_option("#b-owner", "ben")
    page.click("button[value=assign]")
    page.wait_for_selector("text=are Ben Fischer's now")
    assert Ticket.objects.filter(owner__username="ben").count() == 3


def test_a_choice_outlives_the_polls(visit: Any, ana: User) -> None:
    page = visit(ana).open(reverse("escalations:queue"))
    page.locator("input[name=ticket]").nth(1).check()
    page.evaluate("htmx.ajax('GET', location.href, {target: '#live', select: '#live', swap: 'morph:outerHTML'})")
    page.wait_for_load_state("networkidle")
    assert page.locator("input[name=ticket]:checked").count() == 1


def test_a_policy_is_checked_while_it_is_written(visit: Any, ana: User) -> None:
    lead = User.objects.get(username="ben")
    page = visit(lead).open(reverse("escalations:sla-policy-edit", args=["enterprise"]))
    text = page.locator("textarea[name=text]")
    text.fill(text.input_value().replace("first_reply: 1 h", "first_reply: soon"))
    page.wait_for_selector("#policy-check >> text=write it like 30 min")
    text.fill(text.input_value().replace("first_reply: soon", "first_reply: 20 min"))
    page.wait_for_selector("#policy-check >> text=within 20 min")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_are_in_order(visit: Any, ana: User, theme: str, width: int) -> None:
    lead = User.objects.get(username="ben")
    ticket = Ticket.objects.filter(owner=lead).get()
    wrong = {}
    for name, url in {
        "work-queue": reverse("escalations:queue"),
        "work-queue-ticket": reverse("investigations:ticket", args=[ticket.ref]),
        "sla-policies-list": reverse("escalations:sla-policies"),
        "sla-policy-one": reverse("escalations:sla-policy-version", args=["enterprise", 1]),
        "sla-policy-editor": reverse("escalations:sla-policy-edit", args=["enterprise"]),
    }.items():
        tab = visit(lead, theme=theme, width=width)
        page = tab.open(url)
        page.wait_for_load_state("networkidle")
        found = [*tab.axe(), *tab.policy_violations(), *tab.complaints]
        if page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") > 0:
            found.append("scrolls sideways")
        if found:
            wrong[name] = found
        shoot(page, f"{name}-{theme}-{width}")
    assert wrong == {}
