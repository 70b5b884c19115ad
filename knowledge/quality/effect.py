"""Whether tickets whose cause was known are diagnosed sooner.

Time to diagnosis = from the ticket's arrival to the first time that somebody confirmed its cause. Tickets on which an
entry was recognised are set beside the others of the same class. It is a comparison and no experiment: what is written
down is what comes often.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from django.db.models import Min, Q
from django.db.models.functions import Coalesce

from altor.models import User
from investigations.models import Feedback, Ticket
from knowledge.models import Entry, EntryUse, Recognition
from knowledge.models.recognition import State

#: Fewer tickets on one side say nothing.
LEAST: Final = 5
_LOOKED_AT: Final = 5000


@dataclass(frozen=True, slots=True)
class Effect:
    """Of one class: how many tickets with and without a known entry, and the medians in seconds."""

    incident_class: str
    known: int
    unknown: int
    known_s: float | None
    unknown_s: float | None

    @property
    def is_enough(self) -> bool:
        return self.known >= LEAST and self.unknown >= LEAST


def effects(user: User, since: datetime) -> Sequence[Effect]:
    """Each class with at least one ticket on either side, the most tickets first. Four queries."""
    tickets = {
        pk: (name, received)
        for pk, name, received in Ticket.objects.visible_to(user)
        .filter(received_at__gte=since)
        .exclude(incident_class="")
        .order_by("-received_at")
        .values_list("pk", "incident_class", "received_at")[:_LOOKED_AT]
    }
    said = (
        Feedback.objects.filter(Q(ticket__in=tickets) | Q(investigation__ticket__in=tickets))
        .exclude(label="")
        .annotate(of=Coalesce("ticket_id", "investigation__ticket_id"))
        .values("of")
        .annotate(first=Min("at"))
    )
    readable = Entry.objects.visible_to(user).values("pk")
    recognised = Recognition.objects.filter(
        investigation__ticket__in=tickets, state=State.RECOGNISED, entry__in=readable
    )
    known = set(recognised.values_list("investigation__ticket", flat=True))
    helped = EntryUse.objects.filter(ticket__in=tickets, verdict=EntryUse.Verdict.HELPED, entry__in=readable)
    known |= set(helped.values_list("ticket", flat=True))
    seconds: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for row in said:
        name, received = tickets[row["of"]]
        seconds[name][row["of"] not in known].append(max(0.0, (row["first"] - received).total_seconds()))
    found = [
        Effect(name, len(with_), len(without), _median(with_), _median(without))
        for name, (with_, without) in seconds.items()
    ]
    return sorted(found, key=lambda one: (-(one.known + one.unknown), one.incident_class))


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
