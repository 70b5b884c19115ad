"""What escalations stores."""

from escalations.models.contracts import Contract, ContractVersion
from escalations.models.escalations import (
    ChecklistAnswer,
    Escalation,
    EscalationDraft,
    EscalationEvent,
    EscalationTicket,
    GapTask,
    Verdict,
)
from escalations.models.linear import (
    IssueChange,
    IssueComment,
    IssueLink,
    IssuePull,
    LinearConnection,
    TrackedIssue,
)

__all__ = [
    "ChecklistAnswer",
    "Contract",
    "ContractVersion",
    "Escalation",
    "EscalationDraft",
    "EscalationEvent",
    "EscalationTicket",
    "GapTask",
    "IssueChange",
    "IssueComment",
    "IssueLink",
    "IssuePull",
    "LinearConnection",
    "TrackedIssue",
    "Verdict",
]
