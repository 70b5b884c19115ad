"""Inbound events: verified, stored before answered, worked once, retried, parked, replayed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from standardwebhooks.webhooks import Webhook

from altor.models import InboundEndpoint, InboundEvent
from altor.signatures import SignatureRefused, verify
from investigations.models import InboundRefusal, Investigation, PlaybookVersion, Ticket
from investigations.services import inbound
from investigations.services.endpoints import create_endpoint, drop_old_secrets, rotate_secret
from investigations.services.inbound import (
    MAX_TRIES,
    InboundHandler,
    process_event,
    process_waiting,
    replay_event,
    sweep_inbound,
)
from tests.api.conftest import SECRET, World

ADDRESS = "/api/v1/hooks/generic/desk/"
VECTORS = json.loads((Path(__file__).parents[1] / "contracts" / "webhook-signature-vectors.json").read_text())
SIGNED_AT = datetime(2026, 11, 23, 7, 0, 10, tzinfo=UTC)


def event(number: int = 901, kind: str = "ticket.created", at: str = "", **ticket: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"type": kind, "data": {"id": number, "subject": "API is slow", **ticket}}
    return body | ({"timestamp": at} if at else {})


def post(body: Any, *, key: str = "msg_1", secret: str = SECRET, at: datetime | None = None, **headers: str) -> Any:
    raw = body if isinstance(body, str) else json.dumps(body)
    at = at or timezone.now()
    signature = Webhook(secret).sign(key, at, raw)
    given = {
        "webhook-id": key,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
        **headers,
    }
    return Client().post(ADDRESS, raw, content_type="application/json", headers=given)


def only_event() -> InboundEvent:
    return InboundEvent.objects.exclude(delivery_key="d1").get()


# ----------------------------------------------------------------------------------------------------------- signatures
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['provider']}-{len(vector['body'])}")
def test_the_published_vectors_verify_and_a_flipped_byte_does_not(vector: dict[str, Any]) -> None:
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    body, secrets = vector["body"].encode(), ["another", vector["secret"]]
    if vector["provider"] == "stripe":
        secrets = [vector["secret"]]
    verify(vector["provider"], secrets, headers, body, now=SIGNED_AT)
    with pytest.raises(SignatureRefused):
        verify(vector["provider"], secrets, headers, body + b" ", now=SIGNED_AT)
    with pytest.raises(SignatureRefused):
        verify(vector["provider"], ["another"], headers, body, now=SIGNED_AT)
    with pytest.raises(SignatureRefused):
        verify(vector["provider"], secrets, {}, body, now=SIGNED_AT)
    with pytest.raises(SignatureRefused):
        verify(vector["provider"], [], headers, body, now=SIGNED_AT)


@pytest.mark.parametrize("provider", ["zendesk", "chatwoot", "front_application", "linear", "stripe"])
@pytest.mark.parametrize("shift", [timedelta(minutes=-6), timedelta(minutes=6)])
def test_a_signed_time_of_long_ago_or_of_the_future_is_refused(provider: str, shift: timedelta) -> None:
    vector = next(vector for vector in VECTORS if vector["provider"] == provider)
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    with pytest.raises(SignatureRefused, match="a minute" if provider == "linear" else "five minutes"):
        verify(provider, [vector["secret"]], headers, vector["body"].encode(), now=SIGNED_AT + shift)


pytestmark_db = pytest.mark.django_db


@pytestmark_db
@pytest.mark.parametrize(
    "broken",
    [
        {"webhook-signature": "v1," + base64.b64encode(b"0" * 32).decode()},
        {"webhook-signature": "v1,not base64!"},
        {"webhook-signature": "no comma"},
        {"webhook-signature": "v1a," + "A" * 44},
        {"webhook-signature": ""},
        {"webhook-id": ""},
        {"webhook-id": "another"},
        {"webhook-timestamp": "yesterday"},
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "99999999999999999999"},
    ],
)
def test_a_bad_signature_is_refused_and_leaves_nothing(world: World, broken: dict[str, str]) -> None:
    response = post(event(), **broken)
    assert response.status_code == 401
    assert response.json()["code"] == "signature_invalid"
    assert InboundEvent.objects.count() == 1


@pytestmark_db
def test_stale_and_future_deliveries_are_refused(world: World) -> None:
    now = timezone.now()
    assert post(event(), at=now - timedelta(minutes=6)).status_code == 401
    assert post(event(), at=now + timedelta(minutes=6)).status_code == 401
    assert post(event(), at=now - timedelta(minutes=4)).status_code == 202


@pytestmark_db
def test_the_former_secret_works_until_it_is_dropped(world: World) -> None:
    fresh = rotate_secret(world.endpoint, actor=None)
    assert post(event(), key="a", secret=fresh).status_code == 202
    assert post(event(), key="b", secret=SECRET).status_code == 202
    drop_old_secrets(world.endpoint, actor=None)
    assert post(event(), key="c", secret=SECRET).status_code == 401
    assert post(event(), key="d", secret=fresh).status_code == 202


@pytestmark_db
def test_unknown_endpoints_and_endpoints_switched_off_look_alike(world: World) -> None:
    InboundEndpoint.objects.filter(pk=world.endpoint.pk).update(is_active=False)
    assert post(event()).status_code == 404
    assert Client().post("/api/v1/hooks/generic/none/", "{}", content_type="application/json").status_code == 404
    assert Client().get(ADDRESS).status_code == 405


@pytestmark_db
def test_guessing_signatures_is_slowed_down_and_good_ones_are_not(world: World) -> None:
    # The limit counts per minute: a slow machine needs more tries, because minutes pass meanwhile.
    codes = []
    while 429 not in codes and len(codes) < 600:
        codes.append(post(event(), **{"webhook-signature": "v1,AAAA"}).status_code)
    assert (codes[0], codes[-1]) == (401, 429)
    refused = post(event(), **{"webhook-signature": "v1,AAAA"})
    assert int(refused["Retry-After"]) > 0
    assert post(event()).status_code == 202


@pytestmark_db
@pytest.mark.parametrize("body", ["", "nonsense", "[]", '"text"', "null", '{"a":' * 2000, '{"a": NaN}'])
def test_what_is_no_json_object_is_refused(world: World, body: str) -> None:
    response = post(body)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


@pytestmark_db
def test_a_huge_body_is_refused_unread(world: World) -> None:
    assert post(event(description="x" * 1_100_000)).status_code == 413


# -------------------------------------------------------------------------------------------------------------- working
@pytestmark_db
def test_an_event_is_stored_redacted_and_answered_before_it_is_worked(world: World) -> None:
    secret = "sk_live_" + "0fake0" * 4
    requester = {"name": "Eve", "email": "eve@copperlane.eu"}
    response = post(event(description=f"key {secret} of eve@x.example", requester=requester))
    assert (response.status_code, response.json()) == (202, {"status": "received"})
    stored = only_event()
    assert stored.status == "received"
    assert secret not in json.dumps(stored.body)
    assert "eve@x.example" not in json.dumps(stored.body)
    assert stored.body["data"]["requester"]["email"] == "eve@copperlane.eu"
    assert "webhook-signature" not in stored.headers
    assert not Ticket.objects.filter(external_id="901").exists()


@pytestmark_db
def test_a_repeated_delivery_answers_200_and_does_nothing(world: World) -> None:
    assert post(event()).status_code == 202
    again = post(event())
    assert (again.status_code, again.json()) == (200, {"status": "known"})
    assert InboundEvent.objects.count() == 2


@pytestmark_db
def test_a_new_ticket_starts_its_investigation_once(world: World) -> None:
    post(event())
    worked = process_event(only_event().pk)
    assert worked is not None
    assert (worked.status, worked.result_ref) == ("done", "TK-901")
    run = Investigation.objects.get(ticket__ref="TK-901")
    assert (run.trigger, run.status) == ("ticket", "queued")
    assert run.event_key.startswith("ticket:TK-901:")
    assert process_event(worked.pk) is None


@pytestmark_db
def test_the_switch_starts_nothing(world: World, settings: Any) -> None:
    settings.AUTO_INVESTIGATE = False
    post(event(902), key="b")
    process_event(InboundEvent.objects.get(delivery_key="b").pk)
    assert Ticket.objects.filter(external_id="902").exists()
    assert not Investigation.objects.filter(ticket__external_id="902").exists()


@pytestmark_db
def test_a_question_how_something_is_done_gets_a_first_look_only(world: World) -> None:
    post(event(901, subject="How do I add a colleague?"), key="a")
    process_event(only_event().pk)
    run = Investigation.objects.get(ticket__ref="TK-901")
    assert (run.trigger, run.playbook.key) == ("ticket", "triage")


@pytestmark_db
def test_without_a_playbook_for_it_a_ticket_starts_nothing(world: World) -> None:
    PlaybookVersion.objects.filter(key="triage").update(is_active=False)
    post(event(901, subject="How do I add a colleague?"), key="a")
    worked = process_event(only_event().pk)
    assert worked is not None and worked.status == "done"
    assert not Investigation.objects.filter(ticket__external_id="901").exists()


@pytestmark_db
def test_an_unchanged_ticket_starts_no_second_run_and_a_changed_one_does(world: World) -> None:
    for key, text in (("a", "since 09:00"), ("b", "since 09:00"), ("c", "since 10:00")):
        post(event(description=text), key=key)
        process_event(InboundEvent.objects.get(delivery_key=key).pk)
        Investigation.objects.filter(ticket__ref="TK-901").update(status="done")
    assert Investigation.objects.filter(ticket__ref="TK-901").count() == 2


@pytestmark_db
def test_an_older_event_never_undoes_a_newer_one(world: World) -> None:
    post(event(subject="new", at="2026-05-01T10:05:00Z"), key="new")
    post(event(subject="old", at="2026-05-01T10:00:00Z"), key="old")
    for key in ("new", "old"):
        process_event(InboundEvent.objects.get(delivery_key=key).pk)
    assert Ticket.objects.get(ref="TK-901").subject == "new"
    late = InboundEvent.objects.get(delivery_key="old")
    assert (late.status, late.result_ref) == ("done", "TK-901")


@pytestmark_db
def test_a_late_event_still_tells_what_no_newer_one_has_told(world: World) -> None:
    post(
        {"type": "ticket.updated", "timestamp": "2026-05-01T10:05:00Z", "data": {"id": 901, "priority": "high"}},
        key="n",
    )
    post(event(subject="API is slow", at="2026-05-01T10:00:00Z", priority="low"), key="o")
    for key in ("n", "o"):
        process_event(InboundEvent.objects.get(delivery_key=key).pk)
    ticket = Ticket.objects.get(ref="TK-901")
    assert (ticket.subject, ticket.priority) == ("API is slow", "high")


@pytestmark_db
def test_what_nobody_handles_is_ignored_with_a_reason(world: World) -> None:
    post(event(kind="article.published"))
    worked = process_event(only_event().pk)
    assert worked is not None
    assert (worked.status, "article.published" in worked.reason) == ("ignored", True)


@pytestmark_db
@pytest.mark.parametrize("data", [{}, {"id": ""}, {"id": "../x"}, {"id": {}}, [], "text", None])
def test_what_holds_no_ticket_is_parked_at_once(world: World, data: Any) -> None:
    post({"type": "ticket.created", "data": data})
    worked = process_event(only_event().pk)
    assert worked is not None
    assert (worked.status, worked.attempts) == ("dead", 1)
    assert worked.reason


@pytestmark_db
def test_a_field_that_is_not_valid_costs_the_field_and_not_the_ticket(world: World) -> None:
    post(event(905, subject=7, requester={"email": "no address"}, tags=["api"]))
    worked = process_event(only_event().pk)
    assert worked is not None
    assert (worked.status, worked.result_ref) == ("done", "TK-905")
    assert Ticket.objects.get(ref="TK-905").tags == ["api"]


@pytestmark_db
def test_refused_deliveries_are_counted_where_they_were_refused(world: World) -> None:
    for _ in range(3):
        post(event(), secret="whsec_" + base64.b64encode(b"another obviously fake secret").decode())
    refusal = InboundRefusal.objects.get(endpoint=world.endpoint)
    assert refusal.count == 3
    assert refusal.reason


@pytestmark_db
def test_failures_are_tried_again_later_and_parked_in_the_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> Any:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(inbound, "parts", lambda setting: (InboundHandler("generic", fail),))
    post(event())
    pk, now, waits = only_event().pk, timezone.now(), []
    for _ in range(MAX_TRIES):
        worked = process_event(pk, now=now)
        assert worked is not None
        assert process_event(pk, now=now + timedelta(seconds=1)) is None  # not due yet, or over
        if worked.not_before is not None:
            waits.append(round((worked.not_before - now).total_seconds()))
            now = worked.not_before
    assert waits == [5, 20, 80, 320, 1280]
    dead = only_event()
    assert (dead.status, dead.attempts) == ("dead", MAX_TRIES)
    assert "RuntimeError" in dead.reason
    assert "disk" not in dead.reason  # details belong into the log
    monkeypatch.undo()
    replay_event(dead, actor=None)
    assert (only_event().status, only_event().attempts) == ("received", 0)
    worked = process_event(pk)
    assert worked is not None
    assert worked.status == "done"


@pytestmark_db
def test_a_try_that_killed_its_worker_is_counted_and_swept_up(world: World) -> None:
    post(event())
    pk, now = only_event().pk, timezone.now()
    for attempt in range(1, MAX_TRIES + 1):
        # What a killed worker leaves: the event taken, nothing worked.
        taken = {"attempts": attempt, "status": "retry", "not_before": now + timedelta(seconds=60)}
        InboundEvent.objects.filter(pk=pk).update(**taken)
    assert sweep_inbound(now=now) == 0
    assert sweep_inbound(now=now + timedelta(seconds=61)) == 1
    worked = process_event(pk, now=now + timedelta(seconds=61))
    assert worked is not None
    assert (worked.status, worked.reason) == ("dead", f"It ended its worker {MAX_TRIES} times.")


@pytestmark_db
def test_an_event_whose_queue_entry_was_lost_is_swept_up(world: World) -> None:
    post(event())
    assert sweep_inbound() == 0
    assert sweep_inbound(now=timezone.now() + timedelta(minutes=2)) == 1


@pytestmark_db
def test_in_a_burst_what_waits_is_worked_in_one_go_and_its_queue_entries_are_taken_back(world: World) -> None:
    for number in range(5):
        post(event(910 + number), key=f"burst-{number}")
    burst = InboundEvent.objects.filter(delivery_key__startswith="burst-")
    first = burst.order_by("pk").first()
    assert first is not None
    process_event(first.pk)
    assert process_waiting() == 4
    assert set(burst.values_list("status", "attempts")) == {("done", 1)}
    # The first one's own entry is being worked; of the others none is left to find nothing to do.
    left = OrmQ.objects.filter(pk__in=list(burst.values_list("queue_entry", flat=True)))
    assert list(left.values_list("pk", flat=True)) == [first.queue_entry]
    assert process_waiting() == 0


@pytestmark_db
def test_what_waits_for_its_next_try_is_not_taken_before(world: World) -> None:
    post(event())
    InboundEvent.objects.filter(delivery_key="msg_1").update(
        status="retry", attempts=1, not_before=timezone.now() + timedelta(minutes=1)
    )
    assert process_waiting() == 0


@pytestmark_db
def test_an_endpoint_of_another_vendor_is_verified_stored_and_ignored(world: World) -> None:
    vector = VECTORS[0]
    create_endpoint(source="github", connection="code", secret=vector["secret"], actor=None)
    body = json.dumps({"action": "opened"})
    signature = "sha256=" + hmac.new(vector["secret"].encode(), body.encode(), hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": signature, "x-github-delivery": "g1", "x-github-event": "issues"}
    response = Client().post("/api/v1/hooks/github/code/", body, content_type="application/json", headers=headers)
    assert response.status_code == 202
    stored = InboundEvent.objects.get(delivery_key="g1")
    assert stored.kind == "issues"
    worked = process_event(stored.pk)
    assert worked is not None
    assert worked.status == "ignored"


@pytestmark_db
def test_the_queue_finds_the_task_and_the_sweep(world: World, settings: Any) -> None:
    from django.utils.module_loading import import_string

    post(event())
    import_string(inbound.TASK)(only_event().pk)
    assert only_event().status == "done"
    assert "investigations.tasks.sweep_inbound" in settings.SWEEPS
    import_string("investigations.tasks.sweep_inbound")()
