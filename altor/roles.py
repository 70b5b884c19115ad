"""Who may do what: one table, rendered into `docs/reference/permissions.md`. What is not granted is refused."""

from __future__ import annotations

from typing import Final

from django.db import models


class Role(models.TextChoices):
    AGENT = "agent", "Support engineer"
    LEAD = "lead", "Support lead"
    ENGINEER = "engineer", "Product engineer"
    ADMIN = "admin", "Administrator"
    READ_ONLY = "read_only", "Read only"


_A, _L, _E, _X, _R = Role.AGENT, Role.LEAD, Role.ENGINEER, Role.ADMIN, Role.READ_ONLY

#: permission -> (roles that hold it, what it allows in words)
PERMISSIONS: Final[dict[str, tuple[frozenset[Role], str]]] = {
    "ticket.read": (frozenset({_A, _L, _E, _X, _R}), "Read tickets of the own teams"),
    "ticket.create": (frozenset({_A, _L, _X}), "Create a ticket by form or API"),
    "ticket.edit": (
        frozenset({_A, _L, _X}),
        "Take and assign tickets; correct customer, class, endpoint, window and owner",
    ),
    "ticket.reply": (frozenset({_A, _L, _X}), "Draft, send and record replies to the customer"),
    "ticket.resolve": (frozenset({_A, _L, _X}), "Resolve a ticket and reopen it"),
    "run.read": (frozenset({_A, _L, _E, _X, _R}), "Read investigations and their evidence"),
    "run.start": (frozenset({_A, _L, _E, _X}), "Start, re-run and cancel an investigation"),
    "run.answer": (frozenset({_A, _L, _E, _X}), "Answer a manual step"),
    "run.feedback": (frozenset({_A, _L, _E, _X}), "Say what the cause really was"),
    "practice.try": (frozenset({_A, _L, _E, _X}), "Practise on closed tickets; leads see the tries at their tickets"),
    "trial.start": (frozenset({_L, _X}), "Dry-run playbooks and backtest over past tickets"),
    "gate.override": (frozenset({_L, _X}), "Reply or escalate before the required steps have run, with a reason"),
    "evidence.unredacted": (frozenset({_X}), "See unredacted evidence (each view is audited)"),
    "playbook.read": (frozenset({_A, _L, _E, _X, _R}), "Read playbooks, their versions and differences"),
    "playbook.edit": (
        frozenset({_L, _X}),
        "Draft, try, publish, approve and activate playbooks; train the text model and switch it off",
    ),
    "reply_template.read": (frozenset({_A, _L, _E, _X, _R}), "Read reply templates, their versions and differences"),
    "reply_template.edit": (frozenset({_L, _X}), "Edit, activate and restore reply templates"),
    "reply.override": (frozenset({_L, _X}), "Send a reply although the check found a leak in it, with a reason"),
    "knowledge.read": (
        frozenset({_A, _L, _E, _X, _R}),
        "Search and read root-cause entries: those for all, and those of the own teams",
    ),
    "knowledge.write": (frozenset({_A, _L, _E, _X}), "Write and improve entries, link them, say whether they helped"),
    "knowledge.review": (
        frozenset({_L, _E, _X}),
        "Validate, archive and restrict entries; set audience, owner, team and review date",
    ),
    "escalation.read": (frozenset({_A, _L, _E, _X, _R}), "Read escalations and their packets"),
    "escalation.send": (frozenset({_A, _L, _X}), "Escalate to engineering, join, answer and withdraw an escalation"),
    "escalation.override": (
        frozenset({_A, _L, _X}),
        "Send an escalation past its contract with a reason, where the contract lets the role",
    ),
    "escalation.work": (
        frozenset({_L, _E, _X}),
        "Acknowledge, accept, return, update, resolve and judge escalations",
    ),
    "question.ask": (
        frozenset({_A, _L, _X}),
        "Ask engineering a question without an escalation; join and withdraw it",
    ),
    "incident.read": (
        frozenset({_A, _L, _E, _X, _R}),
        "Read incidents of the tickets and escalations one may open, and of the own teams for who may declare",
    ),
    "incident.declare": (
        frozenset({_L, _E, _X}),
        "Declare an incident, join one, dismiss the suggestion of one",
    ),
    "incident.work": (
        frozenset({_L, _E, _X}),
        "Run an incident: updates, customers, severity, commander, closing, follow-ups",
    ),
    "contract.read": (frozenset({_A, _L, _E, _X, _R}), "Read escalation contracts, their versions and differences"),
    "contract.edit": (frozenset({_L, _X}), "Edit, try, activate and restore escalation contracts"),
    "oncall.read": (frozenset({_A, _L, _E, _X, _R}), "See who is on call, and have it as a calendar"),
    "oncall.take": (frozenset({_A, _L, _E, _X}), "Be on call; take shifts of the own team, ask for swaps, answer them"),
    "oncall.edit": (
        frozenset({_L, _X}),
        "Edit rotations of the own teams and put others in (administrators: of all)",
    ),
    "handoff.take": (
        frozenset({_A, _L, _X}),
        "Write, sign, accept and refuse the own handoffs at the ends of shifts",
    ),
    "handoff.edit": (
        frozenset({_L, _X}),
        "Set handoffs of the own teams, and take over for others in them (administrators: in all)",
    ),
    "sla.edit": (frozenset({_L, _X}), "Edit and activate SLA policies; say who answers for a team's queue"),
    "metrics.read": (
        frozenset({_A, _L, _E, _X, _R}),
        "Read the metrics of the own teams (engineers: of the tickets they work on)",
    ),
    "review.read": (frozenset({_A, _L, _X, _R}), "Read the weekly reviews of the own teams"),
    "review.hold": (frozenset({_L, _X}), "Prepare, hold and close weekly reviews of the own teams"),
    "customer.read": (frozenset({_A, _L, _E, _X, _R}), "Read the customer directory"),
    "customer.edit": (frozenset({_L, _X}), "Edit the customer directory"),
    "connection.read": (frozenset({_L, _X}), "See connections and their health"),
    "connection.edit": (frozenset({_X}), "Create, change and test connections; edit the installation profile"),
    "automation.read": (
        frozenset({_A, _L, _E, _X, _R}),
        "Read the rules that decide which tickets are investigated automatically",
    ),
    "automation.edit": (
        frozenset({_L, _X}),
        "Change these rules; switch automatic investigations off for everybody, and on again",
    ),
    "inbound.read": (frozenset({_L, _X}), "See inbound events and their failures"),
    "inbound.replay": (frozenset({_X}), "Replay inbound events; manage webhook endpoints"),
    "outbound.read": (frozenset({_L, _X}), "See outbound webhooks and what became of their deliveries"),
    "outbound.edit": (frozenset({_X}), "Manage outbound webhooks; test and replay deliveries"),
    "notice.channels": (
        frozenset({_L, _X}),
        "Set up and test notice channels of the own teams (administrators: of all)",
    ),
    "token.own": (frozenset({_A, _L, _E, _X, _R}), "Create and revoke own API tokens"),
    "token.all": (frozenset({_X}), "See and revoke others' API tokens"),
    "user.edit": (frozenset({_X}), "Manage people, roles and teams"),
    "audit.read": (frozenset({_X}), "Read the audit log"),
    "export": (frozenset({_L, _X}), "Export lists"),
}

#: What a sidebar may that no person stands behind: only its helpdesk vouches for whoever sits in front of it.
VOUCHED: Final = frozenset({"ticket.read", "run.read", "run.start"})


def role_may(role: str, permission: str) -> bool:
    """Unknown permissions raise KeyError: a typing error must not read as a refusal (or as a grant)."""
    return role in PERMISSIONS[permission][0]
