"""Causes that people confirmed in earlier cases: the known root causes that a run may weigh.

Read with the run's clock: a verdict that was given after it is not seen, or a case that is run again to test a playbook
would be told its own answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.db.models.functions import Coalesce

from investigations.diagnosis.facts import plain
from investigations.models import Feedback, Investigation, Ticket
from investigations.services.causes import UNDECIDED

LOOKBACK: Final = timedelta(days=180)
#: So many cases are kept with a run, and so many of them at most for being this customer's.
MOST: Final = 20
MOST_OWN: Final = 10
Case = dict[str, Any]


def earlier_cases(ticket: Ticket, *, as_of: datetime, endpoint: str | None) -> list[Case]:
    """Confirmed causes of the other tickets of the ticket's team, newest first, at most MOST. One or two queries.

    {"ref", "ticket", "label", "title", "class", "at": ISO 8601, when its run ended, "days": from then to `as_of`,
    "same_customer", "endpoint": or None, "same_endpoint", "culprit_id": or None}. Neither texts of customers nor names.
    A ticket is one case, whatever its runs; of several verdicts on it the last one before `as_of` counts, and one that
    names no cause takes back those before it.
    """
    # All of the ticket's verdicts, and only then those with a cause: a rejection hides what was accepted before it.
    last = (
        Feedback.objects.filter(
            investigation__ticket__team=ticket.team_id, investigation__status=Investigation.Status.DONE, at__lt=as_of
        )
        .exclude(investigation__ticket=ticket.pk)
        .order_by("investigation__ticket_id", "-pk")
        .distinct("investigation__ticket_id")
    )
    accepted = Q(verdict="accepted") | Q(grade=Feedback.Grade.EXACT)
    confirmed = (
        Feedback.objects.filter(pk__in=last.values("pk"))
        .annotate(ended=Coalesce("investigation__finished_at", "investigation__queued_at"))
        .filter(ended__gte=as_of - LOOKBACK, ended__lt=as_of)
        .filter(~Q(label="") | (accepted & ~Q(investigation__top_label__in=["", UNDECIDED])))
        .exclude(label=UNDECIDED)
        .select_related("investigation__ticket")
        .defer("comment", "investigation__ticket__description", "investigation__ticket__subject")
        .order_by("-ended", "-pk")
    )
    newest = list(confirmed[:MOST])
    if ticket.customer_id is not None:
        # Cases of many others must not crowd out those of this customer.
        own = list(confirmed.filter(investigation__ticket__customer=ticket.customer_id)[:MOST_OWN])
        kept = {row.pk for row in own}
        newest = [*own, *(row for row in newest if row.pk not in kept)][:MOST]
        newest.sort(key=lambda row: (row.ended, row.pk), reverse=True)
    return [_case(row, ticket, as_of, endpoint) for row in newest]


def _case(row: Any, ticket: Ticket, as_of: datetime, endpoint: str | None) -> Case:
    """`row`: a Feedback with its run, its run's ticket, and `ended`."""
    run: Investigation = row.investigation
    document = run.diagnosis or {}
    label = row.label or run.top_label
    # What the run said of reach and culprit belongs to its own answer, not to what it was corrected to.
    said = document if label == run.top_label else {}
    scope, culprit = said.get("scope") or {}, said.get("culprit") or {}
    reach = scope.get("value") if scope.get("kind") == "endpoint" else None
    titles = {item["label"]: item["title"] for item in document.get("candidates", [])}
    return {
        "ref": run.ref,
        "ticket": run.ticket.ref,
        "label": label,
        "title": titles.get(label, label),
        "class": said.get("class") or run.ticket.incident_class,
        "at": plain(row.ended),
        "days": round((as_of - row.ended) / timedelta(days=1), 2),
        "same_customer": ticket.customer_id is not None and run.ticket.customer_id == ticket.customer_id,
        "endpoint": reach,
        "same_endpoint": bool(endpoint) and reach == endpoint,
        "culprit_id": culprit.get("id"),
    }
