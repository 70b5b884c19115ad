"""What escalations stores."""

from escalations.models.attachments import AttachedFile, ItemFile
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
from escalations.models.handoffs import Handoff, HandoffItem, HandoffSetting
from escalations.models.interruptions import Question, QuestionPerson, TypedHours
from escalations.models.linear import IssueChange, IssueComment, IssueLink, IssuePull, LinearConnection, TrackedIssue
from escalations.models.oncall import (
    CalendarLink,
    ImportedCalendar,
    Rotation,
    RotationOverride,
    RotationVersion,
    ShiftSwap,
)
from escalations.models.ownership import (
    SlaPolicy,
    SlaPolicyVersion,
    TeamQueue,
    TicketClock,
    TicketClockEvent,
    TicketClockWork,
    TicketStanding,
)

__all__ = [
    "AttachedFile",
    "CalendarLink",
    "ChecklistAnswer",
    "Contract",
    "ContractVersion",
    "Escalation",
    "EscalationDraft",
    "EscalationEvent",
    "EscalationTicket",
    "GapTask",
    "Handoff",
    "HandoffItem",
    "HandoffSetting",
    "ImportedCalendar",
    "IssueChange",
    "IssueComment",
    "IssueLink",
    "IssuePull",
    "ItemFile",
    "LinearConnection",
    "Question",
    "QuestionPerson",
    "Rotation",
    "RotationOverride",
    "RotationVersion",
    "ShiftSwap",
    "SlaPolicy",
    "SlaPolicyVersion",
    "TeamQueue",
    "TicketClock",
    "TicketClockEvent",
    "TicketClockWork",
    "TicketStanding",
    "TrackedIssue",
    "TypedHours",
    "Verdict",
]
