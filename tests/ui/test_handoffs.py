"""A handoff by keyboard, in both themes and widths."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from altor.models import User
from escalations.handoffs.drafting import draft
from escalations.handoffs.ends import Ending
from escalations.handoffs.giving import sign
from escalations.handoffs.switching import save_setting
from escalations.models import Handoff
from investigations.models import Ticket
from knowledge.models import PromisedUpdate
from tests import factories as make
from tests.escalations.oncall_scene import layer, people, rotation
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shifts() -> tuple[User, User, Handoff]:
    """(ana, ben, the handoff from one to the other, drafted)."""
    support, now = make.team("Support", is_default=True), timezone.now()
    ana, ben = people("ana", "ben", team=support)
    lead = make.user("leo", role="lead", teams=(support,))
    made = rotation(layer("ana", "ben"), now=now - timedelta(days=1))
    save_setting(support, is_on=True, draft_before_min=30, escalate_after_min=30, actor=lead, now=now)
    big = make.customer("org_big", name="Big Freight", tier="enterprise")
    subjects = ("Half of our calls are refused", "Webhooks arrive twice", "Invoice looks wrong", "Where is the export?")
    owned = [
        make.ticket(in_team=support, customer=big, owner=ana, subject=text, opened_at=now - timedelta(hours=n + 1))
        for n, text in enumerate(subjects)
    ]
    Ticket.objects.filter(pk=owned[0].pk).update(priority="urgent")
    make.finished_run(owned[0])
    end = now + timedelta(minutes=20)
    PromisedUpdate.objects.create(
        ticket=owned[1], reply=make.reply(owned[1]), due_at=end + timedelta(hours=2), promised_by=ana, promised_at=now
    )
    handoff = draft(Ending(made, "primary", "Primary", ana, end, ben, end), now)
    assert handoff is not None
    return ana, ben, handoff


def test_ana_writes_and_signs_by_keyboard(visit: Any, shifts: tuple[User, User, Handoff]) -> None:
    ana, _, handoff = shifts
    tab = visit(ana)
    page = tab.open(reverse("handoffs:handoff", args=[handoff.ref]))
    page.locator("#note").fill("A quiet day.")
    page.locator("h1").click()
    page.keyboard.press("s")
    page.wait_for_selector("text=you have it until it is accepted")
    handoff.refresh_from_db()
    assert (handoff.status, handoff.note) == ("signed", "A quiet day.")
    assert tab.complaints == []


def test_ben_accepts_one_by_one_and_the_rest_together_by_keyboard(
    visit: Any, shifts: tuple[User, User, Handoff]
) -> None:
    ana, ben, handoff = shifts
    sign(handoff, actor=ana, now=timezone.now())
    tab = visit(ben)
    page = tab.open(reverse("handoffs:handoff", args=[handoff.ref]))
    page.keyboard.press("r")
    page.wait_for_selector("text=are yours now")
    assert Ticket.objects.filter(owner=ben).count() == 2
    page.keyboard.press("j")
    page.keyboard.press("a")
    page.wait_for_selector("text=is yours.")
    assert Ticket.objects.filter(owner=ben, priority="urgent").exists()
    promised = page.locator("article", has_text="Webhooks arrive twice")
    promised.get_by_role("button", name="Accept").click()  # the browser asks for the promise first
    assert Ticket.objects.filter(owner=ben).count() == 3
    promised.get_by_role("checkbox").check()
    promised.get_by_role("button", name="Accept").click()
    page.wait_for_selector("text=0 open, 4 decided")
    assert Ticket.objects.filter(owner=ben).count() == 4
    assert tab.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_are_in_order(visit: Any, shifts: tuple[User, User, Handoff], theme: str, width: int) -> None:
    ana, ben, handoff = shifts
    page_of = reverse("handoffs:handoff", args=[handoff.ref])
    leo = User.objects.get(username="leo")

    def look(user: User, url: str, name: str) -> None:
        tab = visit(user, theme=theme, width=width)
        page = tab.open(url)
        shoot(page, f"handoff-{name}-{theme}-{width}")
        assert tab.axe() == [], name
        assert tab.complaints == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

    look(ana, page_of, "give")
    look(ben, page_of, "early")
    sign(handoff, actor=ana, note="A quiet day; the webhooks need a call.", now=timezone.now())
    look(ben, page_of, "take")
    look(leo, page_of, "lead")
    look(ben, reverse("handoffs:list"), "list")
    look(leo, reverse("handoffs:settings"), "settings")
    look(ben, reverse("today"), "today")
