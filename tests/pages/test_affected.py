"""Who else is affected: by revenue, who has written, as a table to take away."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from altor.models import AuditEvent, User
from investigations.models import Investigation
from investigations.services.affected import affected_of
from tests import factories as make

pytestmark = pytest.mark.django_db


def affected_run(*org_ids: str, total: int = 0) -> tuple[Investigation, User]:
    ours = make.team()
    mine = make.ticket(in_team=ours, customer=make.customer("org_mine"))
    run = make.finished_run(mine, diagnosis=make.diagnosis(affected=make.affected(*org_ids, total=total)))
    return run, make.user(role="lead", teams=(ours,))


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_the_most_revenue_stands_first_and_who_pays_what_nobody_knows_last():
    make.customer("org_a", name="Small", mrr_minor=10_000, mrr_currency="EUR")
    make.customer("org_b", name="Unpriced")
    make.customer("org_c", name="Large", mrr_minor=900_000, mrr_currency="EUR")
    make.customer("org_d", name="Overseas", mrr_minor=5_000_000, mrr_currency="JPY")
    run, lead = affected_run("org_a", "org_b", "org_c", "org_d", "org_gone")
    found = affected_of(run, lead)
    assert [one.name for one in found.customers] == ["Large", "Small", "Overseas", "Unpriced", "org_gone"]
    assert found.revenue == ["€9,100.00", "¥5,000,000"]
    assert found.unpriced == 2
    html = signed_in(lead).get(reverse("investigations:run", args=[run.ref])).content.decode()
    assert "Revenue a month: €9,100.00 + ¥5,000,000, and 2 of whom it is not known" in html
    assert "not in the directory" in html
    assert "Large\nSmall\nOverseas\nUnpriced\norg_gone</pre>" in html


def test_who_has_written_is_told_of_the_tickets_that_one_may_see():
    customers = [make.customer(f"org_w{n}") for n in range(6)]
    run, lead = affected_run(*(one.org_id for one in customers))
    old = make.NOON - make.timedelta(days=9)
    open_one = make.ticket(customer=customers[0], opened_at=old)
    resolved_now = make.ticket(customer=customers[1], status="resolved")
    make.ticket(customer=customers[2], status="resolved", opened_at=old)
    make.ticket(customer=customers[3], incident_class="billing")
    hidden = make.ticket(customer=customers[4], in_team=make.team("Elsewhere"))
    written = {one.org_id: one.tickets for one in affected_of(run, lead).customers}
    assert written == {
        "org_w0": (open_one.ref,), "org_w1": (resolved_now.ref,),
        "org_w2": (), "org_w3": (), "org_w4": (), "org_w5": (),
    }  # fmt: skip
    assert affected_of(run, lead).silent == 4
    admin = {one.org_id: one.tickets for one in affected_of(run, make.user(role="admin")).customers}
    assert admin["org_w4"] == (hidden.ref,)


def test_the_total_is_that_of_all_not_of_the_list():
    run, lead = affected_run("org_1", "org_2", total=431)
    run.steps.filter(step_id="traffic").update(requests=[make.QUERY])
    html = signed_in(lead).get(reverse("investigations:run", args=[run.ref])).content.decode()
    assert "431 other customers" in html
    assert "The list holds the 2 with most of it." in html
    assert "Measured by 1 query, 120,431 rows read" in html


def test_a_run_that_asked_for_no_others_shows_no_list():
    lead = make.user(role="lead", teams=(make.team(),))
    run = make.finished_run(make.ticket())
    client = signed_in(lead)
    assert "Who else is affected" not in client.get(reverse("investigations:run", args=[run.ref])).content.decode()
    assert client.get(reverse("investigations:run-affected", args=[run.ref])).status_code == 404


def test_many_customers_cost_no_more_queries_than_few(django_assert_max_num_queries):
    run, lead = affected_run(*(make.customer(f"org_q{n}").org_id for n in range(40)))
    run = Investigation.objects.with_context().get(pk=run.pk)
    with django_assert_max_num_queries(3):
        assert len(affected_of(run, lead).customers) == 40


def test_the_table_is_for_those_who_may_export_and_is_recorded():
    make.customer("org_f", name="=1+1 GmbH", mrr_minor=100, mrr_currency="EUR")
    run, lead = affected_run("org_f")
    address = reverse("investigations:run-affected", args=[run.ref])
    agent = make.user(teams=(make.team(),))
    assert signed_in(agent).get(address).status_code == 403
    assert signed_in(make.user(role="lead", teams=(make.team("Elsewhere"),))).get(address).status_code == 404
    answer = signed_in(lead).get(address)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    head, row = csv.reader(io.StringIO(answer.content.decode()))
    assert head[:5] == ["org_id", "name", "mrr_minor", "mrr_currency", "value_share"]
    assert row == ["org_f", "'=1+1 GmbH", "100", "EUR", "0.6", "", "1800", ""]
    assert AuditEvent.objects.filter(action="run.affected_exported", object_ref=run.ref).count() == 1


def test_revenue_without_its_currency_is_refused_and_loses_nothing():
    who = make.customer("org_r")
    client = signed_in(make.user(role="lead"))
    address = reverse("investigations:customer", args=["org_r"])
    form = {"name": "Kept", "org_id": "org_r", "domains": "", "emails": "", "mrr_minor": "2400", "mrr_currency": ""}
    html = client.post(address, form).content.decode()
    assert "Which currency is the revenue in?" in html
    assert 'value="2400"' in html
    assert client.post(address, form | {"mrr_currency": "eur"}).status_code == 302
    who.refresh_from_db()
    assert (who.mrr_minor, who.mrr_currency) == (2400, "EUR")
