"""For whom a ticket waits, as its facts tell it: for the customer, for what it is held back for, for engineering, or
for us. The clocks pause by it, and the figures of phases set that time apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

_OVER: Final = ("solved", "closed")


class Told(Protocol):
    """A fact, of which this is read."""

    @property
    def kind(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...
    @property
    def subject(self) -> str: ...


@dataclass(slots=True)
class Waiting:
    """How a ticket stands after the facts that were taken so far, in their order."""

    is_open: bool = False
    status: str | None = None  # the helpdesk's; None: it tells none
    unanswered: bool = True  # the last word is the customer's
    replied: bool = False
    answered: bool = False  # by a reply that rests on a diagnosis, since the ticket was opened or reopened
    wrote_closed: bool = False  # the customer wrote while it was closed
    escalated: dict[str, bool] = field(default_factory=dict)  # open escalations -> whether it is engineering's turn

    def take(self, fact: Told) -> None:
        match fact.kind:
            case "ticket.received":
                self.is_open = True
            case "ticket.customer_wrote":
                self.unanswered = True
                self.wrote_closed = self.wrote_closed or not self.is_open
            case "ticket.replied" | "reply.sent":
                rests = fact.kind == "ticket.replied" and not fact.data.get("before_diagnosis")
                self.answered = self.answered or rests or fact.data.get("kind") == "answer"
                self.replied, self.unanswered, self.wrote_closed = True, False, False
            case "ticket.status":
                self.status = str(fact.data.get("status", ""))
            case "ticket.resolved":
                self.is_open = False
            case "ticket.reopened" if not self.is_open:
                self.is_open, self.answered, self.wrote_closed = True, False, False
                self.status = "open" if self.status in _OVER else self.status
            case "escalation.sent" | "escalation.joined" | "escalation.reopened" | "escalation.answered":
                self.escalated[fact.subject] = True
            case "escalation.asked":
                self.escalated[fact.subject] = False
            case "escalation.rejected" | "escalation.withdrawn" | "escalation.resolved":
                self.escalated.pop(fact.subject, None)

    @property
    def on(self) -> list[str]:
        """`hold`, `customer` and `engineering`, those that apply, in the order in which it is told; none for us."""
        if not self.is_open:
            return []
        found = []
        parked = self.answered if self.status is None else self.status == "pending"
        if self.status == "hold":
            found.append("hold")
        elif parked and not self.unanswered:
            found.append("customer")
        return [*found, "engineering"] if any(self.escalated.values()) else found
