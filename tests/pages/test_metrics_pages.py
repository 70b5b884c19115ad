"""The metrics' pages over made-up tickets: what they show, that figures open their tickets, and who sees which."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from altor.models import AuditEvent, Team, User
from metrics.definitions.catalogue import METRICS
from metrics.models import Cycle
from metrics.phases.keeping import compute
from metrics.reading.scope import last_weeks
from tests import factories as make
from tests.metrics.histories import BEGIN, make_histories

pytestmark = pytest.mark.django_db
NOW = BEGIN + timedelta(days=33)


@pytest.fixture
def teams() -> tuple[Team, Team]:
    return make.team("Berlin", timezone="Europe/Berlin"), make.team("Auckland", timezone="Pacific/Auckland")


@pytest.fixture
def lives(teams: tuple[Team, Team]) -> None:
    found = make_histories(80, 5, teams)
    compute([life.ticket.ref for life in found], NOW)


@pytest.fixture
def admin() -> User:
    return make.user("root", role="admin")


def text(client: Client, person: User, url: str, **query: str) -> str:
    client.force_login(person)
    with time_machine.travel(NOW, tick=False):
        answer = client.get(url, query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_first_page_shows_five_figures_four_phases_and_what_looks_better(
    client: Client, admin: User, lives: None
) -> None:
    shown = text(client, admin, reverse("metrics:metrics"))
    front = re.findall(r'<h2 id="k-([a-z-]+)">', shown)
    assert front == [
        "investigation-time", "escalation-quality", "confident-time", "interruptions", "recovery-confidence",
    ]  # fmt: skip
    assert all(
        f">{title}</a><details" in shown.replace("\n", "")
        for title in ("Intake", "Investigation", "Drafting", "Closure")
    )
    assert "Closed without an investigation that was measured" in shown
    for metric in METRICS.values():
        assert metric.formula in shown.replace("&#x27;", "'"), metric.name
    assert 'role="img" aria-label="Median time in each phase: ' in shown


def test_few_closings_make_no_curve(client: Client, admin: User, teams: tuple[Team, Team]) -> None:
    compute([life.ticket.ref for life in make_histories(6, 5, teams)], NOW)
    closed = Cycle.objects.filter(closed_at__isnull=False, gone="").count()
    shown = text(client, admin, reverse("metrics:metrics"))
    assert f"Needs 20 closed tickets; {closed} so far" in shown
    assert '<svg class="al-timechart"' not in shown


def test_a_figure_opens_exactly_the_tickets_it_rests_on(client: Client, admin: User, lives: None) -> None:
    for name, metric in METRICS.items():
        url = reverse("metrics:tickets", args=[name])
        with time_machine.travel(NOW, tick=False):
            from metrics.reading.figures import figures, only
            from metrics.reading.listing import lines

            wanted = last_weeks(admin, 12, NOW)
            figure = only(figures([metric], wanted), name)
            every = lines(metric, wanted, size=10_000)
            hits = lines(metric, wanted, only="hit", size=10_000)
            anti = lines(metric, wanted, only="anti", size=10_000)
        told = text(client, admin, url)
        assert len(every.lines) == every.total
        if metric.kind == "share":
            assert (every.total, hits.total) == (figure.n, figure.hits)
        elif metric.kind == "duration":
            assert every.total == figure.n
            values = [line.value for line in every.lines]
            assert values == sorted(values, reverse=True)
        if metric.anti is not None:
            assert anti.total == figure.anti, name
        if every.total:
            assert every.lines[0].cycle.ticket.ref in told


def test_a_choice_of_few_says_so_and_leads_back(client: Client, admin: User, lives: None) -> None:
    shown = text(client, admin, reverse("metrics:metrics"), tier="silver", team="berlin", **{"class": "billing"})
    assert "so far in this choice" in shown and '<option value="billing" selected>' in shown
    assert 'href="?">Clear filters' in shown


def test_filters_stay_and_can_be_cleared(client: Client, admin: User, lives: None) -> None:
    shown = text(client, admin, reverse("metrics:metrics"), range="52", team="berlin")
    assert 'href="/metrics/of/investigation-time/?range=52&amp;team=berlin"' in shown
    assert '<option value="berlin" selected>' in shown
    assert 'href="?range=52">Clear filters' in shown


def test_a_person_sees_the_figures_of_their_own_teams(
    client: Client, admin: User, teams: tuple[Team, Team], lives: None
) -> None:
    berlin = make.user("bea", role="lead", teams=(teams[0],))
    engineer = make.user("eng", role="engineer", teams=(teams[0],))
    own = {cycle.ticket.ref for cycle in Cycle.objects.filter(team=teams[0]).select_related("ticket")}
    url = reverse("metrics:tickets", args=["resolution-time"])
    seen = set(re.findall(r"TK-\d+", text(client, berlin, url, range="52")))
    assert seen and seen <= own
    assert not re.findall(r"TK-\d+", text(client, engineer, url, range="52"))
    # Another team's name in the address shows the own ones, as if it were not there.
    assert set(re.findall(r"TK-\d+", text(client, berlin, url, range="52", team="auckland"))) == seen
    assert re.findall(r"TK-\d+", text(client, admin, url, range="52", team="auckland"))


def test_files_hold_what_the_pages_show_and_are_recorded(client: Client, admin: User, lives: None) -> None:
    client.force_login(admin)
    with time_machine.travel(NOW, tick=False):
        figures = client.get(reverse("metrics:csv")).content.decode()
        tickets = client.get(
            reverse("metrics:tickets-csv", args=["escalation-rate"]), {"which": "hit"}
        ).content.decode()
    rows = list(csv.DictReader(io.StringIO(figures)))
    assert {row["metric"] for row in rows} == set(METRICS)
    rate = next(row for row in rows if row["metric"] == "escalation-rate" and not row["week"])
    assert len(list(csv.DictReader(io.StringIO(tickets)))) == float(rate["hits"])
    assert AuditEvent.objects.filter(action="metrics.exported").count() == 2


@pytest.mark.parametrize(
    "query", ["range=7", "range=x", "class=%00", "team=nobody", "page=999999", "which=all", "page=-1"]
)
def test_what_the_address_says_wrongly_is_the_usual(client: Client, admin: User, lives: None, query: str) -> None:
    client.force_login(admin)
    with time_machine.travel(NOW, tick=False):
        for url in (reverse("metrics:metrics"), reverse("metrics:tickets", args=["accuracy"])):
            assert client.get(f"{url}?{query}").status_code == 200
        assert client.get("/metrics/of/nothing/").status_code == 404
