"""What the pages of escalations show: contracts in two versions, escalations in every state, hostile words in each."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from altor.models import Team, User
from escalations.attachments.keeping import Upload, attach
from escalations.contracts.stored import load_library, save_contract
from escalations.interruptions.asking import Audience, answer, ask
from escalations.interruptions.typed import type_hours
from escalations.lifecycle.acting import Doer, act, judge
from escalations.lifecycle.changing import add
from escalations.lifecycle.drafts import save_draft
from escalations.lifecycle.looking import sweep
from escalations.lifecycle.sending import Wish, send
from escalations.models import ContractVersion, Escalation, Question
from investigations.models import Customer, Ticket
from tests import factories as make

_WHY = "Orders are lost, says everybody who was asked."


def build(team: Team, customer: Customer, agent: User, lead: User, payloads: tuple[str, ...], long: str) -> None:
    load_library()
    shipped = ContractVersion.objects.get()
    changed = shipped.source_yaml.replace("key: engineering", "key: limits", 1)
    changed = changed.replace("area: {}", "area: {classes: [webhook], services: ['webhook-*'], tiers: [gold]}", 1)
    save_contract(changed, actor=lead, comment=payloads[0])
    save_contract(changed.replace("4 h", "6 h"), actor=lead, comment=f"Longer {long}")
    now = timezone.now()
    hostile = " ".join(payloads)
    for number, (severity, minutes) in enumerate((("SEV2", 20), ("SEV1", 50), ("SEV3", 4000), ("SEV2", 900))):
        culprit = {"kind": "deployment", "id": f"7f3c9a{number}", "url": ""}
        found = make.diagnosis(
            culprit=culprit,
            candidates=[make.candidate("rl.limiter_deploy", payloads[0] if number == 1 else f"{long} {number}", 0.8)],
        )
        of = make.ticket(in_team=team, customer=customer, owner=agent, subject=f"Escalated {number} {payloads[1]}")
        wish = Wish(severity=severity, severity_why=_WHY, note=hostile)
        run = make.finished_run(of, diagnosis=found)
        attach(of, "reproduction", Upload("app.log", hostile.encode()), actor=lead, now=now)
        sent, _ = send(run, wish, actor=lead, now=now - timedelta(minutes=minutes))
        _go_on(sent, number, lead, hostile)
    last = make.ticket(in_team=team, customer=customer, subject="To be escalated")
    run = make.finished_run(last, diagnosis=make.diagnosis(culprit={"kind": "deployment", "id": "abc1", "url": ""}))
    run.evidence.update(verdict="normal")
    attach(last, "reproduction", Upload("app.log", hostile.encode()), actor=agent, now=now)
    attach(last, "reproduction", Upload(f"{long}.png", b"\x89PNG\r\n\x1a\n"), actor=agent, now=now)
    save_draft(last, actor=agent, severity="SEV1", severity_why=hostile, note=hostile, token=None, now=now)
    sweep(now)
    _ask(team, agent, lead, hostile)


def _ask(team: Team, agent: User, lead: User, hostile: str) -> None:
    """Questions on the ticket of the first escalation, and hours of it that were typed in."""
    now, sent = timezone.now(), Escalation.objects.order_by("pk")[0]
    text = f"Does the limiter count retries twice? {hostile}"
    ask(sent.ticket, text, Audience(team=team), actor=agent, now=now - timedelta(hours=3), run=sent.run)
    to_lead, _ = ask(sent.ticket, text, Audience(person=lead), actor=agent, now=now - timedelta(hours=2), run=sent.run)
    answer(to_lead, hostile, Doer(None, hostile[:80], "link"), now=now - timedelta(hours=1))
    act(sent, "acknowledge", Doer(None, hostile[:80], "link"), now=now)
    day = timezone.localtime(now).date()
    type_hours(sent, who=f"user:{lead.pk}", day=day, minutes=135, actor=lead, now=now, note=hostile)


def _go_on(sent: Escalation, number: int, lead: User, hostile: str) -> None:
    at = sent.sent_at
    doer = Doer(lead)
    if number == 0:
        act(sent, "ask", doer, now=at + timedelta(minutes=5), text=hostile)
    if number == 2:
        act(sent, "reject", doer, now=at + timedelta(minutes=5), text=hostile, reason="missing_evidence")
        judge(sent, doer, is_complete=False, was_avoidable=True, comment=hostile, now=at + timedelta(minutes=6))
    if number == 3:
        act(sent, "accept", Doer(None, hostile[:80], "link"), now=at + timedelta(minutes=5))
        add(sent, hostile, doer, now=at + timedelta(minutes=9))
        act(sent, "resolve", doer, now=at + timedelta(minutes=15), text=hostile)


def pages() -> dict[str, str]:
    def at(name: str, *args: object) -> str:
        return reverse(f"escalations:{name}", args=args)

    sent = {one.status: one for one in Escalation.objects.order_by("pk")}
    asked = {one.status: one for one in Question.objects.order_by("pk")}
    ticket = Ticket.objects.get(subject="To be escalated")
    return {
        "escalations": at("board"),
        "escalations-filtered": at("board") + "?severity=SEV4",
        "escalations-ended": at("board") + "?ended=1",
        "escalation": at("escalation", sent["sent"].ref),
        "escalation-returned": at("escalation", sent["rejected"].ref),
        "escalation-resolved": at("escalation", sent["resolved"].ref),
        "escalation-packet": at("packet", sent["resolved"].ref),
        "escalation-packet-text": at("packet", sent["resolved"].ref) + "?show=markdown",
        "escalate": at("escalate", ticket.ref),
        "escalation-time": reverse("interruptions:time", args=[sent["acknowledged"].ref]),
        "questions": reverse("interruptions:questions"),
        "questions-ended": reverse("interruptions:questions") + "?ended=1",
        "question": reverse("interruptions:question", args=[asked["asked"].ref]),
        "question-answered": reverse("interruptions:question", args=[asked["answered"].ref]),
        "question-time": reverse("interruptions:question-time", args=[asked["answered"].ref]),
        "questions-ticket": reverse("interruptions:panel", args=[asked["asked"].ticket.ref]),
        "interruptions": reverse("interruptions:overview"),
        "interruptions-nothing": reverse("interruptions:overview") + "?week=2024-W01&team=support",
        "contracts": at("contracts"),
        "contract": at("contract-version", "limits", 2),
        "contract-shipped": at("contract-version", "engineering", 1),
        "contract-diff": at("contract-diff", "limits"),
        "contract-edit": at("contract-edit", "limits"),
        "contract-new": at("contract-new"),
        "contract-simulation": at("contract-simulation", "engineering", 1),
    }
