"""What happens to an issue: noted as a change, and told once, in order, to the hooks of `ISSUE_CHANGED`.

A change is told in the transaction that notes it as told: what a hook writes and the note stand or fall together. A
hook that fails holds the later changes of that issue back for a while, and nothing else.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from altor.queue import enqueue
from altor.registry import parts
from escalations.models import IssueChange, TrackedIssue

log = logging.getLogger(__name__)
TASK: Final = "escalations.linear.tasks.tell_changes"
#: After so many failures a change is passed over, with the reason kept.
MOST_ATTEMPTS: Final = 8
_FIRST_WAIT_S: Final = 5
_MOST_WAIT_S: Final = 1800


def note(
    issue: TrackedIssue,
    kind: IssueChange.Kind,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    at: datetime,
    source: IssueChange.Source,
    by: str = "",
) -> IssueChange:
    """Keep a change and queue its telling, in the caller's transaction."""
    change = IssueChange.objects.create(
        issue=issue, kind=kind, before=before or {}, after=after or {}, at=at, by=by[:120], source=source
    )
    enqueue(TASK, issue.pk)
    return change


def tell(issue_id: int, *, now: datetime) -> int:
    """Tell what is untold of one issue; how many. Safe to deliver twice: each change is told under the issue's lock."""
    told = 0
    while _tell_next(issue_id, now):
        told += 1
    return told


def _tell_next(issue_id: int, now: datetime) -> bool:
    change: IssueChange | None = None
    try:
        with transaction.atomic():
            free = Q(untold_not_before=None) | Q(untold_not_before__lte=now)
            issue = TrackedIssue.objects.select_for_update(of=("self",)).filter(free, pk=issue_id).first()
            if issue is None:
                return False
            change = IssueChange.objects.filter(issue=issue, told_at=None).order_by("pk").first()
            if change is None:
                return False
            change.issue = issue
            for hook in parts("ISSUE_CHANGED"):
                hook(change)
            IssueChange.objects.filter(pk=change.pk).update(told_at=now, reason="")
            TrackedIssue.objects.filter(pk=issue_id).update(untold_not_before=None)
            return True
    except Exception as error:
        if change is None:
            raise
        log.exception("a change of an issue could not be told", extra={"change": change.pk})
        return _failed(change, f"{type(error).__name__}: the details are in the log.", now)


@transaction.atomic
def _failed(change: IssueChange, reason: str, now: datetime) -> bool:
    """True when it is passed over, so that the next one may be told."""
    attempts = change.attempts + 1
    is_over = attempts >= MOST_ATTEMPTS
    IssueChange.objects.filter(pk=change.pk).update(
        attempts=attempts, reason=reason[:300], told_at=now if is_over else None
    )
    wait = min(_FIRST_WAIT_S * 3 ** (attempts - 1), _MOST_WAIT_S)
    TrackedIssue.objects.filter(pk=change.issue_id).update(
        untold_not_before=None if is_over else now + timedelta(seconds=wait)
    )
    return is_over


def sweep(*, now: datetime, at_most: int = 100) -> int:
    """Queue again what is due: a failure before, or an entry that was lost."""
    free = Q(untold_not_before=None) | Q(untold_not_before__lte=now)
    untold = IssueChange.objects.filter(issue=OuterRef("pk"), told_at=None)
    due = TrackedIssue.objects.filter(free, Exists(untold)).order_by("pk")
    ids = list(due.values_list("pk", flat=True)[:at_most])
    for pk in ids:
        enqueue(TASK, pk)
    return len(ids)
