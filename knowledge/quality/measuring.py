"""How well the search finds what this installation's own tickets led to: resolved ticket -> entries that explain it.

Each labelled ticket is sent through the call that everything else uses. An entry that was drafted from the very ticket
is no answer to it: its words come from there.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from investigations.models import Ticket
from knowledge.models import Entry, EntryUse, Learned, Measurement
from knowledge.search.embedding.model import embedder
from knowledge.search.evaluation import DEPTH, Result, figures
from knowledge.search.finding import languages
from knowledge.search.matching import match

#: Tickets of one measurement, the newest.
MOST_PAIRS: Final = 500
#: How often it is measured by itself, and from how many tickets on.
EVERY, LEAST = timedelta(days=7), 5


def labelled_tickets(at_most: int = MOST_PAIRS) -> dict[int, dict[str, float]]:
    """Ticket -> entry (its id as text) -> 1.0, of the newest labelled tickets. Two queries."""
    grades: dict[int, dict[str, float]] = defaultdict(dict)
    drafted = set(Learned.objects.filter(how=Learned.How.DRAFT).values_list("ticket", "entry"))
    uses = EntryUse.objects.filter(verdict=EntryUse.Verdict.HELPED, entry__space="").exclude(
        entry__confidence="archived"
    )
    for ticket, entry in uses.order_by("-ticket").values_list("ticket", "entry"):
        if (ticket, entry) in drafted:
            continue
        if ticket not in grades and len(grades) >= at_most:
            break
        grades[ticket][str(entry)] = 1.0
    return dict(grades)


def measure_own() -> Result:
    """Every labelled ticket through `match`; `figures` are empty where there is none."""
    grades = {str(ticket): of for ticket, of in labelled_tickets().items()}
    texts = {
        str(pk): f"{subject}\n{description}"
        for pk, subject, description in Ticket.objects.filter(pk__in=grades).values_list("pk", "subject", "description")
    }
    entries, spoken = Entry.objects.filter(space="").in_use(), languages()
    run, seconds = {}, []
    for ticket, text in texts.items():
        answer = match(text, readable=entries, limit=DEPTH, languages=spoken)
        run[ticket] = [(str(one.entry_id), one.score) for one in answer.matches]
        seconds.append(answer.seconds)
    return Result(run, seconds, figures(run, grades))


def keep_measurement(now: datetime | None = None) -> Measurement | None:
    """Measure and keep; None with fewer than LEAST labelled tickets."""
    result = measure_own()
    if len(result.run) < LEAST:
        return None
    model = embedder()
    return Measurement.objects.create(
        at=now or timezone.now(), pairs=len(result.run), entries=Entry.objects.filter(space="").in_use().count(),
        model=model.name if model is not None else "",
        figures={**result.figures, "p50": round(result.at(0.5), 1), "p95": round(result.at(0.95), 1)},
    )  # fmt: skip


def is_due(now: datetime | None = None) -> bool:
    """No measurement for a while, and enough to measure with."""
    now = now or timezone.now()
    if Measurement.objects.filter(at__gt=now - EVERY).exists():
        return False
    return len(labelled_tickets(LEAST)) >= LEAST
