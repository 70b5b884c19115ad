"""What corrections propose, in a real browser: readable wide and narrow, and two clicks from the run to the editor."""

from __future__ import annotations

from typing import Any

import pytest

from investigations.models import Feedback, PlaybookDraft
from investigations.services.findings import record_finding
from investigations.services.playbook_proposals import propose
from investigations.services.playbooks import store_version
from tests import factories as make
from tests.playbooks.test_proposals import TEXT, carried
from tests.ui.conftest import shoot

pytestmark = [pytest.mark.ui, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1440, 390])
def test_from_the_run_to_the_editor(visit: Any, width: int) -> None:
    ours = make.team()
    lead = make.user("lena", role="lead", teams=(ours,))
    other = TEXT.replace("key: limits", "key: speed").replace("rl.", "lat.").replace("rate_limit", "latency")
    store_version(other, name="speed.yaml")
    tests = """\
tests:
  - {name: few, facts: {seen: {cut: true, repeats: true, old: true}}, expect: {label: rl.limiter}}
"""
    version = store_version(TEXT, name="limits.yaml")
    record_finding(carried(version, ours, cut=True).ticket, label="rl.limiter", actor=lead)
    run = carried(version, ours, cut=True, repeats=True, old=True)
    for of, label in ((run, "rl.retry"), (carried(version, ours, cut=True), "lat.retry")):
        propose(Feedback.objects.create(investigation=of, verdict="corrected", label=label, user=lead).pk)
    odd = '<img src=x onerror="window.hacked=1">'
    case = carried(version, ours, cut=True)
    propose(Feedback.objects.create(investigation=case, verdict="corrected", label=odd, user=lead).pk)
    held_text = TEXT.replace("key: limits", "key: strict") + tests  # its tests forbid what is offered above
    strict = store_version(held_text, name="strict.yaml")
    held = carried(strict, ours, cut=True, repeats=True, old=True)
    propose(Feedback.objects.create(investigation=held, verdict="corrected", label="rl.retry", user=lead).pk)

    tab = visit(lead, width=width)
    page = tab.open(f"/investigations/{run.ref}/")
    page.get_by_role("link", name="what is proposed for limits").click()
    page.wait_for_url("**/playbooks/limits/v1/#PB-*")
    for url in (page.url.removeprefix(tab.base), "/playbooks/strict/v1/"):
        page = tab.open(url)
        page.evaluate("document.querySelectorAll('#proposed details').forEach((d) => { d.open = true; })")
        shoot(page, f"proposals-{url.split('/')[2]}-{width}")
        assert tab.axe() == [] and tab.policy_violations() == [] and tab.complaints == []
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert not page.evaluate("window.hacked")
    page = tab.open("/playbooks/limits/v1/")
    page.get_by_role("button", name="Take into a draft").first.click()
    page.wait_for_url("**/playbooks/limits/edit/")
    assert PlaybookDraft.objects.get().text == TEXT.replace("'moderate'", "strong")
