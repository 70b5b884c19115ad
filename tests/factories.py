"""Small builders of rows for tests: everything has a default, names say what they are, nothing is random."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from altor.models import (
    InboundEndpoint,
    InboundEvent,
    OutboundAttempt,
    OutboundDelivery,
    OutboundEndpoint,
    Team,
    User,
)
from altor.models.people import Membership
from investigations.models import Connection, Customer, Evidence, Investigation, PlaybookVersion, StepResult, Ticket
from knowledge.models import Reply, ReplyTemplate, ReplyTemplateVersion

_count = itertools.count(1)
#: When the scene of `finished_run` plays.
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
#: A run whose first look spoke for another playbook than the ticket's words.
ROUTE = {
    "how": "triage", "began": "latency", "playbook": "rate_limit", "shares": {"rate_limit": 0.9, "latency": 0.1},
    "reasons": ["43% of the customer's requests are rejected with 429"],
}  # fmt: skip


def team(name: str = "Support", **values: Any) -> Team:
    slug = name.lower().replace(" ", "-")
    found, _ = Team.objects.get_or_create(slug=slug, defaults={"name": name, **values})
    return found


def user(name: str = "", *, role: str = "agent", teams: tuple[Team, ...] = (), **values: Any) -> User:
    name = name or f"person{next(_count)}"
    person = User(username=name, email=f"{name}@altor.example", role=role, **values)
    person.set_password("obviously-fake-password")
    person.is_staff = role == "admin"
    person.save()
    Membership.objects.bulk_create([Membership(user=person, team=item) for item in teams])
    return person


def customer(org_id: str = "", **values: Any) -> Customer:
    org_id = org_id or f"org_{next(_count):04d}"
    defaults = {"name": f"Northwind {org_id}", "domains": [f"{org_id.replace('_', '-')}.example"], "plan": "growth"}
    return Customer.objects.create(org_id=org_id, **{**defaults, **values})


def ticket(*, in_team: Team | None = None, **values: Any) -> Ticket:
    number = str(next(_count) + 700_000)  # away from the references that tests write out
    defaults: dict[str, Any] = {
        "ref": f"TK-{number}",
        "external_id": number,
        "subject": "Many 429 answers since this morning",
        "description": "Since about 10:00 UTC half of our calls to GET /v2/orders are refused with 429.",
        "opened_at": NOON - timedelta(minutes=30),
        "incident_class": "rate_limit",
        "status": Ticket.Status.CLASSIFIED,
        "class_why": {"how": "rules", "reasons": ["The text says “429”."], "scores": {"rate_limit": 3.0}},
        "team": in_team or team(),
        "version": 1,
    }
    return Ticket.objects.create(**{**defaults, **values})


def playbook(key: str = "rate_limit", *, is_active: bool = True, version: int = 1, **document: Any) -> PlaybookVersion:
    """A tiny valid playbook: two queries and a question to a person."""
    body = {
        "apiVersion": "altor/v1",
        "kind": "Playbook",
        "key": key,
        "title": "Requests rejected with 429",
        "class": "rate_limit",
        "description": "Three things decide most of these tickets. **Read the quota** from the rejected requests.",
        "match": [{"words": ["429"]}],
        "inputs": {"org_id": {"title": "The customer's id", "required": True}},
        "steps": [
            {
                "id": "traffic", "title": "Rejections and traffic", "question": "What share is rejected?",
                "source": "clickhouse", "query": "SELECT 1", "required_before": ["reply", "escalation"],
            },
            {
                "id": "deployments", "title": "Deployments near the onset", "question": "Was something deployed?",
                "source": "github", "operation": "deployments", "required_before": ["escalation"],
            },
            {
                "id": "confirm", "title": "Did the customer start a new job?", "question": "Ask the customer.",
                "source": "manual", "manual": {"ask": "Did a new job start?", "answer": "yes_no"},
            },
        ],
        "symptom": {"gate": "true", "title": "Requests are rejected"},
        "hypotheses": [
            {
                "label": "rl.limiter_deploy", "title": "A deployment changed the limiter",
                "signals": [{"when": "true", "for": "strong", "says": "A deployment went live before the onset"}],
            },
            {
                "label": "rl.retry_storm", "title": "The client retries at once",
                "signals": [{"when": "false", "for": "moderate", "says": "Many requests are repeats"}],
            },
        ],
        **document,
    }  # fmt: skip
    return PlaybookVersion.objects.create(
        key=key,
        version=version,
        title=body["title"],
        incident_class=body["class"],
        source_yaml=f"# {key} v{version}\napiVersion: altor/v1\nkey: {key}\n",
        document=body,
        sha256=f"{key}{version}".encode().hex().ljust(64, "0")[:64],
        is_active=is_active,
    )


def run(of: Ticket | None = None, *, status: str = "queued", **values: Any) -> Investigation:
    of = of or ticket()
    book = (
        values.pop("playbook", None) or PlaybookVersion.objects.active().filter(key="rate_limit").first() or playbook()
    )
    defaults: dict[str, Any] = {"event_key": f"test:{next(_count)}", "as_of": NOON, "status": status, "playbook": book}
    return Investigation.objects.create(ticket=of, **{**defaults, **values})


def step(of: Investigation, step_id: str, position: int, **values: Any) -> StepResult:
    planned = next((s for s in of.playbook.document["steps"] if s["id"] == step_id), {}) if of.playbook else {}
    defaults: dict[str, Any] = {
        "title": planned.get("title", step_id),
        "source": planned.get("source", "clickhouse"),
        "status": StepResult.Status.DONE,
        "seconds": 0.4,
    }
    return StepResult.objects.create(investigation=of, step_id=step_id, position=position, **{**defaults, **values})


def evidence(of: StepResult, ref_id: str, **values: Any) -> Evidence:
    defaults: dict[str, Any] = {
        "source": of.source,
        "kind": "status_429_share",
        "title": "Share of requests rejected with 429",
        "summary": "43% of this customer's requests are rejected with 429 (8,412 of 19,563); before 3.1%.",
        "verdict": "abnormal",
        "at": NOON - timedelta(hours=2),
        "fetched_at": NOON,
        "sha256": "0" * 64,
    }
    return Evidence.objects.create(investigation=of.investigation, step=of, ref_id=ref_id, **{**defaults, **values})


QUERY = {
    "source": "clickhouse", "method": "QUERY", "status": 200, "seconds": 0.42, "rows": 3, "read_rows": 120_431,
    "target": "SELECT toStartOfHour(ts) AS h, countIf(status = 429) / count() AS rate\nFROM requests\n"
    "WHERE tenant = {tenant:String}\nGROUP BY h ORDER BY h",
    "params": {"tenant": "org_0042"}, "started_at": "2026-05-01T12:00:00Z", "attempt": 1, "request_id": "q-1",
}  # fmt: skip


def candidate(label: str, title: str, confidence: float, **values: Any) -> dict[str, Any]:
    return {
        "label": label, "title": title, "confidence": confidence, "band": "High" if confidence >= 0.75 else "Low",
        "why": [], "against": [], "not_checked": [], "confirm": "", "caps": [], "log_odds": 1.0, **values,
    }  # fmt: skip


def diagnosis(**values: Any) -> dict[str, Any]:
    return {
        "class": "rate_limit",
        "as_of": "2026-05-01T12:00:00Z",
        "candidates": [
            candidate(
                "rl.limiter_deploy", "A deployment changed the limiter", 0.86,
                why=[
                    {"evidence": "E2", "effect": "+2.5", "says": "A deployment went live 14 min before the onset"},
                    {"evidence": "E1", "effect": "+1.9", "says": "Quotas fell for everybody"},
                ],
                against=[{"evidence": "E1", "effect": "-0.7", "says": "Other tenants are hit less"}],
                not_checked=[{"says": "No bug is known", "steps": ["issues"], "decisive": False}],
                confirm="Roll the limiter back in staging and compare.",
            ),
            candidate(
                "rl.retry_storm", "The client retries at once", 0.07,
                against=[{"evidence": "E1", "effect": "-1.5", "says": "Few requests are repeats"}],
            ),
        ],
        "culprit": {"kind": "deployment", "id": "7f3c9a1", "url": "https://github.example/acme/api/commit/7f3c9a1"},
        "scope": {"kind": "all", "value": None},
        "onset": "2026-05-01T10:02:00Z",
        "onset_between": ["2026-05-01T09:12:00Z", "2026-05-01T10:47:00Z"],
        "escalate": True,
        "severity": "SEV2",
        "severity_why": "Many customers are affected.",
        "unavailable": ["linear"],
        "missing": ["Known bugs could not be checked (linear): no answer within 5 s"],
        "evidence": [],
        "ruled_out": ["The customer's own traffic did not change", "The plan was not changed"],
        "next_steps": ["Ask API Platform to roll 7f3c9a1 back", "Tell the customer to retry after 2 s"],
        "reply_draft": "Hello,\n\nsince 10:02 UTC a part of your requests to GET /v2/orders is refused.\n\nRegards",
        "playbook": "rate_limit",
        "summary": "A deployment changed the limiter: quotas fell for everybody 14 min after 7f3c9a1 went live.",
        "caps": [],
        "symptom": {"title": "Requests are rejected", "found": "yes"},
        **values,
    }  # fmt: skip


def affected(*org_ids: str, total: int = 0, unit: str = "%") -> dict[str, Any]:
    """Of a diagnosis: the other customers that show it, the first one most."""
    found = [
        {"org_id": org_id, "value": round(0.6 / (n + 1), 4), "before": 0.01 if n % 2 else None, "n": 1800.0 / (n + 1)}
        for n, org_id in enumerate(org_ids)
    ]
    return {
        "step": "traffic", "what": "requests rejected with 429", "unit": unit, "since": "2026-05-01T10:02:00Z",
        "total": total or len(found), "customers": found,
    }  # fmt: skip


def finished_run(of: Ticket | None = None, **values: Any) -> Investigation:
    """A run as it looks when it is done: three steps, a source that failed, evidence with figures, a full diagnosis."""
    defaults = {
        "status": "done", "top_label": "rl.limiter_deploy", "confidence": 0.86, "severity": "SEV2", "seconds": 2.31,
        "upstream_seconds": 2.02, "started_at": NOON, "finished_at": NOON + timedelta(seconds=2), "attempt": 1,
        "result_hash": "a" * 64, "live_version": 9, "route": ROUTE, "diagnosis": diagnosis(),
    }  # fmt: skip
    found = run(of, **{**defaults, **values})
    traffic = step(found, "traffic", 1, verdict="abnormal", result="43% rejected, before 3.1%")
    deployments = step(
        found, "deployments", 2, verdict="abnormal", result="7f3c9a1, 14 min before the onset", seconds=0.9
    )
    step(found, "confirm", 3, status="asked", result="Did a new job start?", seconds=None)
    step(
        found, "issues", 4, title="Known bugs", source="linear", status="unavailable", error_kind="timeout",
        error="Linear: no answer within 5 s", seconds=5.0,
    )  # fmt: skip
    evidence(
        traffic, "E1", requests=[QUERY], columns=["h", "rate", "note"], row_count=3,
        rows=[["05-01 09:00", 0.031, None], ["05-01 10:00", 0.22, "rising"], ["05-01 11:00", 0.43, None]],
        figures={
            "value": 0.43, "baseline": 0.031, "threshold": 0.05, "maximum": 1.0, "unit": "%", "numerator": 8412,
            "denominator": 19563, "series": [0.03, 0.028, 0.031, 0.029, 0.08, 0.15, 0.22, 0.36, 0.43],
        },
    )  # fmt: skip
    evidence(
        deployments, "E2", kind="deployment", title="Deployment 7f3c9a1 “limiter: token bucket rewrite”", verdict="",
        summary="The first rise follows this deployment by 14 min.", at=NOON - timedelta(hours=2, minutes=12),
        ref={"sha": "7f3c9a1"}, url="https://github.example/acme/api/commit/7f3c9a1",
    )  # fmt: skip
    evidence(
        deployments, "E3", kind="pull", title="Pull request 891 in review", verdict="normal", at=None,
        summary="2 of 2 checks green, 1 of 2 approvals.", ref={"number": 891},
    )  # fmt: skip
    return found


def connection(source: str = "github", **values: Any) -> Connection:
    defaults: dict[str, Any] = {
        "base_url": "https://api.github.com", "secret": "obviously-fake-token-1234", "health": "ok", "latency_ms": 84,
        "checked_at": timezone.now(), "last_ok_at": timezone.now(),
        "scopes": [{"name": "contents:read", "writes": False}],
    }  # fmt: skip
    return Connection.objects.create(source=source, **{**defaults, **values})


def inbound_event(**values: Any) -> InboundEvent:
    endpoint, _ = InboundEndpoint.objects.get_or_create(
        source="generic", connection="main", defaults={"title": "Scripts"}
    )
    defaults: dict[str, Any] = {
        "endpoint": endpoint, "delivery_key": f"msg_{next(_count)}", "kind": "ticket.created",
        "body": {"id": "77", "subject": "Help"}, "headers": {"webhook-id": "msg_1"}, "received_at": timezone.now(),
    }  # fmt: skip
    return InboundEvent.objects.create(**{**defaults, **values})


def outbound_endpoint(**values: Any) -> OutboundEndpoint:
    defaults: dict[str, Any] = {
        "slug": "warehouse", "title": "Warehouse", "url": "https://hooks.altor.example/in",
        "secrets": "whsec_b2J2aW91c2x5LWZha2Utc2VjcmV0", "event_types": ["run.finished"],
    }  # fmt: skip
    return OutboundEndpoint.objects.create(**{**defaults, **values})


def outbound_delivery(of: OutboundEndpoint, **values: Any) -> OutboundDelivery:
    """A delivery that failed, with its only try."""
    defaults: dict[str, Any] = {
        "endpoint": of, "message_id": "msg_00ff", "event_type": "run.finished", "key": "run:INV-7", "status": "failed",
        "payload": {"type": "run.finished", "timestamp": "2026-05-01T12:00:00.000Z", "data": {"ticket": "TK-1"}},
        "reason": "It answered 500. Given up after 8 tries.", "attempts": 8, "tries": 8, "not_before": NOON,
        "queued_at": NOON, "created_at": NOON, "ended_at": NOON,
    }  # fmt: skip
    made = OutboundDelivery.objects.create(**{**defaults, **values})
    OutboundAttempt.objects.create(
        delivery=made, number=made.attempts, started_at=NOON, ended_at=NOON, status=500, latency_ms=84,
        error="It answered 500", answer="<script>window.hacked=1</script> upstream timed out",
    )  # fmt: skip
    return made


def reply_template(key: str = "any-cause-en", *, number: int = 1, **values: Any) -> ReplyTemplateVersion:
    """A version in force of a template; its case comes from `values`, its words too."""
    case = {
        name: values.pop(name) for name in ("kind", "incident_class", "label", "language", "tone") if name in values
    }
    template, _ = ReplyTemplate.objects.get_or_create(key=key, defaults={"title": values.pop("title", key), **case})
    template.versions.update(is_active=False)
    words = {
        "greeting": "Hello {customer_name},", "observed": "It began at {since}.", "scope": "{cause_scope}",
        "next_step": "{cause_next_step}", "eta": "{cause_eta} You will hear from us again by {next_update}.",
        "closing": "Kind regards\n{agent}",
    }  # fmt: skip
    sha256 = f"{key}{number}".encode().hex().ljust(64, "0")[:64]
    return template.versions.create(number=number, is_active=True, sha256=sha256, **{**words, **values})


def reply(of: Ticket, **values: Any) -> Reply:
    """A reply that went out as it was drafted."""
    defaults: dict[str, Any] = {
        "status": "sent", "how": "typed", "draft_text": "Hello Noor,", "text": "Hello Noor,", "similarity": 1.0,
        "saved_at": NOON, "sent_at": NOON,
    }  # fmt: skip
    return Reply.objects.create(ticket=of, **{**defaults, **values})
