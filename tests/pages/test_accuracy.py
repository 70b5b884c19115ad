"""A playbook's page tells how often its diagnoses were right, from what people said of their runs."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from investigations.models import Investigation
from investigations.services.accuracy import accuracy_of, judged_of
from investigations.services.runs import record_feedback
from tests import factories

pytestmark = pytest.mark.django_db


def judged(ours, verdicts, *, label="rl.limiter_deploy"):
    """Finished runs of the playbook `rate_limit`, each with a verdict: "" accepts, a label corrects."""
    lead = factories.user(role="lead", teams=(ours,))
    for really in verdicts:
        run = factories.run(factories.ticket(in_team=ours), status="done", top_label=label, confidence=0.8)
        verdict = "corrected" if really else "accepted"
        record_feedback(run, verdict=verdict, label=really, actor=lead)
    return lead


def page(person):
    client = Client()
    client.force_login(person)
    return client.get(reverse("investigations:playbook-version", args=["rate_limit", 1])).content.decode()


def test_without_a_verdict_the_page_says_so():
    ours = factories.team()
    factories.run(factories.ticket(in_team=ours), status="done")
    assert "Nobody has said yet" in page(factories.user(role="lead", teams=(ours,)))


def test_few_verdicts_are_counted_and_make_no_share():
    text = page(judged(factories.team(), ["", "", "rl.retry_storm"]))
    assert "2 of 3 diagnoses were accepted. They were stated with 80% on average." in text
    assert 'rl.limiter_deploy</span> was really <span class="al-mono">rl.retry_storm</span>' in text


def test_enough_verdicts_make_a_share_with_its_interval():
    text = page(judged(factories.team(), [""] * 8 + ["rl.retry_storm"] * 2))
    assert "8 of 10 diagnoses were accepted: 80%, between 49% and 94% with so few." in text
    assert "rl.retry_storm</span>, 2 times" in text


def test_the_last_verdict_on_a_run_counts():
    ours = factories.team()
    lead = judged(ours, ["rl.retry_storm"])
    record_feedback(Investigation.objects.get(), verdict="accepted", actor=lead)
    found = accuracy_of(judged_of(Investigation.objects.all()))
    assert (found.judged, found.right, found.corrections) == (1, 1, [])


def test_runs_that_a_person_may_not_see_are_not_counted():
    judged(factories.team("Others"), ["", ""])
    assert "Nobody has said yet" in page(factories.user(role="lead", teams=(factories.team("Ours"),)))
