"""What engineers were seen to do on escalations and questions, read from the history, Linear and pull requests.

Whoever has the role of a product engineer, took the escalation, owns it by name, or acts from Linear or a signed link
is an engineer; acts of support are none of theirs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q

from altor.roles import Role
from escalations.interruptions.people import People
from escalations.interruptions.sessions import Act
from escalations.models import Escalation, EscalationEvent, IssueChange, IssueComment, IssuePull, Question

_W: Final = EscalationEvent.What
#: Of an escalation's history; all else tells of support, of clocks, or of nobody.
WORK: Final = (
    _W.ACKNOWLEDGED, _W.ACCEPTED, _W.STARTED, _W.REJECTED, _W.ASKED, _W.UPDATED, _W.SEVERITY, _W.OWNER, _W.RESOLVED,
    _W.REOPENED, _W.ADDED, _W.JUDGED, _W.ISSUE,
)  # fmt: skip
_TAKEN: Final = (_W.ACCEPTED, _W.STARTED)
#: Changes of an issue that a person makes.
_BY_HAND: Final = (
    IssueChange.Kind.STATE, IssueChange.Kind.ASSIGNEE, IssueChange.Kind.PRIORITY, IssueChange.Kind.CYCLE,
    IssueChange.Kind.PULL,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Side:
    """Who stands on engineering's side of one escalation."""

    people: People
    takers: frozenset[int]

    def key(self, user_id: int | None, name: str, via: str) -> str:
        """ "" for nobody, and for people of support."""
        key = self.people.key(user_id, name if via in ("linear", "link", "github") else "")
        user = self.people.user(key)
        return key if user is None or user.role == Role.ENGINEER or user.pk in self.takers else ""


def acts_between(begin: datetime, end: datetime, people: People) -> list[Act]:
    """Of everybody, on everything. Seven queries at most."""
    span = Q(at__gte=begin, at__lt=end)
    events = list(
        EscalationEvent.objects.filter(span, what__in=WORK).values(
            "escalation_id", "what", "at", "by_id", "via", "data"
        )
    )
    told = IssueComment.objects.filter(span, direction=IssueComment.Direction.IN)
    in_linear = [(issue, at, who, "comment") for issue, at, who in told.values_list("issue_id", "at", "author")]
    changes = IssueChange.objects.filter(span, kind__in=_BY_HAND)
    in_linear += changes.values_list("issue_id", "at", "by", "kind")
    pulls = IssuePull.objects.filter(merged_at__gte=begin, merged_at__lt=end).values_list("issue_id", "merged_at")
    in_linear += [(issue, at, "", "pull") for issue, at in pulls if at is not None]
    issues = {issue for issue, _, _, _ in in_linear}
    escalations = Escalation.objects.filter(
        Q(pk__in={row["escalation_id"] for row in events}) | Q(issue__in=issues)
    ).only("pk", "issue_id", "accepted_by_id", "owner_person_id", "sent_at", "issue__assignee_name")
    rows = list(escalations.select_related("issue"))
    sides = _sides(rows, people)
    of_issue: dict[int, list[Escalation]] = defaultdict(list)
    for one in rows:
        if one.issue_id is not None:
            of_issue[one.issue_id].append(one)
    found = [
        Act(row["at"], sides[row["escalation_id"]].key(row["by_id"], str(row["data"].get("name", "")), row["via"]),
            f"ESC-{row['escalation_id']}", str(row["what"]))
        for row in events
    ]  # fmt: skip
    for issue, at, who, what in in_linear:
        for one in of_issue.get(issue, ()):
            if at >= one.sent_at:  # what happened before belongs to no escalation of ours
                side = sides[one.pk]
                key = side.key(None, who, "linear") if what != "pull" or who else _author(one, side)
                found.append(Act(at, key, one.ref, what))
    found += list(_answers(begin, end, people))
    return sorted(one for one in found if one.who)


def _author(one: Escalation, side: _Side) -> str:
    """A pull request does not tell who wrote it: whoever took the escalation did, else the issue's assignee."""
    if one.accepted_by_id is not None:
        return side.key(one.accepted_by_id, "", "page")
    return side.key(None, one.issue.assignee_name if one.issue is not None else "", "linear")


def _sides(rows: Iterable[Escalation], people: People) -> dict[int, _Side]:
    takers: dict[int, set[int]] = {
        one.pk: {pk for pk in (one.accepted_by_id, one.owner_person_id) if pk} for one in rows
    }
    taken = EscalationEvent.objects.filter(escalation__in=takers, what__in=_TAKEN, by__isnull=False)
    for escalation, by in taken.values_list("escalation_id", "by_id"):
        takers[escalation].add(by)
    return {pk: _Side(people, frozenset(found)) for pk, found in takers.items()}


def _answers(begin: datetime, end: datetime, people: People) -> Iterator[Act]:
    """Whoever answers a question was interrupted by it."""
    answered = Question.objects.filter(status=Question.Status.ANSWERED, ended_at__gte=begin, ended_at__lt=end)
    for one in answered.only("pk", "ended_at", "answered_by_id", "answered_as"):
        at = one.ended_at
        if at is not None:
            name = one.answered_as or ("" if one.answered_by_id else "an engineer")
            yield Act(at, people.key(one.answered_by_id, name), one.ref, "answered")
