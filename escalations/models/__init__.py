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

__all__ = [
    "ChecklistAnswer",
    "Contract",
    "ContractVersion",
    "Escalation",
    "EscalationDraft",
    "EscalationEvent",
    "EscalationTicket",
    "GapTask",
    "Verdict",
]
