"""What customers were promised: apps above know it, and tell it through the setting HANDOFF_PROMISES."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from altor.registry import parts
from investigations.models import Ticket


@dataclass(frozen=True, slots=True)
class Promise:
    """What the customer of a ticket was told to hear or get by `due_at`."""

    due_at: datetime
    words: str


#: Functions of HANDOFF_PROMISES: from open tickets to the promises that are still to be kept, by the ticket's key.
PromisesOf = Callable[[Sequence[Ticket]], Mapping[int, Sequence[Promise]]]


def promises_of(tickets: Sequence[Ticket]) -> dict[int, list[Promise]]:
    """By the ticket's key, the next one first."""
    found: dict[int, list[Promise]] = {}
    if tickets:
        for part in parts("HANDOFF_PROMISES"):
            for pk, many in part(tickets).items():
                found.setdefault(pk, []).extend(many)
    return {pk: sorted(many, key=lambda one: one.due_at) for pk, many in found.items()}
