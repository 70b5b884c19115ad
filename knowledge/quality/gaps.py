"""Causes that come again and again and that nobody has written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from altor.models import User
from investigations.engine.store import NO_CAUSE
from investigations.models import Ticket
from investigations.services.causes import known_causes
from investigations.services.findings import findings_of
from knowledge.models import Entry

#: From so many tickets on a cause is worth an entry.
FROM: Final = 2
#: Tickets that are looked at, the newest first.
_LOOKED_AT: Final = 2000


@dataclass(frozen=True, slots=True)
class Gap:
    label: str
    title: str
    incident_class: str
    tickets: Sequence[str]  # newest first
    customers: int


def gaps(user: User, since: datetime) -> list[Gap]:
    """Causes that the team found on at least FROM tickets since then and that no entry in use is about, the most
    frequent first. Of the tickets and entries that the person may see. Four queries.
    """
    tickets = list(
        Ticket.objects.visible_to(user)
        .filter(opened_at__gte=since)
        .order_by("-opened_at")
        .values_list("pk", "ref", "customer")[:_LOOKED_AT]
    )
    found = findings_of([pk for pk, _, _ in tickets])
    by_label: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
    for pk, ref, customer in tickets:
        label = found[pk].label if pk in found else ""
        if label and label not in NO_CAUSE and label != "other.out_of_scope":
            by_label[label].append((ref, customer))
    causes = known_causes()
    written = set(Entry.objects.visible_to(user).in_use().exclude(label="").values_list("label", flat=True))
    written |= {kin for label in written if label in causes for kin in causes[label].kin}
    return sorted(
        (
            Gap(
                label,
                causes[label].title if label in causes else label,
                causes[label].incident_class if label in causes else "",
                [ref for ref, _ in of],
                len({customer for _, customer in of if customer is not None}),
            )
            for label, of in by_label.items()
            if len(of) >= FROM and label not in written
        ),
        key=lambda gap: (-len(gap.tickets), gap.label),
    )
