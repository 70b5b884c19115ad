"""A run's page, its export and its text tell which sources contradict each other."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from investigations.services.present import as_text, investigation_document
from tests import factories

pytestmark = pytest.mark.django_db

FOUND = {"says": "GitHub tells of <b>a deployment</b> that never ran", "steps": ["deploys"], "labels": [], "cap": 0.74}


def test_sources_that_contradict_each_other_are_told_and_escaped() -> None:
    ours = factories.team()
    run = factories.finished_run(factories.ticket(in_team=ours))
    client = Client()
    client.force_login(factories.user(role="lead", teams=(ours,)))
    address = reverse("investigations:run", args=[run.ref])
    assert "contradict each other" not in client.get(address).content.decode()
    run.diagnosis = {**(run.diagnosis or {}), "contradictions": [FOUND]}
    run.save(update_fields=["diagnosis"])
    html = client.get(address).content.decode()
    assert "Sources that contradict each other" in html
    assert "&lt;b&gt;a deployment&lt;/b&gt; that never ran" in html and "held at 74%" in html
    document = investigation_document(run)
    assert document["contradictions"] == [FOUND]
    assert "never ran" in as_text(document)
