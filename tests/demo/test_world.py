"""The world is the same for the same seed, hangs together, and its incidents keep clear of each other."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from altor.demo.world import effects as fx
from altor.demo.world.build import World
from tests.demo.conftest import ANCHOR


def test_same_seed_gives_the_same_world(world):
    again = World(world.seed, world.anchor)
    assert again.customers == world.customers
    assert again.deployments == world.deployments
    assert again.billing.lists == world.billing.lists
    assert again.tickets == world.tickets


def test_another_seed_gives_other_ids(world):
    other = World(world.seed + 1, world.anchor)
    assert not {c.org_id for c in other.customers} & {c.org_id for c in world.customers}
    assert {d.sha for d in other.deployments}.isdisjoint(d.sha for d in world.deployments)


def test_moving_the_anchor_moves_everything_and_changes_no_id(world):
    later = World(world.seed, world.anchor + timedelta(days=3))
    assert [c.org_id for c in later.customers] == [c.org_id for c in world.customers]
    assert [d.created_at - w.created_at for d, w in zip(later.deployments, world.deployments, strict=True)] == [
        timedelta(days=3)
    ] * len(world.deployments)


def test_there_are_forty_customers_in_three_regions_with_unique_ids(world):
    assert len(world.customers) == 40
    assert len({c.region for c in world.customers}) == 3
    for attribute in ("org_id", "stripe_id", "domain", "slug"):
        assert len({getattr(c, attribute) for c in world.customers}) == 40
    assert all(abs(sum(c.mix) - 1.0) < 1e-9 for c in world.customers)


def test_four_classes_and_many_causes_are_told_in_more_than_sixty_tickets(world):
    told = [ticket for ticket in world.tickets if ticket.truth]
    classes = Counter(ticket.truth["class"] for ticket in told)
    assert set(classes) == {"rate_limit", "latency", "webhook", "billing"}
    assert min(classes.values()) >= 12
    assert len({ticket.truth["label"] for ticket in told}) >= 25
    assert sum(ticket.opened_at is not None for ticket in world.tickets) >= 60
    assert sum(ticket.live_s is not None for ticket in world.tickets) >= 12


def test_tickets_have_unique_ids_and_come_after_what_they_complain_of(world):
    assert len({ticket.id for ticket in world.tickets}) == len(world.tickets)
    for incident in world.incidents:
        for said in incident.said:
            at_h = said.at_h if said.live_s is None else said.live_s / 3600
            assert at_h >= incident.start_h, incident.key


def test_no_ticket_names_its_cause(world):
    for ticket in world.tickets:
        text = f"{ticket.subject} {ticket.description}".lower()
        assert "incident" not in text
        if ticket.truth:
            assert ticket.truth["label"] not in text


def test_senders_differ_in_what_the_helpdesk_knows(world):
    organizations = [ticket.organization for ticket in world.tickets]
    assert any(o.get("external_id") for o in organizations)
    assert any(o and not o.get("external_id") for o in organizations)
    assert any(not o for o in organizations)
    assert any(ticket.requester["email"].endswith("@postbox.example") for ticket in world.tickets)


def test_every_culprit_deployment_is_live_at_the_onset_and_no_other_fits_as_well(world):
    for incident in world.incidents:
        culprits = [d for d in world.deployments if d.incident == incident.key]
        assert len(culprits) == (1 if incident.culprit[0] == "deployment" else 0), incident.key
        for deployment in culprits:
            assert deployment.live_at == world.at(incident.start_h)
            assert deployment.created_at < deployment.live_at
            mine = (deployment.service, "production")
            same = [d for d in world.deployments if (d.service, d.environment) == mine and d.live_at]
            before = [deployment.live_at - d.live_at for d in same if d is not deployment]
            rivals = [wait for wait in before if timedelta(0) <= wait < timedelta(hours=3)]
            assert not rivals, incident.key


def test_incidents_without_a_deployment_have_none_just_before(world):
    for incident in world.incidents:
        if incident.effects and not incident.deploys:
            onset = world.at(incident.start_h)
            innocent = [d for d in world.deployments if d.environment == "production" and not d.incident]
            near = [d for d in innocent if d.live_at]
            assert not [d for d in near if timedelta(0) <= onset - d.live_at < timedelta(hours=1)], incident.key


def test_there_are_innocent_deployments_after_the_fact_and_failed_ones(world):
    assert sum(d.failed_at is not None for d in world.deployments) >= 4
    assert any(d.environment == "staging" for d in world.deployments)
    for d in world.deployments:
        assert (d.live_at is None) != (d.failed_at is None)


def test_a_customer_has_one_incident_of_a_class_at_a_time(world):
    spans: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for incident in world.incidents:
        for slug in {effect.customer for effect in incident.effects if effect.customer}:
            spans.setdefault((slug, incident.incident_class), []).append((incident.start_h, incident.end_h))
    for key, found in spans.items():
        found.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(found)), key


def test_truth_names_ids_that_exist(world):
    stripe_ids = {item["id"] for items in world.billing.lists.values() for item in items}
    shas = {d.sha for d in world.deployments}
    for ticket in world.tickets:
        if not ticket.truth:
            continue
        culprit = ticket.truth["culprit"]
        if culprit["kind"].startswith("stripe_"):
            assert set(culprit["any_of"]) <= stripe_ids and culprit["any_of"]
        elif culprit["kind"] == "deployment":
            assert set(culprit["any_of"]) <= shas and culprit["any_of"]


def test_a_live_ticket_needs_the_time_it_is_sent(world):
    live = next(ticket for ticket in world.tickets if ticket.live_s is not None)
    with pytest.raises(ValueError, match="needs its time"):
        live.payload()
    assert live.payload(ANCHOR)["created_at"] == "2026-05-20T14:00:00Z"


def test_effects_never_end_before_they_start(world):
    for incident in world.incidents:
        assert incident.end_h > incident.start_h
        for effect in incident.effects:
            assert isinstance(effect, fx.Effect)
            assert effect.end_h > effect.start_h
            assert effect.customer == "" or effect.customer in world.by_slug
