"""Models of escalations: what tickets were promised, and how their clocks and owners stand."""

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
    "SlaPolicy",
    "SlaPolicyVersion",
    "TeamQueue",
    "TicketClock",
    "TicketClockEvent",
    "TicketClockWork",
    "TicketStanding",
]
