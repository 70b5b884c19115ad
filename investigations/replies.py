"""What an app above may say about a reply before it goes out (the setting `REPLY_CHECKS`), and who hears of a public
reply that an agent wrote in the helpdesk (the setting `REPLY_SEEN`); both list functions.

Findings that are leaks keep Altor from sending; wording is only remarked upon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from altor.errors import Conflict
from altor.registry import parts
from investigations.models import Investigation, Ticket, TicketMessage


@dataclass(frozen=True, slots=True)
class ReplyFinding:
    """`start` and `end` are offsets in the text as it was given; `suggestion` may be empty."""

    kind: str
    is_leak: bool
    start: int
    end: int
    quote: str
    why: str
    suggestion: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "is_leak": self.is_leak, "start": self.start, "end": self.end, "quote": self.quote,
            "why": self.why, "suggestion": self.suggestion,
        }  # fmt: skip


class ReplyCheck(Protocol):
    def __call__(self, ticket: Ticket, run: Investigation | None, text: str) -> Sequence[ReplyFinding]: ...


class ReplyLeaks(Conflict):
    code = "reply_leaks"
    title = "The reply tells what the customer must not read"


def check_reply(ticket: Ticket, run: Investigation | None, text: str) -> list[ReplyFinding]:
    """What every check finds, in the order of the text. `run` is the diagnosis the reply rests on."""
    found = [finding for check in parts("REPLY_CHECKS") for finding in check(ticket, run, text)]
    return sorted(found, key=lambda finding: (finding.start, finding.end, finding.kind))


class ReplySeen(Protocol):
    def __call__(self, ticket: Ticket, message: TicketMessage) -> object: ...


def reply_seen(ticket: Ticket, message: TicketMessage) -> None:
    """Tell the apps above of an agent's public message, in the caller's transaction. Safe to call twice."""
    for seen in parts("REPLY_SEEN"):
        seen(ticket, message)
