"""Customers, tickets, connections, playbook versions, investigations and their evidence."""

from investigations.models.automation import AutomationDecision, AutomationSwitch, AutomationVersion
from investigations.models.closures import TicketClosure
from investigations.models.connections import Connection, InstallationProfile
from investigations.models.customers import Customer
from investigations.models.helpdesks import (
    Backfill,
    HelpdeskConnection,
    InboundRefusal,
    TicketMessage,
    TicketMirror,
    TicketNote,
    WidgetLaunch,
)
from investigations.models.investigations import (
    Evidence,
    Feedback,
    GateOverride,
    Investigation,
    StepResult,
)
from investigations.models.playbook_proposals import PlaybookProposal
from investigations.models.playbooks import PlaybookApproval, PlaybookDraft, PlaybookVersion
from investigations.models.practice import PracticeTry
from investigations.models.textmodel import TextModel, TextModelSwitch
from investigations.models.tickets import Ticket, TicketClaim
from investigations.models.trials import Trial, TrialCase

__all__ = [
    "AutomationDecision",
    "AutomationSwitch",
    "AutomationVersion",
    "Backfill",
    "Connection",
    "Customer",
    "Evidence",
    "Feedback",
    "GateOverride",
    "HelpdeskConnection",
    "InboundRefusal",
    "InstallationProfile",
    "Investigation",
    "PlaybookApproval",
    "PlaybookDraft",
    "PlaybookProposal",
    "PlaybookVersion",
    "PracticeTry",
    "StepResult",
    "TextModel",
    "TextModelSwitch",
    "Ticket",
    "TicketClaim",
    "TicketClosure",
    "TicketMessage",
    "TicketMirror",
    "TicketNote",
    "Trial",
    "TrialCase",
    "WidgetLaunch",
]
