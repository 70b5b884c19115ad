"""A run's page, its export and its text tell between which moments a problem may have begun."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from investigations.services.present import as_text, investigation_document
from tests import factories

pytestmark = pytest.mark.django_db

WIDE = ["2026-05-01T09:12:00Z", "2026-05-01T10:47:00Z"]
NARROW = ["2026-05-01T10:00:00Z", "2026-05-01T10:05:00Z"]


@pytest.mark.parametrize(("ends", "told"), [(WIDE, True), (NARROW, False), (None, False)])
def test_a_beginning_that_is_not_known_well_is_told_with_both_ends(ends: list[str] | None, told: bool) -> None:
    ours = factories.team()
    run = factories.finished_run(factories.ticket(in_team=ours))
    run.diagnosis = {**(run.diagnosis or {}), "onset": "2026-05-01T10:02:00Z", "onset_between": ends}
    run.save(update_fields=["diagnosis"])
    client = Client()
    client.force_login(factories.user(role="lead", teams=(ours,)))
    html = client.get(reverse("investigations:run", args=[run.ref])).content.decode()
    assert ("2026-05-01T09:12" in html and "2026-05-01T10:47" in html) == told
    document = investigation_document(run)
    assert document["onset_between"] == ends
    text = as_text(document)
    assert ("about 1 May 10:00 UTC (between 1 May 09:12 UTC and 1 May 10:47 UTC)" in text) == told
    assert ("since     1 May 10:02 UTC\n" in text) != told
