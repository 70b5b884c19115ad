"""Who may come in, and how errors, limits and repeats look."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from altor.models import ApiToken, IdempotencyRecord
from altor.tokens import create_token, find_token, revoke_token
from investigations.models import Ticket
from tests.api.conftest import World, client_of

pytestmark = pytest.mark.django_db
TICKETS = "/api/v1/tickets/"
PROBLEM = "application/problem+json"


def bearer(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


# --------------------------------------------------------------------------------------------------------------- tokens
def test_a_token_works_until_revoked_expired_or_its_owner_changes(world: World) -> None:
    lead = world.people["lead"]
    row, text = create_token(user=lead, name="n", scopes=["ticket.read", "connection.read"])
    client = bearer(text)
    assert client.get(TICKETS).status_code == 200
    assert client.get("/api/v1/connections/").status_code == 200
    lead.role = "agent"
    lead.save()
    assert client.get("/api/v1/connections/").status_code == 403
    assert client.get(TICKETS).status_code == 200
    lead.is_active = False
    lead.save()
    assert client.get(TICKETS).status_code == 401
    lead.is_active = True
    lead.save()
    ApiToken.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(TICKETS).status_code == 401
    ApiToken.objects.filter(pk=row.pk).update(expires_at=None)
    assert client.get(TICKETS).status_code == 200
    revoke_token(row, actor=lead)
    refused = client.get(TICKETS)
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, 'Bearer realm="altor"')


def test_a_token_is_stored_as_a_hash_and_its_use_is_noted(world: World) -> None:
    row, text = create_token(user=world.people["agent"], name="n", scopes=["ticket.read"])
    secret = text.removeprefix(f"alt_api_{row.lookup}")
    assert len(secret) == 43
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM altor_apitoken t WHERE id = %s", [row.pk])
        assert secret not in cursor.fetchone()[0]
    bearer(text).get(TICKETS)
    row.refresh_from_db()
    assert row.last_used_at is not None


@pytest.mark.parametrize("change", ["", "x", "alt_api_", "alt_wdg_", "sk_live_"])
def test_texts_that_are_no_token_are_refused(world: World, change: str) -> None:
    _, text = create_token(user=world.people["agent"], name="n", scopes=["ticket.read"])
    body = text.removeprefix("alt_api_")
    broken = change + body if change else text[:-1] + ("A" if text[-1] != "A" else "B")
    if change != "alt_api_":
        assert find_token(broken) is None
        assert bearer(broken).get(TICKETS).status_code == 401
    else:
        assert find_token(broken) is not None


def test_a_rotated_key_does_not_end_tokens(world: World, settings: Any) -> None:
    _, text = create_token(user=world.people["agent"], name="n", scopes=["ticket.read"])
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-obviously-fake-key"
    assert find_token(text) is not None
    settings.SECRET_KEY_FALLBACKS = []
    assert find_token(text) is None


def test_a_token_makes_no_wider_or_longer_lived_token(world: World) -> None:
    soon = timezone.now() + timedelta(hours=1)
    scopes = ["token.own", "ticket.read"]
    _, text = create_token(user=world.people["admin"], name="n", scopes=scopes, expires_at=soon)
    client = bearer(text)
    refused = client.post("/api/v1/tokens/", {"name": "wider", "scopes": ["user.edit"]})
    assert (refused.status_code, refused.json()["errors"]) == (400, {"scopes": ["user.edit"]})
    made = client.post("/api/v1/tokens/", {"name": "same", "scopes": ["ticket.read"]}).json()
    assert find_token(made["token"]) is not None
    assert find_token(made["token"], now=soon) is None


def test_own_tokens_are_listed_and_revoked_others_are_not_found(world: World) -> None:
    row, _ = create_token(user=world.people["lead"], name="of the lead", scopes=["ticket.read"])
    agent = client_of(world.people["agent"])
    listed = agent.get("/api/v1/tokens/").json()["results"]
    assert [one["name"] for one in listed] == ["test"]
    assert set(listed[0]) == {
        "lookup",
        "name",
        "kind",
        "scopes",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    }
    assert agent.delete(f"/api/v1/tokens/{row.lookup}/").status_code == 404
    assert client_of(world.people["lead"]).delete(f"/api/v1/tokens/{row.lookup}/").status_code == 204
    row.refresh_from_db()
    assert row.revoked_at is not None


# -------------------------------------------------------------------------------------------------------------- session
def test_the_session_needs_the_csrf_token_for_writes_and_a_bearer_token_does_not(world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.people["agent"])
    assert browser.get(TICKETS).status_code == 200
    body = json.dumps({"id": "1", "subject": "slow"})
    refused = browser.post(TICKETS, body, content_type="application/json")
    assert (refused.status_code, refused["Content-Type"]) == (403, PROBLEM)
    _, text = create_token(user=world.people["agent"], name="n", scopes=["ticket.create"])
    program = Client(enforce_csrf_checks=True, headers={"authorization": f"Bearer {text}"})
    assert program.post(TICKETS, body, content_type="application/json").status_code == 201


# ------------------------------------------------------------------------------------------------------------- problems
@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status", "code"),
    [
        ("get", "tickets/TK-0/", None, "", 404, "not_found"),
        ("get", "nothing/", None, "", 404, "not_found"),
        ("get", "tickets", None, "", 404, "not_found"),
        ("post", "tickets", "{}", "application/json", 404, "not_found"),
        ("delete", "tickets/TK-10134/", None, "", 405, "method_not_allowed"),
        ("put", "tickets/", "{}", "application/json", 405, "method_not_allowed"),
        ("options", "tickets/", None, "", 405, "method_not_allowed"),
        ("post", "tickets/", "a=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("post", "tickets/", "<a/>", "text/xml", 415, "unsupported_media_type"),
        ("post", "tickets/", "{", "application/json", 400, "malformed"),
        ("post", "tickets/", '{"id": NaN}', "application/json", 400, "malformed"),
        ("post", "tickets/", b'{"id": "\xff"}', "application/json", 400, "malformed"),
        ("post", "tickets/", '{"id":' * 3000, "application/json", 400, "malformed"),
        ("post", "tickets/", "[" * 100 + "]" * 100, "application/json", 400, "malformed"),
        ("post", "tickets/", "[]", "application/json", 400, "invalid_input"),
        ("post", "tickets/", '{"id": "1", "helpdesk": "nothing"}', "application/json", 400, "invalid_input"),
        ("post", "tickets/", '{"id": "1", "helpdesk": []}', "application/json", 201, ""),
        ("post", "tickets/", '{"id": "1", "helpdesk": 7}', "application/json", 400, "invalid_input"),
        (
            "post",
            "tickets/",
            '{"id": "1", "description": "' + "x" * 2_600_000 + '"}',
            "application/json",
            413,
            "body_too_large",
        ),
        ("patch", "tickets/TK-10134/", '{"customer": "nobody"}', "application/json", 400, "invalid_input"),
        ("patch", "tickets/TK-10134/", '{"owner": "outsider"}', "application/json", 400, "invalid_input"),
        ("patch", "tickets/TK-10134/", '{"claims": [{"claim_id": 1e400}]}', "application/json", 400, "invalid_input"),
        ("get", "tickets/?stauts=received", None, "", 400, "invalid_input"),
        ("get", "tickets/?status=nonsense", None, "", 400, "invalid_input"),
        ("get", "tickets/?opened_after=yesterday", None, "", 400, "invalid_input"),
        ("get", "tickets/?q=%00", None, "", 400, "malformed"),
        ("get", "tickets/?cursor=nonsense", None, "", 400, "malformed"),
        ("get", "tickets/?cursor=cD14eHg%3D", None, "", 400, "malformed"),
        ("get", "investigations/?cursor=cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk%3D", None, "", 200, ""),
        ("get", "investigations/INV-99999999999999999/", None, "", 404, "not_found"),
        ("get", "investigations/INV-1%00/", None, "", 404, "not_found"),
        ("post", "investigations/INV-0/cancel/", "", "application/json", 404, "not_found"),
    ],
)
def test_every_error_is_a_problem_with_a_stable_code(
    world: World, method: str, path: str, body: Any, kind: str, status: int, code: str
) -> None:
    client = client_of(world.people["admin"])
    extra = {"data": body, "content_type": kind} if body is not None else {}
    response = getattr(client, method)(f"/api/v1/{path}", **extra)
    assert response.status_code == status, response.content[:300]
    if code:
        problem = response.json()
        assert (problem["code"], problem["status"], response["Content-Type"]) == (code, status, PROBLEM)
        assert problem["type"] == f"urn:altor:problem:{code}"


def test_a_method_that_is_not_allowed_names_those_that_are(admin_api: APIClient) -> None:
    assert admin_api.delete(f"{TICKETS}TK-10134/")["Allow"] == "GET, HEAD, PATCH"


def test_an_answer_that_is_not_json_is_not_acceptable(admin_api: APIClient) -> None:
    response = admin_api.get(TICKETS, HTTP_ACCEPT="text/html")
    assert (response.status_code, response["Content-Type"]) == (406, PROBLEM)


def test_what_nobody_foresaw_tells_nothing_but_a_request_id(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from investigations.api import tickets

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("password=hunter2 in the database address")

    monkeypatch.setattr(tickets, "upsert_ticket", fail)
    client = client_of(world.people["admin"])
    client.raise_request_exception = False
    response = client.post(TICKETS, {"id": "1"})
    assert (response.status_code, response["Content-Type"]) == (500, PROBLEM)
    assert response.json()["code"] == "internal_error"
    assert "hunter2" not in response.content.decode()
    assert response.json()["request_id"]


def test_answers_are_not_stored_by_browsers_and_proxies(admin_api: APIClient) -> None:
    assert admin_api.get(TICKETS)["Cache-Control"] == "no-store"


# --------------------------------------------------------------------------------------------------------------- limits
def test_beyond_the_rate_a_token_waits_and_others_do_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from rest_framework.settings import api_settings

    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "token", "3/min")
    mine, another = client_of(world.people["agent"]), client_of(world.people["agent"])
    with time_machine.travel(timezone.now(), tick=False):  # the minute that is counted must not end meanwhile
        codes = [mine.get(TICKETS).status_code for _ in range(4)]
        refused = mine.get(TICKETS)
    assert codes == [200, 200, 200, 429]
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert (refused.json()["code"], refused["Content-Type"]) == ("rate_limited", PROBLEM)
    assert another.get(TICKETS).status_code == 200


def test_pages_follow_each_other_without_gap_or_repeat(world: World, admin_api: APIClient) -> None:
    team, at = world.ours, timezone.now()
    Ticket.objects.bulk_create(
        Ticket(ref=f"TK-{n}", external_id=str(n), team=team, opened_at=at - timedelta(seconds=n // 3))
        for n in range(25)
    )
    seen: list[str] = []
    address: str | None = f"{TICKETS}?limit=7"
    while address:
        page = admin_api.get(address).json()
        seen += [ticket["ref"] for ticket in page["results"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == 27


# ---------------------------------------------------------------------------------------------------------- idempotency
def test_the_same_key_and_body_are_carried_out_once_and_answered_the_same(agent_api: APIClient) -> None:
    body = {"verdict": "corrected", "comment": "it was the cache"}
    path = "/api/v1/investigations/{}/feedback/".format(
        agent_api.get("/api/v1/investigations/").json()["results"][0]["ref"]
    )
    first = agent_api.post(path, body, HTTP_IDEMPOTENCY_KEY="k1")
    again = agent_api.post(path, body, HTTP_IDEMPOTENCY_KEY="k1")
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again["Idempotency-Replayed"] == "true"
    assert len(agent_api.get(path.removesuffix("feedback/")).json()["feedback"]) == 1
    other = agent_api.post(path, {**body, "comment": "no"}, HTTP_IDEMPOTENCY_KEY="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_an_answer_with_a_secret_is_repeated_and_lies_encrypted(world: World, admin_api: APIClient) -> None:
    bodies = {
        "tokens/": {"name": "n", "scopes": ["ticket.read"]},
        "outbound/endpoints/": {
            "title": "Bot", "url": "https://hooks.altor.example/in", "event_types": ["run.finished"],
        },
    }  # fmt: skip
    for path, body in bodies.items():
        first, again = (admin_api.post(f"/api/v1/{path}", body, HTTP_IDEMPOTENCY_KEY=path) for _ in range(2))
        assert (first.status_code, again.json()) == (201, first.json())
        secret = first.json().get("token") or first.json()["secret"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT response::text FROM altor_idempotencyrecord WHERE key = %s", [path])
            assert secret not in cursor.fetchone()[0]


def test_a_failed_request_frees_its_key(agent_api: APIClient) -> None:
    assert agent_api.post(TICKETS, {"id": ""}, HTTP_IDEMPOTENCY_KEY="k").status_code == 400
    assert agent_api.post(TICKETS, {"id": "1"}, HTTP_IDEMPOTENCY_KEY="k").status_code == 201
    assert agent_api.post(TICKETS, {"id": "2"}, HTTP_IDEMPOTENCY_KEY="x" * 201).status_code == 400


def test_keys_of_two_people_do_not_meet(world: World) -> None:
    for name in ("agent", "lead"):
        answer = client_of(world.people[name]).post(TICKETS, {"id": name}, HTTP_IDEMPOTENCY_KEY="k")
        assert answer.status_code == 201


def test_a_key_under_way_is_a_conflict_until_it_is_abandoned(world: World) -> None:
    agent = world.people["agent"]
    client = client_of(agent)
    client.post(TICKETS, {"id": "1"}, HTTP_IDEMPOTENCY_KEY="k")
    IdempotencyRecord.objects.update(status=None, response=None)
    assert client.post(TICKETS, {"id": "1"}, HTTP_IDEMPOTENCY_KEY="k").status_code == 409
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    assert client.post(TICKETS, {"id": "1"}, HTTP_IDEMPOTENCY_KEY="k").status_code == 200
