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
from escalations.models.handoffs import Handoff, HandoffItem, HandoffSetting
from escalations.models.incidents import (
    FollowUp,
    Incident,
    IncidentCustomer,
    IncidentEvent,
    IncidentSuggestion,
    IncidentTicket,
    IncidentUpdate,
)
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
from escalations.models.recovery import Recovery, RecoveryReading

__all__ = [
    "CalendarLink",
    "ChecklistAnswer",
    "Contract",
    "ContractVersion",
    "Escalation",
    "EscalationDraft",
    "EscalationEvent",
    "EscalationTicket",
    "FollowUp",
    "GapTask",
    "Handoff",
    "HandoffItem",
    "HandoffSetting",
    "ImportedCalendar",
    "Incident",
    "IncidentCustomer",
    "IncidentEvent",
    "IncidentSuggestion",
    "IncidentTicket",
    "IncidentUpdate",
    "IssueChange",
    "IssueComment",
    "IssueLink",
    "IssuePull",
    "LinearConnection",
    "Question",
    "QuestionPerson",
    "Recovery",
    "RecoveryReading",
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
