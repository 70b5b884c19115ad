"""What of a week is worth a look: at most ten tickets, of several sorts, each with why it was chosen.

Nobody is named. The sorts take turns, each with its weightiest first, so that one bad evening does not fill the agenda.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import zip_longest
from typing import Final

from django.db import connection
from django.db.models import OuterRef, Q, QuerySet, Subquery

from altor import words
from altor.models import PhaseEvent, Team
from escalations.models import Verdict
from metrics.models import Cycle, ReviewItem

Kind = ReviewItem.Kind
MOST: Final = 10
#: So many times the median of its class is slow, and such a part of it is quick.
SLOW: Final = 2.0
QUICK: Final = 0.5
#: Weeks whose closings make the median, and how many there must be.
BASE_WEEKS: Final = 12
BASE: Final = 8
#: Below it a diagnosis that was right is a surprise.
UNSURE: Final = 0.75


@dataclass(frozen=True, slots=True)
class Proposed:
    kind: Kind
    cycle: Cycle
    why: str


def propose(team: Team, week: date) -> list[Proposed]:
    """Of the closings of the team in that week, and of those that came back in it. A handful of queries."""
    closed = Cycle.objects.filter(team=team, week=week, gone="").select_related("ticket")
    medians = _medians(team, week)
    sorts = [
        _misses(closed), _avoidable(team, week), _broken(closed), _reopened(team, week), _slow(closed, medians),
        _successes(closed, medians),
    ]  # fmt: skip
    found: dict[int, Proposed] = {}
    for turn in zip_longest(*sorts):
        for one in turn:
            if one is not None and len(found) < MOST:
                found.setdefault(one.cycle.ticket_id, one)
    return sorted(found.values(), key=lambda one: list(Kind).index(one.kind))


def _misses(closed: QuerySet[Cycle]) -> list[Proposed]:
    return [
        Proposed(
            Kind.MISS,
            one,
            f"The diagnosis ({_share(one.confidence)} sure) was corrected to {one.label or 'another cause'}.",
        )
        for one in closed.filter(verdict="wrong").order_by("-confidence", "pk")
    ]


def _avoidable(team: Team, week: date) -> list[Proposed]:
    """Those of which engineering said so in that week, whenever they were sent."""
    newest = Verdict.objects.filter(escalation=OuterRef("escalation")).order_by("-pk").values("pk")[:1]
    said = Verdict.objects.filter(
        pk=Subquery(newest), was_avoidable=True, at__date__range=(week, week + timedelta(days=6)),
    ).values_list("escalation_id", flat=True)  # fmt: skip
    sent = PhaseEvent.objects.filter(kind="escalation.sent", subject_ref__in=[f"ESC-{pk}" for pk in said])
    cycles = Cycle.objects.filter(team=team, ticket__ref__in=list(sent.values_list("ticket_ref", flat=True)))
    latest = {one.ticket_id: one for one in cycles.select_related("ticket").order_by("number")}
    return [
        Proposed(Kind.AVOIDABLE, one, "Engineering said that support could have resolved it.")
        for one in sorted(latest.values(), key=lambda one: one.pk)
    ]


def _broken(closed: QuerySet[Cycle]) -> list[Proposed]:
    return [
        Proposed(Kind.SLA, one, f"A promised time was passed; it took {words.duration(one.elapsed_s)} in all.")
        for one in closed.filter(broken_sla=True).order_by("-elapsed_s", "pk")
    ]


def _reopened(team: Team, week: date) -> list[Proposed]:
    """Closings after which the ticket was opened again in that week."""
    again = Cycle.objects.filter(team=team, begun_week=week, number__gt=1).values_list("ticket_id", "number")
    wanted = Q()
    for ticket, number in again:
        wanted |= Q(ticket=ticket, number=number - 1)
    if not wanted:
        return []
    found = Cycle.objects.filter(wanted, reopened_after_s__isnull=False).select_related("ticket")
    return [
        Proposed(
            Kind.REOPENED, one,
            f"It came back {words.duration(one.reopened_after_s)} after it was closed"
            + (", on a partial diagnosis." if one.partial else "."),
        )
        for one in found.order_by("-partial", "reopened_after_s", "pk")
    ]  # fmt: skip


def _slow(closed: QuerySet[Cycle], medians: dict[str, float]) -> list[Proposed]:
    found = [
        (one.investigation_s / medians[one.incident_class], one)
        for one in closed
        if medians.get(one.incident_class) and one.investigation_s > SLOW * medians[one.incident_class]
    ]
    return [
        Proposed(
            Kind.SLOW, one,
            f"Its investigation took {words.duration(one.investigation_s)}, {times:.1f} times the median of its class.",
        )
        for times, one in sorted(found, key=lambda pair: (-pair[0], pair[1].pk))
    ]  # fmt: skip


def _successes(closed: QuerySet[Cycle], medians: dict[str, float]) -> list[Proposed]:
    """Right although it was not sure, or far quicker than usual: worth knowing why."""
    unsure = closed.filter(verdict="right", confidence__lt=UNSURE, reopened_after_s__isnull=True).order_by("confidence")
    found = [
        Proposed(Kind.SUCCESS, one, f"The diagnosis was right although it was only {_share(one.confidence)} sure.")
        for one in unsure
    ]
    quick = [
        (one.investigation_s / medians[one.incident_class], one)
        for one in closed.filter(verdict="right", runs__gt=0, reopened_after_s__isnull=True)
        if medians.get(one.incident_class) and 0 < one.investigation_s < QUICK * medians[one.incident_class]
    ]
    return found + [
        Proposed(
            Kind.SUCCESS, one,
            f"Right after {words.duration(one.investigation_s)}; the median of its class is "
            f"{words.duration(medians[one.incident_class])}.",
        )
        for _, one in sorted(quick, key=lambda pair: (pair[0], pair[1].pk))
    ]  # fmt: skip


def _medians(team: Team, week: date) -> dict[str, float]:
    """Class -> median investigation of the weeks before, seconds; of classes with enough closings."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT incident_class, percentile_cont(0.5) WITHIN GROUP (ORDER BY investigation_s) FROM metrics_cycle "
            "WHERE team_id = %s AND week >= %s AND week < %s AND gone = '' GROUP BY 1 HAVING count(*) >= %s",
            [team.pk, week - timedelta(weeks=BASE_WEEKS), week, BASE],
        )
        return dict(cursor.fetchall())


def _share(confidence: float | None) -> str:
    return words.percent(confidence) if confidence is not None else "not"


def of_kind(found: Iterable[Proposed], kind: Kind) -> Sequence[Proposed]:
    return [one for one in found if one.kind == kind]
