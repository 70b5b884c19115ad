"""Link rate, reuse and what closed tickets leave behind (KCS v6; field notes on Xurrent and HDI).

Link rate = closed tickets with an entry that was linked or helped / closed tickets; links added after closing count.
Reuse = entries that helped somebody other than who wrote them. New against known = first entries of a cause against
tickets whose entry was there. All of the tickets that the reader may see, by the time of their last closing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from altor.models import User
from investigations.models import Ticket
from knowledge.models import Entry, EntryUse, Learned

How = Learned.How
#: Tickets behind a figure that are listed.
LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `of`; the references behind the hits, and behind the rest."""

    key: str
    title: str
    means: str
    tickets: Sequence[str]
    others: Sequence[str]

    @property
    def hits(self) -> int:
        return len(self.tickets)

    @property
    def of(self) -> int:
        return len(self.tickets) + len(self.others)

    @property
    def share(self) -> float | None:
        """0 to 1; None of nothing."""
        return self.hits / self.of if self.of else None


def rates(user: User, since: datetime) -> list[Rate]:
    """The figures since then, with the tickets behind each. Four queries."""
    closed = dict(
        Ticket.objects.visible_to(user)
        .filter(status=Ticket.Status.RESOLVED, resolved_at__gte=since)
        .order_by("-resolved_at")
        .values_list("pk", "ref")
    )
    readable = Entry.objects.visible_to(user).values("pk")
    learned = {
        row.ticket_id: row
        for row in Learned.objects.filter(ticket__in=closed, resolved_at__gte=since).order_by("resolved_at")
    }
    helped = set(
        EntryUse.objects.filter(ticket__in=closed, verdict=EntryUse.Verdict.HELPED, entry__in=readable).values_list(
            "ticket", flat=True
        )
    )
    reused = set(
        EntryUse.objects.filter(
            ticket__in=closed, verdict=EntryUse.Verdict.HELPED, is_own=False, entry__in=readable
        ).values_list("ticket", flat=True)
    )
    linked = {pk for pk, row in learned.items() if row.how != How.NOTHING} | helped
    new = {pk for pk, row in learned.items() if row.how == How.DRAFT}

    def rate(key: str, title: str, means: str, hits: set[int], of: set[int]) -> Rate:
        ordered = [pk for pk in closed if pk in of]
        return Rate(
            key, title, means, [closed[pk] for pk in ordered if pk in hits],
            [closed[pk] for pk in ordered if pk not in hits],
        )  # fmt: skip

    everything = set(closed)
    return [
        rate("asked", "Answered", "Closed tickets of which somebody said what they left behind.", set(learned),
             everything),
        rate("linked", "Link rate", "Closed tickets with an entry that was linked, drafted or helped. 60 to 80 % is "
             "usual of teams that do it well.", linked, everything),
        rate("reused", "Reuse", "Closed tickets on which an entry helped somebody who had not written it.", reused,
             everything),
        rate("known", "Known before", "Of the tickets with an entry, those whose entry was there already.",
             linked - new, linked),
    ]  # fmt: skip


def left_behind(user: User, since: datetime) -> list[tuple[str, int]]:
    """(what it was, how often) of the closings since then, with the reasons for nothing; the most frequent first."""
    rows = Learned.objects.visible_to(user).filter(resolved_at__gte=since).values_list("how", "why")
    counts = Counter(f"{How(how).label}: {Learned.Why(why).label.lower()}" if why else str(How(how).label)
                     for how, why in rows)  # fmt: skip
    return counts.most_common()
