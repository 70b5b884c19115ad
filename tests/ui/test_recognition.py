"""The whole way in a browser: resolved, drafted, reviewed, and recognised on the next customer's ticket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import expect

from investigations.models import Investigation
from knowledge.models import Entry, EntryUse
from knowledge.recognition.settling import run_ended, settle_recent
from tests import factories as make
from tests.engine.conftest import _test_sources, upstream
from tests.engine.scene import answering, carry, playbook, step
from tests.loopback import Upstream
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]
__all__ = ["_test_sources", "upstream"]


def test_a_resolved_ticket_teaches_the_next_one(visit: Any, upstream: Upstream) -> None:
    team = make.team("Support", is_default=True)
    ana, ben = make.user("ana", teams=(team,)), make.user("ben", teams=(team,))
    lead = make.user("lena", role="lead", teams=(team,))
    book = playbook(step("a"), title="Requests rejected", is_active=True)
    first = make.ticket(
        subject="Refused since the update", customer=make.customer(), team=team, owner=ana, incident_class="rate_limit"
    )
    _carried(make.run(first, playbook=book), upstream)

    # Ana resolves it: Altor asks what it leaves behind, and she has an entry drafted.
    tab = visit(ana)
    page = tab.open(f"/tickets/{first.ref}/")
    page.get_by_role("button", name="Resolve").first.click()
    question = page.locator("#learn")
    expect(question).to_contain_text("What does this ticket leave behind?")
    question.get_by_label("A new entry was drafted").check()
    question.get_by_role("button", name="Record").click()
    page.wait_for_url("**/edit/")
    assert page.input_value("#id_title").startswith("Many")
    assert "rl.many" in page.input_value("#id_detection")
    assert first.customer is not None and first.customer.name not in page.input_value("#id_symptoms")
    page.fill("#id_root_cause", "The client repeats without a pause.")
    page.fill("#id_remediation", "Ask for the client that pauses between its tries.")
    page.click("text=Save as version")
    page.wait_for_url("**/knowledge/KB-*/")
    entry = Entry.objects.get()
    expect(page.locator(".al-meta").first).to_contain_text("Not validated")
    shoot(page, "taught-entry")

    # Her lead reviews it from the work list.
    review = visit(lead)
    page = review.open("/knowledge/work/?list=review")
    page.get_by_role("link", name=entry.ref).first.click()
    page.select_option("#id_confidence", "validated")
    page.locator("#kb-state ~ .b, [aria-labelledby=kb-state]").get_by_role("button", name="Save").click()
    expect(page.locator(".al-meta").first).to_contain_text("Validated")

    # Another customer writes, in other words. The investigation says what it is before anybody searches.
    second = make.ticket(
        subject="Nothing goes through", description="Our jobs fail since noon.", customer=make.customer(), team=team,
        owner=ben, incident_class="rate_limit",
    )  # fmt: skip
    run = _carried(make.run(second, playbook=book), upstream)
    tab = visit(ben)
    page = tab.open(f"/investigations/{run.ref}/")
    known = page.locator("#panel-known")
    expect(known).to_contain_text(f"This is {entry.ref}")
    expect(known).to_contain_text("Its signs are there")
    expect(known).to_contain_text("Ask for the client that pauses")
    shoot(page, "recognised-run")
    run_ended(Investigation.objects.get(pk=run.pk))
    known.get_by_role("button", name=f"{entry.ref} helped here").click()
    expect(known).to_contain_text("It helped")
    assert EntryUse.objects.get(ticket=second).verdict == "helped"
    settle_recent()
    page = tab.open(f"/knowledge/{entry.ref}/")
    expect(page.locator("[aria-labelledby=kb-about-h]")).to_contain_text("1 time rightly")
    assert tab.axe() == [] and tab.policy_violations() == [] and tab.complaints == []

    # Where the investigation finds something else, nobody is told that it is this.
    third = make.ticket(subject="Nothing goes through", customer=make.customer(), team=team, owner=ben)
    other = _carried(make.run(third, playbook=playbook(step("b"))), _quiet(upstream))
    page = tab.open(f"/investigations/{other.ref}/")
    expect(page.locator("#panel-known")).not_to_contain_text("This is")


def _carried(run: Investigation, upstream: Upstream) -> Investigation:
    """In a thread of its own, as a worker would: the browser's event loop runs in this one."""

    def work() -> Investigation:
        try:
            return carry(run, upstream)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _quiet(upstream: Upstream) -> Upstream:
    upstream.behaviour = answering(0.0)
    return upstream
