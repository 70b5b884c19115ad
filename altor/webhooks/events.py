"""The registry of event types. Apps add theirs through the setting OUTBOUND_EVENTS."""

from __future__ import annotations

from typing import Final

from altor.registry import parts

#: type -> what it tells, for the people who choose
TYPES: Final[dict[str, str]] = {
    "ticket.received": "A ticket came in",
    "ticket.assigned": "A ticket got an owner, or another one",
    "ticket.resolved": "A ticket was resolved",
    "ticket.reopened": "A resolved ticket was opened again",
    "reply.sent": "The customer was replied to",
    "run.finished": "An investigation reached a diagnosis",
    "run.failed": "An investigation ended without a diagnosis",
    "gate.overridden": "Somebody went past a gate, with a reason",
}
#: Sent from an endpoint's page only; nobody subscribes to it.
TEST: Final = "endpoint.test"


def event_types() -> dict[str, str]:
    """Every type that can be subscribed to, in the order in which it is shown."""
    found = dict(TYPES)
    for more in parts("OUTBOUND_EVENTS"):
        found.update(more)
    return found
