"""What the REST contract promises: shapes that do not grow by themselves, writes that change only what they may."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from altor.models import AuditEvent
from investigations.models import Connection, Customer, Investigation, Ticket
from investigations.playbooks.loader import library_files
from tests.api.conftest import World, client_of

pytestmark = pytest.mark.django_db
API = "/api/v1/"

TICKET_ROW = [
    "ref",
    "helpdesk",
    "connection",
    "external_id",
    "url",
    "subject",
    "channel",
    "priority",
    "tags",
    "status",
    "incident_class",
    "customer",
    "team",
    "owner",
    "opened_at",
    "received_at",
    "updated_at",
    "resolved_at",
    "version",
]
TICKET = [
    *TICKET_ROW,
    *[
        "description",
        "requester",
        "organization",
        "class_why",
        "customer_why",
        "claims",
        "clocks",
        "ownership",
        "investigations",
        "warnings",
    ],
]
RUN_ROW = [
    "ref",
    "ticket",
    "incident_class",
    "playbook",
    "playbook_version",
    "status",
    "trigger",
    "requested_by",
    "previous",
    "as_of",
    "queued_at",
    "started_at",
    "finished_at",
    "seconds",
    "upstream_seconds",
    "attempt",
    "failure",
    "top_label",
    "confidence",
    "severity",
]
RUN = [
    *RUN_ROW,
    *["inputs", "phases", "steps", "evidence", "diagnosis", "gates", "overrides", "feedback", "live_version"],
]
STEP = [
    "step_id",
    "position",
    "title",
    "source",
    "status",
    "verdict",
    "result",
    "facts",
    "error_kind",
    "error",
    "requests",
    "truncated",
    "newest_at",
    "attempt",
    "started_at",
    "finished_at",
    "seconds",
    "answer",
    "answered_by",
    "answered_at",
]
EVIDENCE_ROW = [
    "ref_id",
    "step",
    "source",
    "kind",
    "ref",
    "title",
    "summary",
    "verdict",
    "at",
    "fetched_at",
    "url",
    "figures",
    "row_count",
    "truncated",
    "sha256",
]
CONNECTION = [
    "source",
    "name",
    "base_url",
    "has_secret",
    "secret_ends",
    "options",
    "is_active",
    "overridden",
    "health",
    "health_message",
    "checked_at",
    "last_ok_at",
    "latency_ms",
    "scopes",
    "warnings",
    "updated_at",
]
CUSTOMER = [
    "org_id",
    "name",
    "domains",
    "emails",
    "plan",
    "tier",
    "stripe_customer",
    "linear_customer",
    "mrr_minor",
    "mrr_currency",
    "renews_on",
    "created_at",
    "updated_at",
]
EVENT_ROW = [
    "id",
    "source",
    "connection",
    "delivery_key",
    "kind",
    "status",
    "attempts",
    "reason",
    "ticket",
    "received_at",
    "occurred_at",
    "not_before",
    "processed_at",
]


OUTBOUND_ENDPOINT = [
    *["name", "title", "url", "event_types", "owner", "is_active", "disabled_reason", "disabled_at", "failing_since"],
    *["last_success_at", "live_secrets", "created_at"],
]
OUTBOUND_ROW = [
    *["message_id", "endpoint", "event_type", "status", "reason", "attempts", "not_before", "created_at", "ended_at"],
]


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("tickets/TK-10134/", TICKET),
        ("tickets/", TICKET_ROW),
        ("investigations/", RUN_ROW),
        ("customers/", CUSTOMER),
        ("customers/org_k3p7elJo60/", CUSTOMER),
        ("connections/", CONNECTION),
        ("connections/github:main/", CONNECTION),
        ("inbound/events/", EVENT_ROW),
        (
            "inbound/endpoints/",
            ["source", "connection", "title", "ticket_prefix", "is_active", "address", "live_secrets", "created_at"],
        ),
        ("outbound/endpoints/", OUTBOUND_ENDPOINT),
        ("outbound/endpoints/warehouse/", OUTBOUND_ENDPOINT),
        ("outbound/deliveries/", OUTBOUND_ROW),
        ("outbound/deliveries/msg_00ff/", [*OUTBOUND_ROW, "payload", "tried"]),
        ("profile/", ["version", "saved_at", "saved_by", "comment", "profile"]),
        ("me/", ["username", "role", "teams", "timezone", "permissions", "token"]),
    ],
)
def test_the_keys_of_each_answer_are_pinned(admin_api: APIClient, path: str, keys: list[str]) -> None:
    body = admin_api.get(API + path).json()
    one = body["results"][0] if "results" in body else body
    assert sorted(one) == sorted(keys)


def test_the_keys_of_a_run_and_its_parts_are_pinned(world: World, admin_api: APIClient) -> None:
    run = admin_api.get(f"{API}investigations/{world.run.ref}/").json()
    assert sorted(run) == sorted(RUN)
    assert sorted(run["steps"][0]) == sorted(STEP)
    assert sorted(run["evidence"][0]) == sorted(EVIDENCE_ROW)
    one = admin_api.get(f"{API}investigations/{world.run.ref}/evidence/E1/").json()
    assert sorted(one) == sorted([*EVIDENCE_ROW, "columns", "rows", "requests"])
    assert run["diagnosis"]["investigation"] == world.run.ref
    assert run["diagnosis"]["candidates"][0]["label"] == "lat.deploy_route"


def test_secrets_never_come_back(world: World, admin_api: APIClient) -> None:
    paths = ("connections/", "connections/github:main/", "inbound/endpoints/", "inbound/events/", "outbound/endpoints/")
    for path in (*paths, "outbound/endpoints/warehouse/", "outbound/deliveries/msg_00ff/"):
        text = admin_api.get(API + path).content.decode()
        assert "obviously-fake" not in text
        assert "b2J2aW91c2x5" not in text
    assert admin_api.get(f"{API}connections/github:main/").json()["secret_ends"] == "1234"


# -------------------------------------------------------------------------------------------------------------- tickets
def test_a_ticket_is_created_once_and_then_known(agent_api: APIClient) -> None:
    body = {"id": 48213, "helpdesk": "zendesk", "subject": "API is slow", "surprise": 1}
    first = agent_api.post(f"{API}tickets/", body)
    again = agent_api.post(f"{API}tickets/", {**body, "id": "48213"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["ref"] == "ZD-48213"
    assert first.json()["warnings"] == ["Unknown field 'surprise' was ignored."]
    assert Ticket.objects.filter(external_id="48213").count() == 1


def test_a_posted_ticket_starts_its_run_and_asking_for_one_gives_that_run(agent_api: APIClient) -> None:
    agent_api.post(f"{API}tickets/", {"id": "1", "subject": "API is slow"})
    started = Investigation.objects.get(ticket__ref="TK-1")
    asked = agent_api.post(f"{API}tickets/TK-1/investigations/", {})
    assert (asked.status_code, asked.json()["ref"], asked.json()["status"]) == (202, started.ref, "queued")
    other = agent_api.post(f"{API}tickets/TK-1/investigations/", {"as_of": "2026-05-01T10:00:00Z"})
    assert (other.status_code, other.json()["code"]) == (409, "run_already_active")


def test_another_teams_ticket_of_the_same_id_is_not_shown_to_its_poster(world: World) -> None:
    outsider = client_of(world.people["outsider"])
    answer = outsider.post(f"{API}tickets/", {"id": "10134", "subject": "API is slow"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"ref", "warnings"}


def test_posting_every_field_of_a_ticket_changes_only_what_may_be(world: World, agent_api: APIClient) -> None:
    evil = {
        "pk": 1, "ref": "TK-1", "status": "resolved", "owner": "admin", "team": "theirs", "customer": "org_k3p7elJo60",
        "incident_class": "billing", "confidence": 1, "version": 99, "received_at": "2020-01-01T00:00:00Z",
        "resolved_at": "2020-01-01T00:00:00Z", "class_why": {"how": "person"}, "customer_why": {"how": "person"},
        "connection": "other", "claims": [{"kind": "onset", "value": "2020-01-01T00:00:00Z"}],
    }  # fmt: skip
    body = agent_api.post(f"{API}tickets/", {"id": "5", "subject": "API is slow", **evil}).json()
    assert (body["ref"], body["status"], body["owner"], body["team"]) == ("TK-5", "investigating", None, "ours")
    assert (body["incident_class"], body["customer"], body["version"], body["claims"]) == ("latency", None, 1, [])
    assert (body["resolved_at"], body["connection"]) == (None, "")


def test_patching_every_field_of_a_ticket_changes_only_what_may_be(world: World, agent_api: APIClient) -> None:
    def told(ticket: Ticket) -> dict[str, Any]:
        row = Ticket.objects.filter(pk=ticket.pk).values().get()
        return {name: value for name, value in row.items() if name not in ("updated_at", "incident_class", "class_why")}

    before = told(world.ticket)
    evil = {
        "ref": "X", "status": "resolved", "team": "theirs", "team_id": world.theirs.pk, "subject": "x", "version": 9,
        "description": "x", "class_why": {}, "opened_at": "2020-01-01T00:00:00Z", "incident_class": "billing",
    }  # fmt: skip
    answer = agent_api.patch(f"{API}tickets/TK-10134/", evil)
    assert answer.status_code == 200
    assert told(world.ticket) == before
    assert answer.json()["incident_class"] == "billing"


def test_a_correction_is_audited_with_actor_token_and_request(world: World, agent_api: APIClient) -> None:
    agent_api.patch(f"{API}tickets/TK-10134/", {"incident_class": "billing"})
    event = AuditEvent.objects.get(action="ticket.corrected")
    assert (event.actor, event.object_ref) == (world.people["agent"], "TK-10134")
    assert (event.before, event.after) == ({"class": "latency"}, {"class": "billing"})
    assert event.request_id


# ----------------------------------------------------------------------------------------------------------------- runs
def test_a_run_is_judged_compared_and_repeated(world: World, agent_api: APIClient) -> None:
    path = f"{API}investigations/{world.run.ref}/"
    judged = agent_api.post(f"{path}feedback/", {"verdict": "corrected", "label": "lat.cache_loss", "user": "admin"})
    assert judged.json()["user"] == "agent"
    compared = agent_api.get(f"{path}compare/{world.older_run.ref}/").json()
    assert compared["previous"] == world.older_run.ref
    again = agent_api.post(f"{path}rerun/", {})
    assert (again.status_code, again.json()["previous"]) == (202, world.run.ref)
    stopped = agent_api.post(f"{API}investigations/{again.json()['ref']}/cancel/")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "cancelled")
    assert [phase["kind"] for phase in stopped.json()["phases"]] == ["run.queued", "run.cancelled"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3), ("status=done", 3), ("status=queued", 0), ("ticket=TK-10134", 2), ("label=lat.deploy_route", 3),
        ("severity=SEV1", 0), ("playbook=latency", 3), ("customer=org_k3p7elJo60", 2),
        ("queued_before=2020-01-01T00:00:00Z", 0),
    ],
)  # fmt: skip
def test_runs_are_filtered(admin_api: APIClient, query: str, found: int) -> None:
    assert len(admin_api.get(f"{API}investigations/?{query}").json()["results"]) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 2), ("status=diagnosed&status=received", 2), ("status=received", 0), ("team=ours", 1),
        ("owner=engineer", 1),
        ("q=slow+copper", 1), ("q=TK-20999", 1), ("q=10134", 1), ("q=%25", 0), ("incident_class=latency", 2),
        ("opened_after=2026-06-01T00:00:00Z", 0), ("customer=org_k3p7elJo60", 1), ("helpdesk=zendesk", 0),
    ],
)  # fmt: skip
def test_tickets_are_filtered_and_searched(admin_api: APIClient, query: str, found: int) -> None:
    assert len(admin_api.get(f"{API}tickets/?{query}").json()["results"]) == found


@pytest.mark.parametrize(
    ("path", "most"),
    [("tickets/", 8), ("investigations/", 8), ("customers/", 6), ("connections/", 6), ("inbound/events/", 6)],
)
def test_a_list_costs_the_same_however_long(
    world: World, admin_api: APIClient, path: str, most: int, django_assert_max_num_queries: Any
) -> None:
    admin_api.get(API + path)  # the token's last use is noted now
    with django_assert_max_num_queries(most):
        admin_api.get(API + path)


def test_a_run_in_detail_costs_a_fixed_number_of_queries(
    world: World, admin_api: APIClient, django_assert_max_num_queries: Any
) -> None:
    admin_api.get(f"{API}investigations/{world.run.ref}/")
    with django_assert_max_num_queries(22):
        admin_api.get(f"{API}investigations/{world.run.ref}/")


# --------------------------------------------------------------------------------------------------------- installation
def test_a_connection_is_changed_without_showing_or_losing_its_secret(world: World, admin_api: APIClient) -> None:
    path = f"{API}connections/github:main/"
    assert admin_api.put(path, {"base_url": "https://api.github.com"}).status_code == 200
    assert Connection.objects.get(source="github").secret == "gh-obviously-fake-1234"
    refused = admin_api.put(path, {"base_url": "https://169.254.169.254/"})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input")
    assert admin_api.put(path, {"base_url": "https://elsewhere.example"}).status_code == 400


def test_the_profile_is_read_changed_and_guarded_against_typing_errors(admin_api: APIClient) -> None:
    assert admin_api.put(f"{API}profile/", {"telemetry": {"tennant_attribute": "x"}}).status_code == 400
    changed = admin_api.put(f"{API}profile/", {"vendor": "Harborline", "telemetry": {"tenant_attribute": "org"}})
    assert changed.json()["profile"]["telemetry"]["tenant_attribute"] == "org"
    assert admin_api.get(f"{API}profile/").json()["saved_by"] == "admin"
    for wrong in ([], "text", {"telemetry": 5}, {"now": "yesterday"}):
        assert admin_api.put(f"{API}profile/", wrong).status_code == 400


def test_customers_are_changed_and_imported(world: World, admin_api: APIClient) -> None:
    changed = admin_api.patch(f"{API}customers/org_k3p7elJo60/", {"domains": ["New.example"], "org_id": "x", "pk": 5})
    assert (changed.json()["domains"], changed.json()["org_id"]) == (["new.example"], "org_k3p7elJo60")
    report = admin_api.post(f"{API}customers/import/", {"customers": [{"org_id": "o1"}, {"org_id": "org_k3p7elJo60"}]})
    assert report.json() == {"created": 1, "updated": 0, "unchanged": 1, "warnings": []}
    assert Customer.objects.count() == 2


def test_revenue_needs_its_currency(admin_api: APIClient, world: World) -> None:
    address = f"{API}customers/org_k3p7elJo60/"
    assert admin_api.patch(address, {"mrr_minor": 240_000}).status_code == 400
    assert admin_api.patch(address, {"mrr_minor": 240_000, "mrr_currency": "eur"}).json()["mrr_currency"] == "EUR"
    refused = admin_api.post(f"{API}customers/import/", {"customers": [{"org_id": "o1", "mrr_minor": 1}]})
    assert (refused.status_code, Customer.objects.filter(org_id="o1").exists()) == (400, False)
    admin_api.post(f"{API}customers/import/", {"customers": [{"org_id": "org_k3p7elJo60", "name": "Kept"}]})
    kept = Customer.objects.get(org_id="org_k3p7elJo60")
    assert (kept.mrr_minor, kept.mrr_currency) == (240_000, "EUR")


def test_a_broken_playbook_names_line_and_field(admin_api: APIClient) -> None:
    answer = admin_api.post(f"{API}playbooks/", {"source_yaml": "apiVersion: altor/v1\nkind: Playbook\nsurprise: 1\n"})
    assert answer.status_code == 400
    assert any(problem["field"] == "surprise" and problem["line"] == 3 for problem in answer.json()["problems"])


def test_an_endpoints_secret_is_shown_once(admin_api: APIClient) -> None:
    made = admin_api.post(f"{API}inbound/endpoints/", {"connection": "new", "ticket_prefix": "NW"}).json()
    assert made["secret"].startswith("whsec_")
    assert made["endpoint"]["address"] == "/api/v1/hooks/generic/new/"
    assert made["secret"] not in admin_api.get(f"{API}inbound/endpoints/generic:new/").content.decode()
    for wrong in ({"connection": "new"}, {"connection": "../x"}, {"connection": "x", "source": "none"}):
        assert admin_api.post(f"{API}inbound/endpoints/", wrong).status_code in (400, 409)


def test_a_playbook_is_validated_without_storing_it(admin_api: APIClient) -> None:
    good = library_files()[0].read_text()
    told = admin_api.post(f"{API}playbooks/validate/", {"source_yaml": good}).json()
    assert told == {"valid": True, "may_be_in_force": True, "key": "api_error", "problems": [], "failed_tests": []}
    broken = admin_api.post(
        f"{API}playbooks/validate/", {"source_yaml": good.replace("question:", "quastion:", 1)}
    ).json()
    (problem, *_) = [item for item in broken["problems"] if "quastion" in item["field"]]
    assert broken["valid"] is False and problem["line"] > 5 and "did you mean 'question'" in problem["message"]
    assert admin_api.post(f"{API}playbooks/validate/", {}).status_code == 400
