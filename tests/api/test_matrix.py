"""Every route x method x role, with own objects and with another team's. A route that is missing here fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from altor.roles import Role, role_may
from tests.api.conftest import World, client_of

pytestmark = pytest.mark.django_db
API = "/api/v1/"
#: Rows that belong to a team; the directory, playbooks and connections belong to the installation.
OF_A_TEAM = (
    "Ticket|TicketClaim|Investigation|StepResult|Evidence|Trial|TrialCase|Escalation|AttachedFile|Handoff|Incident"
    "|Entry"
)
METHODS = ("get", "post", "put", "patch", "delete")
TICKET = {"id": "10134", "subject": "API is slow"}
YAML = "apiVersion: altor/v1\n"


@dataclass(frozen=True)
class Case:
    """`path` below /api/v1/, with {names} of the world; `works` is the status for those who may."""

    path: str
    permission: str
    works: int
    body: Any = None
    #: How the path reads with another team's object; "" when the object belongs to nobody's team.
    foreign: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


MATRIX: dict[tuple[str, str], Case] = {
    ("api-me", "get"): Case("me/", "ticket.read", 200),
    ("api-token-list", "get"): Case("tokens/", "token.own", 200),
    ("api-token-list", "post"): Case("tokens/", "token.own", 201, {"name": "n", "scopes": ["ticket.read"]}),
    ("api-token-detail", "get"): Case("tokens/0123456789/", "token.own", 404),
    ("api-token-detail", "delete"): Case("tokens/0123456789/", "token.own", 404),
    ("api-ticket-list", "get"): Case("tickets/", "ticket.read", 200),
    ("api-ticket-list", "post"): Case("tickets/", "ticket.create", 201, {"id": "77", "subject": "slow"}),
    ("api-ticket-detail", "get"): Case("tickets/TK-10134/", "ticket.read", 200, foreign="tickets/TK-20999/"),
    ("api-ticket-detail", "patch"): Case(
        "tickets/TK-10134/", "ticket.edit", 200, {"incident_class": "billing"}, foreign="tickets/TK-20999/"
    ),
    ("api-ticket-start", "post"): Case(
        "tickets/TK-10134/investigations/", "run.start", 202, {}, foreign="tickets/TK-20999/investigations/"
    ),
    ("api-ticket-reply", "post"): Case(
        "tickets/TK-10134/reply/", "ticket.reply", 200, {}, foreign="tickets/TK-20999/reply/"
    ),
    ("api-ticket-closure", "post"): Case(
        "tickets/TK-10134/closure/", "ticket.resolve", 409, {"how": "right"}, foreign="tickets/TK-20999/closure/"
    ),
    ("api-ticket-resolve", "post"): Case(
        "tickets/TK-10134/resolve/", "ticket.resolve", 200, {}, foreign="tickets/TK-20999/resolve/"
    ),
    ("api-ticket-reopen", "post"): Case(
        "tickets/TK-10134/reopen/", "ticket.resolve", 409, {}, foreign="tickets/TK-20999/reopen/"
    ),
    ("api-ticket-take", "post"): Case(
        "tickets/TK-10134/take/", "ticket.edit", 409, {}, foreign="tickets/TK-20999/take/"
    ),
    ("api-ticket-assign", "post"): Case(
        "tickets/TK-10134/assign/", "ticket.edit", 400, {"owner": "nobody"}, foreign="tickets/TK-20999/assign/"
    ),
    ("api-ticket-return", "post"): Case(
        "tickets/TK-10134/return/", "ticket.edit", 200, {"reason": "not mine"}, foreign="tickets/TK-20999/return/"
    ),
    ("api-ticket-attachments", "get"): Case(
        "tickets/TK-10134/attachments/", "escalation.read", 200, foreign="tickets/TK-20999/attachments/"
    ),
    # A file comes as a form: JSON is another media type.
    ("api-ticket-attachments", "post"): Case(
        "tickets/TK-10134/attachments/", "escalation.send", 415, {}, foreign="tickets/TK-20999/attachments/"
    ),
    ("api-attachment", "get"): Case(f"attachments/{'0' * 32}/", "escalation.read", 404),
    ("api-attachment", "delete"): Case(f"attachments/{'0' * 32}/", "escalation.send", 404),
    ("api-queue", "get"): Case("queue/", "ticket.read", 200),
    ("api-sla-policy-list", "get"): Case("sla-policies/", "ticket.read", 200),
    ("api-sla-policy-list", "post"): Case("sla-policies/", "sla.edit", 400, {"policy": {"key": "x"}}),
    ("api-sla-policy-detail", "get"): Case("sla-policies/nothing/", "ticket.read", 404),
    ("api-sla-policy-versions", "get"): Case("sla-policies/nothing/versions/", "ticket.read", 404),
    ("api-sla-policy-activate", "post"): Case("sla-policies/nothing/versions/1/activate/", "sla.edit", 404, {}),
    ("api-reply-template-list", "get"): Case("reply-templates/", "reply_template.read", 200),
    ("api-reply-template-detail", "get"): Case("reply-templates/any-cause-en/", "reply_template.read", 200),
    ("api-reply-template-versions", "get"): Case("reply-templates/any-cause-en/versions/", "reply_template.read", 200),
    ("api-reply-template-preview", "post"): Case(
        "reply-templates/any-cause-en/preview/", "reply_template.read", 404, {"investigation": "INV-0"}
    ),
    ("api-entry-list", "get"): Case("knowledge/?q=slow", "knowledge.read", 200),
    ("api-entry-list", "post"): Case("knowledge/", "knowledge.write", 201, {"title": "A cause"}),
    ("api-entry-match", "post"): Case("knowledge/match/", "knowledge.read", 200, {"text": "API is slow"}),
    ("api-entry-detail", "get"): Case("{kb}", "knowledge.read", 200, foreign="{foreign_kb}"),
    ("api-entry-detail", "patch"): Case(
        "{kb}", "knowledge.write", 200, {"revision": 1, "title": "Another title"}, foreign="{foreign_kb}"
    ),
    ("api-entry-state", "post"): Case("{kb}state/", "knowledge.write", 200, {}, foreign="{foreign_kb}state/"),
    ("api-entry-versions", "get"): Case("{kb}versions/", "knowledge.read", 200, foreign="{foreign_kb}versions/"),
    ("api-entry-restore", "post"): Case(
        "{kb}versions/1/restore/", "knowledge.write", 200, {}, foreign="{foreign_kb}versions/1/restore/"
    ),
    ("api-entry-changes", "get"): Case("{kb}changes/", "knowledge.read", 200, foreign="{foreign_kb}changes/"),
    ("api-entry-links", "get"): Case("{kb}links/", "knowledge.read", 200, foreign="{foreign_kb}links/"),
    ("api-entry-links", "post"): Case(
        "{kb}links/", "knowledge.write", 201, {"kind": "issue", "ref": "ENG-4"}, foreign="{foreign_kb}links/"
    ),
    ("api-entry-unlink", "delete"): Case(
        "{kb}links/1/", "knowledge.write", 204, foreign="{foreign_kb}links/1/"
    ),
    ("api-entry-use", "post"): Case(
        "{kb}use/", "knowledge.write", 200, {"ticket": "TK-10134", "verdict": "helped"}, foreign="{foreign_kb}use/"
    ),
    ("api-entry-vote", "post"): Case(
        "{kb}vote/", "knowledge.read", 200, {"is_helpful": True}, foreign="{foreign_kb}vote/"
    ),
    ("api-entry-watch", "post"): Case(
        "{kb}watch/", "knowledge.write", 200, {"every_hours": 0}, foreign="{foreign_kb}watch/"
    ),
    ("api-recognition-list", "get"): Case("recognitions/?investigation=INV-1", "knowledge.read", 200),
    ("api-learned-list", "get"): Case("learned/", "knowledge.read", 200),
    ("api-learned-list", "post"): Case(
        "learned/", "ticket.resolve", 409, {"ticket": "TK-10134", "how": "nothing", "why": "question"}
    ),
    ("api-investigation-list", "get"): Case("investigations/", "run.read", 200),
    ("api-investigation-detail", "get"): Case("{run}", "run.read", 200, foreign="{foreign}"),
    ("api-investigation-cancel", "post"): Case("{run}cancel/", "run.start", 409, {}, foreign="{foreign}cancel/"),
    ("api-investigation-rerun", "post"): Case("{run}rerun/", "run.start", 202, {}, foreign="{foreign}rerun/"),
    ("api-investigation-feedback", "post"): Case(
        "{run}feedback/", "run.feedback", 201, {"verdict": "accepted"}, foreign="{foreign}feedback/"
    ),
    ("api-investigation-answer", "post"): Case(
        "{run}steps/nothing/answer/", "run.answer", 404, {"answer": 1}, foreign="{foreign}steps/asked/answer/"
    ),
    ("api-investigation-question", "post"): Case(
        "{run}question/", "run.answer", 409, {"answer": "yes"}, foreign="{foreign}question/"
    ),
    ("api-investigation-gates", "get"): Case("{run}gates/", "run.read", 200, foreign="{foreign}gates/"),
    ("api-investigation-override", "post"): Case(
        "{run}gates/nothing/override/", "gate.override", 400, {"reason": "the customer waits"},
        foreign="{foreign}gates/reply/override/",
    ),
    ("api-investigation-compare", "get"): Case(
        "{run}compare/{older}/", "run.read", 200, foreign="{run}compare/{foreign_ref}/"
    ),
    ("api-investigation-affected", "get"): Case("{run}affected/", "run.read", 200, foreign="{foreign}affected/"),
    ("api-investigation-packet", "get"): Case("{run}packet/", "run.read", 200, foreign="{foreign}packet/"),
    ("api-investigation-evidence-list", "get"): Case("{run}evidence/", "run.read", 200, foreign="{foreign}evidence/"),
    ("api-investigation-evidence-item", "get"): Case(
        "{run}evidence/E1/", "run.read", 200, foreign="{foreign}evidence/E1/"
    ),
    ("api-escalate", "get"): Case("{run}escalations/", "escalation.read", 200, foreign="{foreign}escalations/"),
    ("api-escalate", "post"): Case(
        "{older_run}escalations/", "escalation.send", 400, {"severity": "SEV9"}, foreign="{foreign}escalations/"
    ),
    ("api-widget-escalate", "post"): Case(
        "widget/generic/10134/escalate/", "escalation.send", 400, {"severity": "SEV9"},
        foreign="widget/generic/20999/escalate/",
    ),
    ("api-escalation-list", "get"): Case("escalations/", "escalation.read", 200),
    ("api-escalation-detail", "get"): Case("{esc}", "escalation.read", 200, foreign="{foreign_esc}"),
    ("api-escalation-detail", "patch"): Case(
        "{esc}", "escalation.read", 400, {"severity": "SEV9", "why": "A reason of some length."},
        foreign="{foreign_esc}",
    ),
    ("api-recovery-list", "get"): Case("recoveries/", "escalation.read", 200),
    ("api-recovery-detail", "get"): Case("{rec}", "escalation.read", 200, foreign="{foreign_rec}"),
    ("api-recovery-measure", "post"): Case("{rec}measure/", "run.start", 200, {}, foreign="{foreign_rec}measure/"),
    ("api-escalation-packet", "get"): Case("{esc}packet/", "escalation.read", 200, foreign="{foreign_esc}packet/"),
    **{
        (f"api-escalation-{name}", "post"): Case(
            f"{{esc}}{path}/", permission, works, body, foreign=f"{{foreign_esc}}{path}/"
        )
        for name, path, permission, works, body in (
            ("acknowledge", "acknowledge", "escalation.work", 200, {}),
            ("accept", "accept", "escalation.work", 200, {}),
            ("start", "start", "escalation.work", 200, {}),
            ("reject", "reject", "escalation.work", 200, {"reason": "not_a_bug", "text": "It is meant to be so."}),
            ("ask", "ask", "escalation.work", 200, {"text": "Which region?"}),
            ("word", "update", "escalation.work", 200, {"text": "We look at it."}),
            ("resolve", "resolve", "escalation.work", 200, {}),
            ("reopen", "reopen", "escalation.work", 409, {"text": "It came back."}),
            ("judge", "judge", "escalation.work", 200, {"is_complete": True, "was_avoidable": False}),
            ("answer", "answer", "escalation.send", 200, {"text": "eu-central"}),
            ("verify", "verify", "escalation.send", 409, {}),
            ("withdraw", "withdraw", "escalation.send", 200, {"text": "It was our own mistake."}),
            ("add", "add", "escalation.send", 400, {"text": ""}),
        )
    },
    ("api-contract-list", "get"): Case("contracts/", "contract.read", 200),
    ("api-contract-list", "post"): Case("contracts/", "contract.edit", 400, {"source_yaml": "key: x"}),
    ("api-contract-detail", "get"): Case("contracts/engineering/", "contract.read", 200),
    ("api-contract-versions", "get"): Case("contracts/engineering/versions/", "contract.read", 200),
    ("api-contract-simulation", "get"): Case("contracts/engineering/simulation/", "contract.read", 200),
    ("api-customer-list", "get"): Case("customers/", "customer.read", 200),
    ("api-customer-detail", "get"): Case("customers/org_k3p7elJo60/", "customer.read", 200),
    ("api-customer-detail", "patch"): Case("customers/org_k3p7elJo60/", "customer.edit", 200, {"plan": "Scale"}),
    ("api-customer-directory", "post"): Case("customers/import/", "customer.edit", 200, {"customers": []}),
    ("api-playbook-list", "get"): Case("playbooks/", "playbook.read", 200),
    ("api-playbook-list", "post"): Case("playbooks/", "playbook.edit", 400, {"source_yaml": YAML}),
    ("api-playbook-validate", "post"): Case("playbooks/validate/", "playbook.read", 200, {"source_yaml": YAML}),
    ("api-playbook-detail", "get"): Case("playbooks/latency/", "playbook.read", 200),
    ("api-playbook-versions", "get"): Case("playbooks/latency/versions/", "playbook.read", 200),
    ("api-playbook-version", "get"): Case("playbooks/latency/versions/1/", "playbook.read", 200),
    ("api-playbook-diff", "get"): Case("playbooks/latency/versions/1/diff/1/", "playbook.read", 200),
    ("api-playbook-proposals", "get"): Case("playbooks/latency/proposals/", "playbook.read", 200),
    ("api-playbook-document-schema", "get"): Case("playbooks/schema/", "playbook.read", 200),
    ("api-backtest-list", "get"): Case("backtests/", "run.read", 200),
    ("api-backtest-list", "post"): Case("backtests/", "trial.start", 202, {"last": 5}),
    ("api-backtest-detail", "get"): Case("backtests/{backtest}/", "run.read", 200, foreign="backtests/{other_test}/"),
    ("api-backtest-cancel", "post"): Case(
        "backtests/{backtest}/cancel/", "trial.start", 200, {}, foreign="backtests/{other_test}/cancel/"
    ),
    ("api-widget", "get"): Case("widget/generic/10134/", "run.read", 200, foreign="widget/generic/20999/"),
    ("api-widget-start", "post"): Case(
        "widget/generic/10134/start/", "run.start", 202, foreign="widget/generic/20999/start/"
    ),
    ("api-widget-rerun", "post"): Case(
        "widget/generic/10134/rerun/", "run.start", 202, foreign="widget/generic/20999/rerun/"
    ),
    ("api-widget-feedback", "post"): Case(
        "widget/generic/10134/feedback/", "run.feedback", 201, {"verdict": "accepted"},
        foreign="widget/generic/20999/feedback/",
    ),
    ("api-recovery", "get"): Case("recovery/TK-10134/", "ticket.read", 200, foreign="recovery/TK-20999/"),
    ("api-recovery", "post"): Case(
        "recovery/TK-10134/", "ticket.resolve", 409, {"judged": 4}, foreign="recovery/TK-20999/"
    ),
    ("api-metrics", "get"): Case("metrics/", "metrics.read", 200),
    ("api-metric", "get"): Case("metrics/investigation-time/?group_by=week,team", "metrics.read", 200),
    ("api-metrics-diagnosis", "get"): Case("metrics/diagnosis/", "playbook.read", 200),
    ("api-connection-list", "get"): Case("connections/", "connection.read", 200),
    ("api-connection-detail", "get"): Case("connections/github:main/", "connection.read", 200),
    ("api-connection-detail", "put"): Case(
        "connections/github:main/", "connection.edit", 200, {"base_url": "https://api.github.com"}
    ),
    ("api-connection-test", "post"): Case("connections/nothing:main/test/", "connection.edit", 404, {}),
    ("api-automation", "get"): Case("automation/", "automation.read", 200),
    ("api-automation", "put"): Case(
        "automation/", "automation.edit", 200, {"version": 0, "rules": {"default": "watch"}}
    ),
    ("api-automation-simulation", "post"): Case("automation/simulation/", "automation.read", 200, {"rules": {}}),
    ("api-automation-switch", "post"): Case("automation/switch/", "automation.edit", 409, {"is_on": True}),
    ("api-automation-version-list", "get"): Case("automation/versions/", "automation.read", 200),
    ("api-automation-version-detail", "get"): Case("automation/versions/7/", "automation.read", 404),
    ("api-automation-version-restore", "post"): Case(
        "automation/versions/0/restore/", "automation.edit", 200, {"version": 0}
    ),
    ("api-profile", "get"): Case("profile/", "connection.read", 200),
    ("api-profile", "put"): Case("profile/", "connection.edit", 200, {"vendor": "Harborline"}),
    ("api-inbound-event-list", "get"): Case("inbound/events/", "inbound.read", 200),
    ("api-inbound-event-detail", "get"): Case("inbound/events/{event}/", "inbound.read", 200),
    ("api-inbound-event-replay", "post"): Case("inbound/events/{event}/replay/", "inbound.replay", 202, {}),
    ("api-inbound-endpoint-list", "get"): Case("inbound/endpoints/", "inbound.read", 200),
    ("api-inbound-endpoint-list", "post"): Case(
        "inbound/endpoints/", "inbound.replay", 201, {"source": "generic", "connection": "other"}
    ),
    ("api-inbound-endpoint-detail", "get"): Case("inbound/endpoints/generic:desk/", "inbound.read", 200),
    ("api-inbound-endpoint-rotate", "post"): Case("inbound/endpoints/generic:desk/rotate/", "inbound.replay", 200),
    ("api-inbound-endpoint-drop-old", "post"): Case("inbound/endpoints/generic:desk/drop-old/", "inbound.replay", 200),
    ("api-outbound-endpoint-list", "get"): Case("outbound/endpoints/", "outbound.read", 200),
    ("api-outbound-endpoint-list", "post"): Case(
        "outbound/endpoints/", "outbound.edit", 201,
        {"title": "Other", "url": "https://hooks.altor.example/in", "event_types": ["run.finished"]},
    ),
    ("api-outbound-endpoint-detail", "get"): Case("outbound/endpoints/warehouse/", "outbound.read", 200),
    ("api-outbound-endpoint-detail", "patch"): Case(
        "outbound/endpoints/warehouse/", "outbound.edit", 200, {"title": "Lake"}
    ),
    ("api-outbound-endpoint-rotate", "post"): Case("outbound/endpoints/warehouse/rotate/", "outbound.edit", 200),
    ("api-outbound-endpoint-drop-old", "post"): Case("outbound/endpoints/warehouse/drop-old/", "outbound.edit", 200),
    ("api-outbound-endpoint-disable", "post"): Case(
        "outbound/endpoints/warehouse/disable/", "outbound.edit", 200, {"reason": "moved"}
    ),
    ("api-outbound-endpoint-enable", "post"): Case("outbound/endpoints/warehouse/enable/", "outbound.edit", 200),
    ("api-outbound-endpoint-test", "post"): Case("outbound/endpoints/warehouse/test/", "outbound.edit", 202),
    ("api-outbound-endpoint-replay", "post"): Case(
        "outbound/endpoints/warehouse/replay/", "outbound.edit", 202, {"since": "2026-05-01T00:00:00Z"}
    ),
    ("api-question-list", "get"): Case("questions/", "escalation.read", 200),
    ("api-question-list", "post"): Case(
        "questions/", "question.ask", 201,
        {"ticket": "TK-10134", "to": "team:ours", "text": "Since when is the limiter like this?"},
    ),
    ("api-question-detail", "get"): Case("{qu}", "escalation.read", 200, foreign="{foreign_qu}"),
    ("api-question-answer", "post"): Case(
        "{qu}answer/", "escalation.work", 200, {"text": "Yes."}, foreign="{foreign_qu}answer/"
    ),
    ("api-question-withdraw", "post"): Case(
        "{qu}withdraw/", "question.ask", 200, {}, foreign="{foreign_qu}withdraw/"
    ),
    ("api-escalation-time", "get"): Case("{esc}time/", "escalation.read", 200, foreign="{foreign_esc}time/"),
    ("api-escalation-time", "post"): Case(
        "{esc}time/", "escalation.work", 200, {"day": "2026-05-01", "minutes": 20}, foreign="{foreign_esc}time/"
    ),
    ("api-handoff-list", "get"): Case("handoffs/", "ticket.read", 200),
    ("api-handoff-detail", "get"): Case("{handoff}", "ticket.read", 200, foreign="{foreign_handoff}"),
    ("api-handoff-detail", "patch"): Case(
        "{handoff}", "handoff.take", 200, {"note": "Quiet."}, foreign="{foreign_handoff}"
    ),
    **{
        (f"api-handoff-{name}", "post"): Case(
            f"{{handoff}}{name}/", "handoff.take", works, body, foreign=f"{{foreign_handoff}}{name}/"
        )
        for name, works, body in (
            ("sign", 200, {}),
            ("accept", 404, {"item": "TK-0"}),
            ("refuse", 404, {"item": "TK-0", "reason": "Not for me"}),
            ("take", 404, {"item": "TK-0"}),
        )
    },
    ("api-incident-list", "get"): Case("incidents/", "incident.read", 200),
    ("api-incident-list", "post"): Case("incidents/", "incident.declare", 201, {"ticket": "TK-10134"}),
    ("api-incident-proposal", "get"): Case(
        "incidents/proposal/?ticket=TK-10134", "incident.declare", 200, foreign="incidents/proposal/?ticket=TK-20999"
    ),
    ("api-incident-detail", "get"): Case("{inc}", "incident.read", 200, foreign="{foreign_inc}"),
    ("api-incident-detail", "patch"): Case("{inc}", "incident.work", 200, {"channel": "#inc"}, foreign="{foreign_inc}"),
    **{
        (f"api-incident-{name}", "post"): Case(
            f"{{inc}}{path}/", permission, works, body, foreign=f"{{foreign_inc}}{path}/"
        )
        for name, path, permission, works, body in (
            ("note", "note", "incident.work", 200, {"text": "We look at it."}),
            (
                "updates", "updates", "incident.work", 201,
                {"stage": "fixing", "texts": {"en": "You hear from us again by {next_update}."}},
            ),
            ("tickets", "tickets", "incident.work", 404, {"ticket": "TK-0"}),
            ("move", "move", "incident.work", 200, {"to": "fixed"}),
            ("close", "close", "incident.work", 400, {"cause_label": "x", "cause_text": "What made it."}),
            ("reopen", "reopen", "incident.work", 200, {"why": "It came back again."}),
            ("told", "told", "incident.work", 404, {"customers": [1]}),
            (
                "follow-ups", "follow-ups", "incident.work", 201,
                {"text": "Alert on it", "owner": "lead", "due_on": "2026-05-08"},
            ),
            ("follow-up", "follow-ups/1", "incident.read", 404, {"done": True}),
        )
    },
    ("api-incident-suggestion-list", "get"): Case("incident-suggestions/", "incident.declare", 200),
    ("api-incident-suggestion-dismiss", "post"): Case(
        "incident-suggestions/1/dismiss/", "incident.declare", 404, {"why": "A reason of some length."}
    ),
    ("api-oncall-now", "get"): Case("oncall/now/", "oncall.read", 200),
    ("api-oncall-schedule", "get"): Case("oncall/schedule/", "oncall.read", 200),
    ("api-rotation-list", "get"): Case("oncall/rotations/", "oncall.read", 200),
    ("api-rotation-list", "post"): Case("oncall/rotations/", "oncall.edit", 400, {"name": "x"}),
    ("api-rotation-detail", "get"): Case("oncall/rotations/nothing/", "oncall.read", 404),
    ("api-rotation-detail", "put"): Case("oncall/rotations/nothing/", "oncall.edit", 404, {}),
    ("api-rotation-versions", "get"): Case("oncall/rotations/nothing/versions/", "oncall.read", 404),
    ("api-rotation-activate", "post"): Case("oncall/rotations/nothing/activate/", "oncall.edit", 404),
    ("api-rotation-withdraw", "post"): Case("oncall/rotations/nothing/withdraw/", "oncall.edit", 404),
    ("api-override-list", "get"): Case("oncall/overrides/", "oncall.read", 200),
    ("api-override-list", "post"): Case(
        "oncall/overrides/", "oncall.take", 404,
        {"rotation": "nothing", "person": "ana", "begins_at": "2026-05-01T12:00Z", "ends_at": "2026-05-01T13:00Z"},
    ),
    ("api-override-detail", "delete"): Case("oncall/overrides/7/", "oncall.take", 404),
    ("api-outbound-delivery-list", "get"): Case("outbound/deliveries/", "outbound.read", 200),
    ("api-outbound-delivery-detail", "get"): Case("outbound/deliveries/msg_00ff/", "outbound.read", 200),
    ("api-outbound-delivery-replay", "post"): Case("outbound/deliveries/msg_00ff/replay/", "outbound.edit", 202),
}  # fmt: skip
#: Guarded by something else than a permission, and tested where that is: signatures, login, no guard.
ELSEWHERE = {
    "api-hook", "api-docs", "api-schema", "api-unknown", "health-live", "health-ready", "api-widget-launch",
    "api-widget-token", "api-widget-pair", "api-widget-claim",
    "api-knowledge-feed",
}  # fmt: skip


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif path.startswith("api/v1/") and pattern.name not in ELSEWHERE:
            actions = getattr(pattern.callback, "actions", None)
            view = getattr(pattern.callback, "cls", None)
            named = (
                list(actions) if actions else [m for m in ("get", "post", "put", "patch", "delete") if hasattr(view, m)]
            )
            yield from ((str(pattern.name), method) for method in named if method != "head")


def spelled(path: str, world: World) -> str:
    return API + path.format(
        run=f"investigations/{world.run.ref}/",
        foreign=f"investigations/{world.foreign_run.ref}/",
        older=world.older_run.ref,
        older_run=f"investigations/{world.older_run.ref}/",
        esc=f"escalations/{world.escalation.ref}/",
        foreign_esc=f"escalations/{world.foreign_escalation.ref}/",
        rec=f"recoveries/{world.recovery.ref}/",
        foreign_rec=f"recoveries/{world.foreign_recovery.ref}/",
        qu=f"questions/{world.question.ref}/",
        foreign_qu=f"questions/{world.foreign_question.ref}/",
        handoff=f"handoffs/{world.handoff.ref}/",
        foreign_handoff=f"handoffs/{world.foreign_handoff.ref}/",
        inc=f"incidents/{world.incident.ref}/",
        foreign_inc=f"incidents/{world.foreign_incident.ref}/",
        kb=f"knowledge/{world.entry.ref}/",
        foreign_kb=f"knowledge/{world.foreign_entry.ref}/",
        foreign_ref=world.foreign_run.ref,
        event=world.dead_event.pk,
        backtest=world.backtest.ref,
        other_test=world.foreign_backtest.ref,
    )


def call(client: APIClient, method: str, path: str, body: Any) -> Any:
    """One call whose effects are undone."""
    with transaction.atomic():
        response = getattr(client, method)(path, body, format="json") if method != "get" else client.get(path)
        transaction.set_rollback(True)
    return response


def test_every_route_of_the_api_is_in_the_matrix() -> None:
    assert set(routes(get_resolver().url_patterns)) == set(MATRIX)


@pytest.mark.parametrize("key", MATRIX, ids=lambda key: f"{key[1]} {key[0]}")
def test_a_role_may_what_the_table_says_and_nothing_else(key: tuple[str, str], world: World) -> None:
    case, method = MATRIX[key], key[1]
    path = spelled(case.path, world)
    for role in Role.values:
        response = call(client_of(world.people[role]), method, path, case.body)
        expected = case.works if role_may(role, case.permission) else 403
        assert response.status_code == expected, (role, response.content[:300])
        if expected >= 400:
            assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("key", MATRIX, ids=lambda key: f"{key[1]} {key[0]}")
def test_without_login_or_with_a_token_of_no_scopes_nothing_is_allowed(key: tuple[str, str], world: World) -> None:
    case, method = MATRIX[key], key[1]
    path = spelled(case.path, world)
    assert call(APIClient(), method, path, case.body).status_code == 401
    other = "customer.read" if case.permission != "customer.read" else "run.read"
    narrow = client_of(world.people["admin"], other)
    assert call(narrow, method, path, case.body).status_code == 403
    fitting = client_of(world.people["admin"], case.permission)
    assert call(fitting, method, path, case.body).status_code == case.works or key == ("api-token-list", "post")


@pytest.mark.parametrize(
    "key", [key for key, case in MATRIX.items() if case.foreign], ids=lambda key: f"{key[1]} {key[0]}"
)
def test_another_teams_object_looks_like_none(key: tuple[str, str], world: World) -> None:
    case, method = MATRIX[key], key[1]
    path = spelled(case.foreign, world)
    for role in (Role.AGENT, Role.LEAD, Role.ENGINEER, Role.READ_ONLY):
        response = call(client_of(world.people[role]), method, path, case.body)
        assert response.status_code == (404 if role_may(role, case.permission) else 403), role
        assert "TK-20999" not in response.content.decode()


def test_no_search_match_or_list_shows_another_teams_entry(world: World) -> None:
    for role in (Role.AGENT, Role.LEAD, Role.ENGINEER, Role.READ_ONLY):
        client = client_of(world.people[role])
        for query in ("", "?q=theirs alone", "?q=slow", "?q=TK-20999", "?q=thiers", "?limit=50", "?component=&q=api"):
            assert "Theirs alone" not in client.get(f"{API}knowledge/{query}").content.decode(), (role, query)
        found = client.post(f"{API}knowledge/match/", {"text": "Theirs alone: API is slow"}, format="json")
        assert found.status_code == 200 and "Theirs" not in found.content.decode()
    seen = client_of(world.people["outsider"]).get(f"{API}knowledge/?q=theirs").json()["results"]
    assert next(one["entry"]["title"] for one in seen) == "Theirs alone"


@pytest.mark.parametrize("path", ["tickets/", "investigations/"])
def test_lists_filters_and_search_show_own_teams_only(path: str, world: World) -> None:
    for role in (Role.AGENT, Role.LEAD, Role.ENGINEER, Role.READ_ONLY):
        client = client_of(world.people[role])
        queries = ["", "?limit=200", "?q=20999", "?q=slow"] if path == "tickets/" else ["", "?ticket=TK-20999"]
        for query in queries:
            assert "TK-20999" not in client.get(API + path + query).content.decode()
    everything = client_of(world.people["admin"]).get(API + path).content.decode()
    assert "TK-20999" in everything


def test_what_is_not_named_is_refused(world: World) -> None:
    from investigations.api.tickets import TicketViewSet

    named = TicketViewSet.required_permissions
    TicketViewSet.required_permissions = {}
    try:
        assert client_of(world.people["admin"]).get(f"{API}tickets/").status_code == 403
    finally:
        TicketViewSet.required_permissions = named


def test_views_and_serializers_never_take_rows_around_visible_to() -> None:
    """`.objects.all()` and `.objects.get(` have no place where a caller's rows are chosen."""
    root = Path(__file__).parents[2]
    apps = [root / name for name in ("altor", "investigations", "escalations", "knowledge", "metrics")]
    wanted = ("api/*.py", "serializers.py")
    files = [file for app in apps for pattern in wanted for file in app.glob(pattern)]
    files += (root / "investigations" / "views").glob("*.py")
    assert len(files) > 10
    for file in files:
        assert not re.search(rf"\b(?:{OF_A_TEAM})\.objects\.(?:all\(\)|get\()", file.read_text()), file
