"""A run's page leads to the earlier case that is among its reasons, for who may open that."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests import factories

pytestmark = pytest.mark.django_db


def test_the_earlier_run_is_a_link_for_who_may_open_it_and_words_for_others() -> None:
    ours, theirs = factories.team(), factories.team("Payments")
    earlier = factories.finished_run(factories.ticket(in_team=ours))
    says = f"The same cause was confirmed for this customer 12 days ago ({earlier.ref})"
    why = [{"evidence": "", "effect": "+0.7", "says": says, "investigation": earlier.ref}]
    told = factories.diagnosis(candidates=[factories.candidate("rl.retry_storm", "Retries", 0.8, why=why)])
    run = factories.finished_run(factories.ticket(in_team=theirs), diagnosis=told)
    link = f'href="{reverse("investigations:run", args=[earlier.ref])}"'
    for teams, is_linked in (((ours, theirs), True), ((theirs,), False)):
        client = Client()
        client.force_login(factories.user(role="lead", teams=teams))
        html = client.get(reverse("investigations:run", args=[run.ref])).content.decode()
        assert says in html and (link in html) is is_linked
