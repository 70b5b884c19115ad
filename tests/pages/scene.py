"""A small installation in which every page has something to show, and the list of all pages."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.urls import reverse
from django.utils import timezone

from altor import events
from altor.audit import record_event
from altor.models import InboundEndpoint, InboundEvent, Notice, NoticeChannel, NoticeDelivery, Team, User
from altor.tokens import create_token
from escalations.models import ImportedCalendar, IssueLink, LinearConnection, SlaPolicyVersion, TrackedIssue
from escalations.oncall.editing import create_rotation
from escalations.oncall.format import read_form
from escalations.oncall.links import make_link
from escalations.oncall.overrides import add_override
from escalations.oncall.rotations import load_one
from escalations.oncall.swaps import ask_swap
from escalations.oncall.turns import turns
from escalations.ownership.format import form_of
from escalations.ownership.policies import load_library, save_policy
from escalations.ownership.standing import sweep as sweep_clocks
from investigations.automation.rules import read_rules
from investigations.models import (
    Backfill,
    Customer,
    Feedback,
    GateOverride,
    HelpdeskConnection,
    InboundRefusal,
    InstallationProfile,
    Investigation,
    PlaybookApproval,
    PlaybookDraft,
    PracticeTry,
    TextModel,
    Ticket,
    TicketClaim,
    Trial,
    TrialCase,
)
from investigations.services.automation import admit, decide
from investigations.services.automation_rules import save_rules
from investigations.services.automation_switch import switch_off
from investigations.services.briefs import brief
from investigations.services.playbooks import store_version
from investigations.textmodel.model import WordWeights
from investigations.widget import pairing
from knowledge.models import PromisedUpdate
from tests import factories as make
from tests.pages import scene_escalations, scene_handoffs, scene_incidents, scene_knowledge

#: A valid playbook file.
BOOK = """\
apiVersion: altor/v1
kind: Playbook
key: sample
title: Sample
class: latency
steps:
  - id: speed
    title: Speed
    question: Is it slow?
    source: clickhouse
    query: SELECT count() AS n FROM requests
    facts: {slow: "speed.row_count > 3.0"}
symptom: {gate: speed.slow, title: It is slow}
hypotheses:
  - label: lat.sample
    title: A cause
    signals:
      - {when: speed.slow, for: strong, says: "It is slow"}
"""
LONG = "Aufenthaltsgenehmigungsverlängerungsantragsformular_" * 4
#: Texts that a hostile customer, log line or issue title may hold.
PAYLOADS = (
    "<script>window.hacked=1</script>",
    '"><img src=x onerror=window.hacked=1>',
    "</textarea></title></style></script><svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "{{ 7*7 }} {% debug %} ${7*7}",
    "[click](javascript:window.hacked=1) ![i](https://evil.example/x.png)",
    "'-window.hacked=1-' \u202egnp.exe \u0000".replace("\u0000", ""),
)


@dataclass(frozen=True)
class Scene:
    team: Team
    admin: User
    lead: User
    agent: User
    engineer: User
    read_only: User
    outsider: User
    customer: Customer
    ticket: Ticket
    done: Investigation
    again: Investigation
    running: Investigation
    failed: Investigation

    @property
    def people(self) -> dict[str, User]:
        return {
            "admin": self.admin, "lead": self.lead, "agent": self.agent,
            "engineer": self.engineer, "read_only": self.read_only, "outsider": self.outsider,
        }  # fmt: skip


def build() -> Scene:
    support, other = make.team("Support", is_default=True), make.team("Elsewhere")
    admin = make.user("ada", role="admin", first_name="Ada", last_name="Admin")
    lead = make.user("lena", role="lead", teams=(support,), first_name="Lena", last_name="Lead")
    agent = make.user("priya", teams=(support,), first_name="Priya", last_name="N.")
    engineer = make.user("eric", role="engineer", teams=(support,))
    read_only = make.user("rosa", role="read_only", teams=(support,))
    outsider = make.user("otto", teams=(other,))
    who = make.customer("org_0042", name="Northwind Freight", stripe_customer="cus_fake0042", tier="enterprise")
    make.playbook()
    make.playbook(version=2, is_active=False)
    make_verdicts(support, lead)
    make_drafts(admin, lead)
    ticket = make.ticket(
        in_team=support, customer=who, owner=agent, status="diagnosed", tags=["rate-limit", "urgent"], priority="high",
        requester_name="Noor Example", requester_email="noor@northwind.example", url="https://helpdesk.example/t/1",
        customer_why={"how": "domain", "detail": "northwind.example is Northwind Freight’s.", "candidates": []},
    )  # fmt: skip
    for kind, value, quote in (
        ("endpoint", "GET /v2/orders", "our calls to GET /v2/orders"),
        ("onset", "2026-05-01T10:00:00Z", "Since about 10:00 UTC"),
        ("request_id", "req_8f3a91", ""),
    ):
        TicketClaim.objects.create(ticket=ticket, kind=kind, value=value, quote=quote)
    TicketClaim.objects.create(ticket=ticket, kind="error_code", value="429", is_active=False, edited_by=agent)
    others = [
        make.customer(f"org_a{n:02}", name=f"Invented {n} {LONG if n == 3 else ''}".strip()[:200], **revenue)
        for n in range(23)
        for revenue in [{"mrr_minor": 50_000 + 7_700 * n, "mrr_currency": "EUR"} if n % 4 else {}]
    ]
    make.ticket(in_team=support, customer=others[5], subject="429 here too")
    listed = make.affected(*(one.org_id for one in others), "org_unheard_of", total=31)
    done = make.finished_run(ticket, requested_by=agent, diagnosis=make.diagnosis(affected=listed))
    again = make.finished_run(ticket, previous=done, requested_by=agent)
    Investigation.objects.filter(pk=again.pk).update(result_hash="b" * 64)
    again.steps.filter(step_id="issues").update(status="done", verdict="normal", result="No open bug fits", error="")
    Feedback.objects.create(
        investigation=done, verdict="corrected", label="rl.retry_storm", comment="A new job.", user=agent
    )
    GateOverride.objects.create(
        investigation=again, gate="escalation", missing=["confirm"], reason="The customer is waiting.", user=lead
    )
    running = make.run(
        make.ticket(in_team=support, customer=who, owner=agent, subject=f"Slow {LONG}", incident_class="latency"),
        status="running", started_at=timezone.now(), requested_by=agent, live_version=3,
    )  # fmt: skip
    first = make.step(running, "traffic", 1, verdict="normal", result="0.2% rejected")
    make.evidence(first, "E1", verdict="normal", summary="0.2% are rejected.", at=None)
    make.step(running, "deployments", 2, status="running", seconds=None)
    failed = make.run(
        make.ticket(in_team=support, subject="", description="", incident_class="", status="received", class_why={}),
        status="failed", failure="Parked after 3 attempts: the worker was killed.", requested_by=agent,
        playbook=make.playbook("empty", is_active=False),
    )  # fmt: skip
    hostile = make.ticket(
        in_team=support, subject=PAYLOADS[0], description="\n".join(PAYLOADS), tags=list(PAYLOADS[:2]),
        requester_name=PAYLOADS[1], url="javascript:window.hacked=1",
    )  # fmt: skip
    make_hostile_run(hostile)
    for day in range(3):
        events.record(
            "run.finished",
            ticket_ref=ticket.ref,
            subject_ref=done.ref,
            at=make.NOON + timedelta(hours=day),
            actor=agent,
        )
    record_event(
        actor=admin,
        action="connection.changed",
        object_kind="connection",
        object_ref="github:main",
        before={"a": 1},
        after={"a": 2},
        reason="Rotation",
    )
    make.connection("github")
    make.connection(
        "stripe", base_url="https://api.stripe.com", health="refused", health_message="The key was refused (401).",
        warnings=["This key can write: use a restricted key."], scopes=[{"name": "charges", "writes": True}],
    )  # fmt: skip
    make.inbound_event(status="dead", reason="The payload names no ticket id.", attempts=5)
    make.inbound_event(status="done", result_ref=ticket.ref)
    make_outbound(admin)
    make_notices(support, admin)
    weights = WordWeights(
        ("latency", "none", "webhook"), {"brochure": 0, "courier": 1, "treacle": 2}, np.ones(3),
        np.eye(3)[[2, 0, 1]] * 3.0, np.zeros(3), np.eye(3, dtype=np.int64)[[2, 0, 1]] * 14,
    )  # fmt: skip
    counted = {"latency": (40, 20, 9, 17), "none": (61, 22, 22, 21), "webhook": (39, 18, 6, 16)}
    figures = {
        "learned": 140, "held": 60, "by_rules": 37, "with_model": 54, "only_model": 18, "only_rules": 1,
        "chance": 0.0001,
        "classes": {
            key: dict(zip(("learned", "held", "by_rules", "with_model"), four, strict=True))
            for key, four in counted.items()
        },
    }  # fmt: skip
    TextModel.objects.create(
        made_at=make.NOON, data_version="c" * 64, is_better=True, why="of 60 newer tickets it mends 18 and spoils 1",
        figures=figures, document=weights.as_document(), seconds=3.2, made_by=lead,
    )  # fmt: skip
    InstallationProfile.objects.create(data={"vendor": "Acme"}, comment="first", created_by=admin)
    create_token(user=agent, name="nightly export", scopes=["ticket.read", "run.read"])
    make_trials(done)
    make_automation(lead, ticket)
    make_helpdesks(lead)
    make_linear()
    make_replies(ticket, hostile, lead)
    scene_escalations.build(support, who, agent, lead, PAYLOADS, LONG)
    make_rotation(support, agent, lead)
    scene_handoffs.build(support, who, agent, lead, PAYLOADS, LONG)
    scene_incidents.build(support, agent, lead, PAYLOADS, LONG)
    scene_knowledge.build(support, lead, agent, done, PAYLOADS, LONG)
    make_ownership(ticket, lead, agent)
    closed = make.finished_run(
        make.ticket(
            in_team=support, customer=who, status="resolved", subject=f"Refused {LONG}", description=PAYLOADS[0]
        )
    )
    PracticeTry.objects.create(
        person=agent, run=closed, token=uuid.UUID(int=7), label="rl.retry_storm", scope="customer",
        truth="rl.retry_storm", next_step=" ".join(PAYLOADS), confidence=0.7, is_of_team=False, grade="exact",
    )  # fmt: skip
    return Scene(
        team=support, admin=admin, lead=lead, agent=agent, engineer=engineer, read_only=read_only, outsider=outsider,
        customer=who, ticket=ticket, done=done, again=again, running=running, failed=failed,
    )  # fmt: skip


def make_linear() -> None:
    """The connection that files, with issues in every state: filed, refused in part, failed, waiting; hostile texts."""
    row = LinearConnection.objects.create(
        base_url="https://api.linear.app/graphql", secret="lin_api_obviouslyfake", team="ENG",
        labels=["bug", LONG[:80]],
        health="refused", health_message=f"Linear refused the credential: {PAYLOADS[0]}", checked_at=make.NOON,
        warnings=[PAYLOADS[1]], workspace={"name": PAYLOADS[0], "account": "Altor Bot"}, heard_at=make.NOON,
        scopes=[{"name": "write (as its account)", "writes": True}],
    )  # fmt: skip
    common: dict[str, Any] = {"connection": row, "created_at": make.NOON, "woken_at": make.NOON}
    for number, status in enumerate(TrackedIssue.Status.values):
        TrackedIssue.objects.create(
            cause_key=f"cause-{number}:{PAYLOADS[number]}"[:200], status=status, title=PAYLOADS[number],
            reason=f"It answered: {PAYLOADS[0]} {LONG}" if status == "failed" else "", **common,
        )  # fmt: skip
    filed = TrackedIssue.objects.create(
        cause_key="rl.limiter_deploy", status="filed", issue_id="x", identifier="ENG-101",
        url="javascript:window.hacked=1",
        state_name=PAYLOADS[0][:80], state_type="started", assignee_name=PAYLOADS[1][:120], due_on=date(2199, 12, 24),
        fix="in_review", seen_at=make.NOON, notes=[PAYLOADS[2][:300]], is_joined=True, **common,
    )  # fmt: skip
    IssueLink.objects.create(
        issue=filed, ticket_ref="TK-1", url="https://altor.example/", title="x", status="failed", created_at=make.NOON
    )


def make_ownership(ticket: Ticket, lead: User, agent: User) -> None:
    """Policies in two versions, a ticket that was handed about until it circled, clocks that run and are late."""
    load_library()
    changed = form_of(SlaPolicyVersion.objects.get(policy__key="enterprise")).model_dump(by_alias=True)
    save_policy({**changed, "first_reply": "45 min", "title": PAYLOADS[0][:60]}, actor=lead, comment=LONG)
    for minute, owner in enumerate((agent, lead, agent)):
        events.record(
            "ticket.assigned", ticket_ref=ticket.ref, at=make.NOON + timedelta(minutes=minute),
            data={"owner": owner.username},
        )  # fmt: skip
    sweep_clocks(timezone.now())


def make_outbound(admin: User) -> None:
    """An endpoint that works and one that was switched off; deliveries in every state, with a hostile answer."""
    good = make.outbound_endpoint(
        owner=admin, last_success_at=make.NOON, secrets="whsec_b2Jz\nwhsec_b2J0", title=PAYLOADS[0]
    )
    off = make.outbound_endpoint(
        slug="old-bot", title=f"Old bot {LONG}"[:80], is_active=False, disabled_at=make.NOON, failing_since=make.NOON,
        disabled_reason="No delivery has been accepted for 5 days.", url=f"https://old.altor.example/{LONG}",
    )  # fmt: skip
    make.outbound_delivery(good)
    make.outbound_delivery(good, message_id="msg_01", key="b", status="waiting", attempts=1, reason="It answered 503")
    make.outbound_delivery(good, message_id="msg_02", key="c", status="delivered", attempts=1, reason="")
    make.outbound_delivery(
        off, message_id="msg_03", status="cancelled", attempts=2, reason="The endpoint was disabled."
    )


def make_notices(team: Team, admin: User) -> None:
    """Channels that work, fail and are off, one person's own; notices in every state with hostile texts."""
    room = NoticeChannel.objects.create(
        slug="room", title=PAYLOADS[1], kind="slack_bot", address="C0123456789", secret="xoxb-obviously-fake",
        team=team, kinds=["diagnosis.ready"], last_ok_at=make.NOON,
    )  # fmt: skip
    NoticeChannel.objects.create(
        slug="mail", title=f"Mail {LONG}"[:80], kind="mail", address="a@altor.example", last_error=f"Refused {LONG}"
    )
    NoticeChannel.objects.create(slug="new", title="New", kind="teams", secret="https://x.example/", is_active=False)
    NoticeChannel.objects.create(
        slug="own", title="Own", kind="apprise", secret="ntfys://topic", person=admin, last_error="It answered 404"
    )
    for number, status in enumerate(NoticeDelivery.Status.values):
        notice = Notice.objects.create(
            kind="diagnosis.ready", subject_ref=f"TK-{number}", title=PAYLOADS[number][:200], lines=list(PAYLOADS[:5]),
            url_path="/", key=f"k{number}", sha=str(number), created_at=make.NOON,
        )  # fmt: skip
        NoticeDelivery.objects.create(
            notice=notice, channel=room, place=f"channel:{room.pk}", status=status, why=PAYLOADS[0], attempts=1,
            not_before=make.NOON, queued_at=make.NOON, created_at=make.NOON,
        )  # fmt: skip
        NoticeDelivery.objects.create(
            notice=notice, person=admin, place=f"mail:{admin.pk}", status=status, why=PAYLOADS[0], mode="digest",
            not_before=make.NOON, queued_at=make.NOON, created_at=make.NOON,
        )  # fmt: skip


def make_verdicts(team: Team, lead: User) -> None:
    """Judged runs over the whole range of confidence, mostly surer than right; a correction with a long label."""
    of = make.ticket(in_team=team, subject="The day before", status="diagnosed")
    for number in range(34):
        confidence = (0.96, 0.91, 0.83, 0.72, 0.55, 0.34)[min(number % 9, 5)]
        is_right = number % 5 > 1 if confidence > 0.5 else number % 2 == 0
        run = make.run(of, status="done", top_label="rl.limiter_deploy", confidence=confidence, seconds=1.2)
        found = "rl.retry_storm" if number % 3 else f"rl.{LONG[:57].lower()}"
        grade = "exact" if is_right else ("one_hop", "area", "wrong")[number % 3]
        verdict = {"verdict": "accepted"} if is_right else {"verdict": "corrected", "label": found}
        Feedback.objects.create(investigation=run, grade=grade, user=lead, **verdict)


def make_helpdesks(lead: User) -> None:
    """A helpdesk with hostile and long texts everywhere, one that is switched off, and its past being read."""
    endpoint = InboundEndpoint.objects.create(
        source="generic", connection="desk", ticket_prefix="GD", title=PAYLOADS[0][:80], secrets="a-fake\nb-fake"
    )
    row = HelpdeskConnection.objects.create(
        endpoint=endpoint, base_url="https://desk.example/api", secret="obviously-fake-key-0001", health="refused",
        health_message=" ".join(PAYLOADS), warnings=[LONG], origins=["https://desk.example"], writes_notes=True,
        options={"custom_fields": {PAYLOADS[1][:80]: "endpoint", "7": LONG[:60]}}, checked_at=timezone.now(),
    )  # fmt: skip
    off = InboundEndpoint.objects.create(source="generic", connection="old", ticket_prefix="OD", is_active=False)
    HelpdeskConnection.objects.create(endpoint=off)
    make.inbound_event(endpoint=endpoint, status="retry", reason="No ticket.")
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for reason in (PAYLOADS[1], LONG[:190]):
        InboundRefusal.objects.create(endpoint=endpoint, hour=hour, reason=reason, count=12, last_at=timezone.now())
    since = timezone.now() - timedelta(days=30)
    problems = [{"ticket": PAYLOADS[0], "why": " ".join(PAYLOADS)}, {"ticket": LONG, "why": LONG}]
    Backfill.objects.create(connection=row, since=since, status="failed", reason=PAYLOADS[0], requested_by=lead)
    Backfill.objects.create(
        connection=row, since=since, read=41, created=40, total=900, pages=1, problems=problems, requested_by=lead,
        reason="Rate limited", not_before=timezone.now() + timedelta(minutes=9),
    )  # fmt: skip


def make_automation(lead: User, ticket: Ticket) -> None:
    """Rules with hostile and long titles, hours of a team, two versions, a ticket with a suggestion, the switch off."""
    when = {
        "classes": ["rate_limit", "gone_class"], "tags_none": list(PAYLOADS[:2]), "tiers": ["free"], "hours": "outside",
        "connections": ["generic"],
    }  # fmt: skip
    rules = [
        {"key": "quiet", "title": PAYLOADS[0], "mode": "watch", "when": when},
        {"key": "paid", "title": LONG[:110], "mode": "automatic", "when": {"tiers": ["gold"]}, "quota_per_hour": 20},
        {"key": "rest", "title": "Everything else", "mode": "suggest", "active": False},
    ]
    hours = {"support": {"timezone": "Europe/Berlin", "holidays": ["2026-12-25"]}}
    save_rules(read_rules({"default": "suggest"}), base=0, actor=lead, comment=PAYLOADS[1])
    save_rules(
        read_rules({"rules": rules, "calendars": hours, "quota_per_hour": 60}),
        base=1,
        actor=lead,
        comment="Begin slowly",
    )
    switch_off(actor=lead, reason=f"Too much at once {PAYLOADS[0]}")
    now = timezone.now()
    for minutes, kind in ((5, "latency"), (9, ""), (70, "rate_limit")):
        at = now - timedelta(minutes=minutes)
        make.ticket(in_team=ticket.team, subject="Of today", incident_class=kind, opened_at=at)
    admit(ticket, decide(ticket, now=now), now)


def make_replies(ticket: Ticket, hostile: Ticket, lead: User) -> None:
    """Templates of two versions, replies that went out in each way, one that could not, a promise that is overdue."""
    version = make.reply_template(title=f"Any cause {LONG}"[:120], comment="first")
    make.reply_template(number=2, closing=PAYLOADS[0], comment=PAYLOADS[1])
    make.reply_template("all-well-en", label="none.no_anomaly", title="All is well", tone="warm")
    found = [
        {"kind": "secret", "is_leak": True, "start": 0, "end": 4, "quote": PAYLOADS[0], "why": PAYLOADS[1]},
        {"kind": "jargon", "is_leak": False, "start": 5, "end": 8, "quote": LONG, "why": "A word of engineers."},
    ]  # fmt: skip
    changed = make.reply(
        hostile, version=version, sent_by=lead, draft_text=f"Hello,\n{LONG}\nregards", text=" ".join(PAYLOADS),
        similarity=0.31, how="sent", findings=found, override_reason=PAYLOADS[1], author=lead,
    )  # fmt: skip
    make.reply(ticket, version=version, status="failed", how="sent", reason="The helpdesk: no answer within 5 s")
    due = timezone.now() - timedelta(minutes=20)
    PromisedUpdate.objects.create(ticket=hostile, reply=changed, due_at=due, promised_by=lead, promised_at=make.NOON)


def make_rotation(team: Team, agent: User, lead: User) -> None:
    """A rotation with everything that unfolds: two seats, an override, a swap, a calendar that cannot be read."""
    now = timezone.now()
    begins = f"{timezone.localdate() - timedelta(days=10)} 09:00"
    office = {"week": {"mon-fri": "09:00-17:00"}, "holidays": "DE"}
    upper = {"people": ["priya"], "begins": begins, "hours": office}
    lower = {"people": ["lena", "priya"], "begins": begins}
    seats = [
        {"key": "primary", "name": "Primary", "layers": [upper, lower]},
        {"key": "feed", "name": LONG[:80], "layers": [{"calendar": "feed"}]},
    ]
    written = {"name": PAYLOADS[0], "team": team.slug, "owns": PAYLOADS[1], "zone": "Europe/Berlin", "seats": seats}
    rotation = create_rotation(
        read_form(written), actor=lead, now=now, slug="support", comment=PAYLOADS[0],
        in_force_from=now - timedelta(days=9),
    )  # fmt: skip
    ImportedCalendar.objects.create(
        rotation=rotation, key="feed", url="https://calendar.example/fake.ics", unmatched=[[PAYLOADS[1], 3]],
        error=PAYLOADS[0], fetched_at=now, next_fetch_at=now + timedelta(hours=1), said=[PAYLOADS[2]],
        spans=[[(now - timedelta(days=1)).isoformat(), (now + timedelta(days=1)).isoformat(), agent.pk, "Priya"]],
    )  # fmt: skip
    add_override(
        rotation, seat="primary", begins_at=now, ends_at=now + timedelta(hours=3), person=lead, actor=lead, now=now,
        reason=PAYLOADS[1],
    )  # fmt: skip
    mine = turns(load_one(rotation, now=now), now, now + timedelta(days=40), person=str(agent.pk))[0]
    ask_swap(
        rotation, asked=lead, seat=mine.seat, begins_at=mine.begin, ends_at=mine.end, actor=agent, now=now,
        reason=PAYLOADS[2],
    )  # fmt: skip
    make_link("rotation", actor=User.objects.get(role="admin"), now=now, rotation=rotation)


def make_trials(run: Investigation) -> None:
    """A dry run and a backtest over the ticket of a run: a case that changed, and ones that could not be replayed."""
    said = brief(run.diagnosis or {})
    other = {**said, "label": "rl.retry_storm", "title": LONG, "confidence": 0.4, "severity": None, "escalate": False}
    hostile = Ticket.objects.get(subject__startswith="<script>")
    for kind, book in (("dry_run", run.playbook), ("backtest", None)):
        trial = Trial.objects.create(
            kind=kind, status="done", playbook=book, playbook_key=book.key if book else "", chosen={"last": 20},
            document=book.document if book else {},
        )  # fmt: skip
        TrialCase.objects.create(
            trial=trial, ticket=run.ticket, run=run, position=1, status="done", way="partly", asked=["Rejections"],
            before=said, after=other,
        )  # fmt: skip
        TrialCase.objects.create(trial=trial, ticket=hostile, position=2, status="unavailable", why=" ".join(PAYLOADS))


def make_drafts(admin: User, lead: User) -> None:
    """A draft that somebody else overtook, with hostile text in it, and a version that waits for approval."""
    first = store_version(BOOK, name="sample.yaml")
    mine = BOOK.replace("title: Sample", f"title: {json.dumps(PAYLOADS[0])}").replace("for: strong", "for: weak")
    PlaybookDraft.objects.create(
        owner=admin, key="sample", text=mine, base=first, begun_from=first, saved_at=timezone.now()
    )
    PlaybookDraft.objects.create(owner=lead, key="sample", text="key: [", base=first, saved_at=timezone.now())
    theirs = BOOK.replace("title: A cause", "title: Another cause")
    store_version(theirs, name="sample.yaml", actor=lead, comment=PAYLOADS[1])
    waits = store_version(theirs.replace("count > 3.0", "count > 5.0"), name="sample.yaml", actor=lead, activate=False)
    PlaybookApproval.objects.create(version=waits, asked_by=lead, asked_at=timezone.now())


def make_hostile_run(ticket: Ticket) -> Investigation:
    """Every text of a run that comes from outside, hostile."""
    text = " ".join(PAYLOADS)
    bad = make.diagnosis(
        summary=text, next_steps=list(PAYLOADS), ruled_out=list(PAYLOADS), missing=list(PAYLOADS), reply_draft=text,
        culprit={"kind": "deployment", "id": PAYLOADS[1], "url": "javascript:window.hacked=1"},
        affected={**make.affected(PAYLOADS[0], PAYLOADS[1]), "what": text},
        scope={"kind": "endpoint", "value": PAYLOADS[0]},
        question={
            "kind": "input", "name": "sdk", "ask": PAYLOADS[1], "answer": "choice", "choices": list(PAYLOADS),
            "why": text,
        },
        candidates=[
            make.candidate("rl.retry_storm", text, 0.5, why=[{"evidence": '"><b>', "effect": "+1", "says": text}])
        ],
    )  # fmt: skip
    run = make.run(ticket, status="done", diagnosis=bad, confidence=0.5, seconds=1.0)
    step = make.step(run, "traffic", 1, title=PAYLOADS[0][:190], result=text[:490], verdict="abnormal")
    make.evidence(
        step, "E1", title=PAYLOADS[1], summary=text, url="javascript:window.hacked=1", ref={PAYLOADS[0]: PAYLOADS[1]},
        columns=list(PAYLOADS[:3]), rows=[list(PAYLOADS[:3])], row_count=1,
        requests=[{**make.QUERY, "target": text, "params": {PAYLOADS[0]: PAYLOADS[1]}}],
        figures={"value": 0.4, "threshold": 0.05, "unit": PAYLOADS[1], "series": [1, 2, 3]},
    )  # fmt: skip
    return run


def asked_for() -> str:
    """The address part of a sidebar's code that waits to be confirmed, with hostile words from the helpdesk."""
    endpoint, _ = InboundEndpoint.objects.get_or_create(source="chatwoot", connection="main")
    desk, _ = HelpdeskConnection.objects.get_or_create(endpoint=endpoint, origins=["https://chat.example"])
    return pairing.ask(desk, ticket="77", name=PAYLOADS[1], now=timezone.now())[1]


def pages(scene: Scene) -> dict[str, str]:
    """Every page an administrator can open: name -> address."""

    def at(name: str, *args: object) -> str:
        return reverse(f"investigations:{name}", args=args)

    hostile = Investigation.objects.get(ticket__subject__startswith="<script>")
    return {
        "today": reverse("today"),
        "runs": at("runs"),
        "runs-filtered": at("runs") + "?state=cancelled",
        "run-done": at("run", scene.done.ref),
        "run-again": at("run", scene.again.ref),
        "run-running": at("run", scene.running.ref),
        "run-failed": at("run", scene.failed.ref),
        "run-hostile": at("run", hostile.ref),
        "compare": at("run-compare", scene.again.ref),
        "evidence": at("evidence", scene.done.ref, "E1"),
        "evidence-hostile": at("evidence", hostile.ref, "E1"),
        "packet": reverse("escalations:packet-preview", args=[scene.done.ref]),
        "packet-markdown": reverse("escalations:packet-preview", args=[scene.done.ref]) + "?show=markdown",
        "packet-print": reverse("escalations:packet-preview", args=[scene.done.ref]) + "?show=print",
        "packet-running": reverse("escalations:packet-preview", args=[scene.running.ref]),
        "packet-hostile": reverse("escalations:packet-preview", args=[hostile.ref]),
        "packet-print-hostile": reverse("escalations:packet-preview", args=[hostile.ref]) + "?show=print",
        "tickets": at("tickets"),
        "ticket": at("ticket", scene.ticket.ref),
        "ticket-empty": at("ticket", scene.failed.ticket.ref),
        "ticket-hostile": at("ticket", hostile.ticket.ref),
        "ticket-new": at("ticket-new"),
        "customers": at("customers"),
        "customer": at("customer", scene.customer.org_id),
        "customer-new": at("customer-new"),
        "playbooks": at("playbooks"),
        "playbook": at("playbook-version", "rate_limit", 1),
        "playbook-file": at("playbook-version", "rate_limit", 1) + "?show=yaml",
        "playbook-diff": at("playbook-diff", "rate_limit"),
        "dry-run": at("dry-run", Trial.objects.get(kind="dry_run").ref),
        "backtests": at("backtests"),
        "backtest": at("backtest", Trial.objects.get(kind="backtest").ref),
        "practice": at("practice"),
        "practice-case": at("practice-case", PracticeTry.objects.get().run.ref),
        "practice-try": at("practice-try", PracticeTry.objects.get().pk),
        "playbook-edit": at("playbook-edit", "rate_limit"),
        "playbook-new": at("playbook-new"),
        "playbook-draft": at("playbook-edit", "sample"),
        "playbook-publish": at("playbook-publish", "sample"),
        "playbook-publish-nothing": at("playbook-publish", "rate_limit"),
        "playbook-waiting": at("playbook-version", "sample", 3),
        "playbook-words": at("playbook-words"),
        "classification": at("classification"),
        "recovery-confidence": reverse("metrics:recovery", args=[scene.ticket.ref]),
        "metrics": reverse("metrics:metrics"),
        "reviews": reverse("metrics:reviews"),
        "review": reverse("metrics:review", args=[scene.team.slug, "2026-05-04"]),
        "metrics-tickets": reverse("metrics:tickets", args=["investigation-time"]) + "?range=52&which=anti",
        "metrics-diagnosis": reverse("metrics:diagnosis"),
        "metrics-diagnosis-nothing": reverse("metrics:diagnosis") + "?playbook=sample",
        "automation": at("automation"),
        "automation-rule": at("automation-rule", "quiet"),
        "automation-rule-new": at("automation-rule-new"),
        "automation-hours": at("automation-hours", "support"),
        "automation-version": at("automation-version", 1),
        "reply": reverse("knowledge:reply", args=[scene.ticket.ref]),
        "reply-hostile": reverse("knowledge:reply", args=[hostile.ticket.ref]),
        "reply-sent": reverse("knowledge:reply-sent", args=[hostile.ticket.ref, hostile.ticket.replies.get().pk]),
        "promised": reverse("knowledge:promised"),
        "reply-templates": reverse("knowledge:templates"),
        "reply-template": reverse("knowledge:template-version", args=["any-cause-en", 2]),
        "reply-template-diff": reverse("knowledge:template-diff", args=["any-cause-en"]),
        "reply-template-edit": reverse("knowledge:template-edit", args=["any-cause-en"]),
        "reply-template-new": reverse("knowledge:template-new"),
        "on-call": reverse("oncall:overview"),
        "on-call-new": reverse("oncall:new"),
        "on-call-import": reverse("oncall:import"),
        "on-call-swaps": reverse("oncall:swaps"),
        "on-call-feeds": reverse("oncall:feeds"),
        "rotation": reverse("oncall:rotation", args=["support"]),
        "rotation-edit": reverse("oncall:edit", args=["support"]),
        "rotation-override": reverse("oncall:override", args=["support"]),
        "rotation-swap": reverse("oncall:swap", args=["support"]),
        "queue": reverse("escalations:queue"),
        "queue-filtered": reverse("escalations:queue") + "?view=unowned&page=2",
        "ownership": reverse("escalations:ownership", args=[scene.ticket.ref]),
        "ownership-hostile": reverse("escalations:ownership", args=[hostile.ticket.ref]),
        "sla-policies": reverse("escalations:sla-policies"),
        "sla-policy": reverse("escalations:sla-policy-version", args=["enterprise", 2]),
        "sla-policy-diff": reverse("escalations:sla-policy-diff", args=["enterprise"]),
        "sla-policy-edit": reverse("escalations:sla-policy-edit", args=["enterprise"]),
        "sla-policy-new": reverse("escalations:sla-policy-new"),
        "connections": at("connections"),
        "connection": at("connection", "github"),
        "linear": reverse("linear:connection"),
        "linear-edit": reverse("linear:edit"),
        "helpdesks": at("helpdesks"),
        "helpdesk": at("helpdesk", "generic", "desk"),
        "helpdesk-off": at("helpdesk", "generic", "old"),
        "helpdesk-edit": at("helpdesk-edit", "generic", "desk"),
        "helpdesk-new": at("helpdesk-new", "generic"),
        "profile": at("profile"),
        "inbound": at("inbound"),
        "inbound-event": at("inbound-event", InboundEvent.objects.get(status="dead").pk),
        "outbound": reverse("outbound"),
        "outbound-filtered": reverse("outbound") + "?state=waiting&endpoint=old-bot",
        "outbound-endpoint": reverse("outbound-endpoint", args=["warehouse"]),
        "outbound-disabled": reverse("outbound-endpoint", args=["old-bot"]),
        "outbound-new": reverse("outbound-new"),
        "outbound-delivery": reverse("outbound-delivery", args=["msg_00ff"]),
        "notices": reverse("notices"),
        "notices-filtered": reverse("notices") + "?state=failed",
        "notice-channel": reverse("notice-channel", args=["room"]),
        "notice-channel-new": reverse("notice-channel-new"),
        "notice-preferences": reverse("notice-preferences"),
        "people": reverse("people"),
        "person": reverse("person", args=["priya"]),
        "person-new": reverse("person-new"),
        "team": reverse("team", args=["support"]),
        "team-new": reverse("team-new"),
        "audit": reverse("audit"),
        "account": reverse("account"),
        "tokens": reverse("tokens"),
        "search": reverse("search") + "?q=north",
        "password": reverse("account_change_password"),
        "second-factor": reverse("mfa_index"),
        "second-factor-app": reverse("mfa_activate_totp"),
        "widget-pair": at("widget-pair", asked_for()),
        **scene_escalations.pages(),
        **scene_handoffs.pages(),
        **scene_incidents.pages(),
        **scene_knowledge.pages(),
        "not-found": "/nothing/here/",
    }
