"""What a caller asks for: an issue for a cause, or to join one that is there; tickets on it. Written by a job.

Everything here stores and queues, and never calls Linear, so it may stand in the caller's transaction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from altor.errors import InvalidInput
from altor.queue import enqueue
from altor.redaction import redact_text
from escalations.models import IssueLink, LinearConnection, TrackedIssue
from escalations.models.linear import Outgoing
from investigations.models import Ticket

TASK: Final = "escalations.linear.tasks.push_issue"
#: Linear takes more; longer titles cannot be read in its lists.
_LONGEST_TITLE: Final = 255
_LONGEST_DESCRIPTION: Final = 60_000
_IDENTIFIER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,20}-[0-9]{1,9}")
_IN_ADDRESS: Final = re.compile(r"https?://[^/\s]+/[^/\s]+/issue/([A-Za-z][A-Za-z0-9_]{0,20}-[0-9]{1,9})(?:[/?#]\S*)?")


@transaction.atomic
def track(
    cause_key: str,
    *,
    connection: LinearConnection,
    team: str = "",
    project: str = "",
    title: str,
    description: str,
    priority: int = 0,
    labels: Sequence[str] = (),
    tickets: Iterable[Ticket] = (),
    assignee: str = "",
    now: datetime,
) -> TrackedIssue:
    """The issue of a cause, filed by a job. While one is open for the cause it is given back: tickets are linked to it,
    and a filing that was given up is tried once more, with the same id.

    Empty `team`, `project` and `labels` mean the connection's own. `description` is Markdown, redacted by the caller.
    InvalidInput names the field.
    """
    _check_cause(cause_key)
    if not title.strip():
        raise InvalidInput("An issue needs a title.", field="title")
    if not 0 <= priority <= 4:
        raise InvalidInput("The priority is 0 (none), 1 (urgent) to 4 (low).", field="priority")
    wanted = TrackedIssue(
        cause_key=cause_key,
        connection=connection,
        team=(team or connection.team)[:80],
        project=(project or connection.project)[:120],
        labels=list(dict.fromkeys([*connection.labels, *labels])),
        priority=priority,
        assignee=assignee[:254],
        title=" ".join(title.split())[:_LONGEST_TITLE],
        description=description[:_LONGEST_DESCRIPTION],
        created_at=now,
        woken_at=now,
    )
    issue, is_new = _open_or(wanted)
    _begin(issue, is_new, now)
    for ticket in tickets:
        link_ticket(issue, ticket, now)
    return issue


@transaction.atomic
def join(
    connection: LinearConnection, identifier: str, *, cause_key: str, tickets: Iterable[Ticket] = (), now: datetime
) -> TrackedIssue:
    """Track an issue that is in Linear already: `identifier` is ENG-123 or the issue's address. It is read by a job;
    `status` is failed when Linear does not know it. While an issue is open for the cause, or the same one is tracked
    for another cause, that one is given back.
    """
    _check_cause(cause_key)
    found = _IN_ADDRESS.fullmatch(identifier.strip())
    name = (found.group(1) if found else identifier.strip()).upper()
    if not _IDENTIFIER.fullmatch(name):
        raise InvalidInput("This is no issue of Linear: give its identifier, like ENG-123.", field="identifier")
    tracked = TrackedIssue.objects.filter(connection=connection, identifier=name, is_removed=False)
    issue = tracked.order_by("-is_open", "-pk").first()
    if issue is None:
        wanted = TrackedIssue(
            cause_key=cause_key, connection=connection, is_joined=True, identifier=name, created_at=now, woken_at=now
        )
        issue, is_new = _open_or(wanted)
        _begin(issue, is_new, now)
    for ticket in tickets:
        link_ticket(issue, ticket, now)
    return issue


@transaction.atomic
def link_ticket(tracked: TrackedIssue, ticket: Ticket, now: datetime) -> IssueLink:
    """Attach a ticket to the issue, once. The customer is named by our id of it, which Linear holds as external id."""
    customer = ticket.customer.org_id if ticket.customer is not None else ""
    link, is_new = IssueLink.objects.get_or_create(
        issue=tracked,
        ticket_ref=ticket.ref,
        defaults={
            "url": f"{settings.BASE_URL}/tickets/{ticket.ref}/",
            "title": _ticket_title(ticket),
            "customer": customer[:120],
            "need": IssueLink.Need.PENDING if customer else IssueLink.Need.NONE,
            "created_at": now,
        },
    )
    if is_new or link.status == Outgoing.FAILED:
        if not is_new:
            link.status, link.attempts, link.reason = Outgoing.PENDING, 0, ""
            link.save(update_fields=["status", "attempts", "reason"])
        wake(tracked, now)
    return link


@transaction.atomic
def retry(tracked: TrackedIssue, now: datetime) -> None:
    """Try once more what was given up. The issue keeps its id: it may be in Linear already."""
    failed = TrackedIssue.objects.filter(pk=tracked.pk, status=TrackedIssue.Status.FAILED)
    failed.update(status=TrackedIssue.Status.PENDING, reason="")
    tracked.links.filter(status=Outgoing.FAILED).update(status=Outgoing.PENDING, attempts=0, reason="")
    tracked.comments.filter(status=Outgoing.FAILED).update(status=Outgoing.PENDING, attempts=0, reason="")
    TrackedIssue.objects.filter(pk=tracked.pk).update(attempts=0, not_before=None)
    wake(tracked, now)
    tracked.refresh_from_db()


@transaction.atomic
def withdraw(tracked: TrackedIssue, reason: str, now: datetime) -> bool:
    """File it no more, and free its cause. False when it is in Linear, or a worker is just writing it: then it is
    followed on.
    """
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    unfiled = TrackedIssue.objects.filter(free, pk=tracked.pk).exclude(status=TrackedIssue.Status.FILED)
    changes = {"status": TrackedIssue.Status.FAILED, "reason": reason, "is_open": False, "has_work": False}
    gone = unfiled.update(**changes, closed_at=now)
    tracked.refresh_from_db()
    return bool(gone)


def wake(tracked: TrackedIssue, now: datetime) -> None:
    """Something is to be written for it. Call it in the transaction that stores what."""
    TrackedIssue.objects.filter(pk=tracked.pk).update(has_work=True, woken_at=now)
    enqueue(TASK, tracked.pk)


def retry_all(connection: LinearConnection, now: datetime) -> int:
    """After its key was mended: try again what waits or was given up; how many issues."""
    waiting = TrackedIssue.objects.filter(connection=connection).filter(
        Q(status=TrackedIssue.Status.FAILED, is_open=True) | Q(has_work=True, not_before__gt=now)
    )
    for issue in waiting.order_by("pk"):
        retry(issue, now)
    return len(waiting)


def _open_or(wanted: TrackedIssue) -> tuple[TrackedIssue, bool]:
    """The open issue of the cause, or `wanted` when there is none; of callers that arrive together one makes it."""
    opened = TrackedIssue.objects.filter(cause_key=wanted.cause_key, is_open=True)
    found = opened.first()
    if found is not None:
        return found, False
    try:
        with transaction.atomic():  # savepoint: the caller's transaction survives the clash
            wanted.save(force_insert=True)
    except IntegrityError:
        return opened.get(), False
    return wanted, True


def _begin(issue: TrackedIssue, is_new: bool, now: datetime) -> None:
    if is_new:
        enqueue(TASK, issue.pk)
    elif issue.status == TrackedIssue.Status.FAILED:
        retry(issue, now)


def _check_cause(cause_key: str) -> None:
    if not cause_key.strip() or len(cause_key) > 200:
        raise InvalidInput("A cause has a key of at most 200 characters.", field="cause_key")


def _ticket_title(ticket: Ticket) -> str:
    return redact_text(" ".join(f"{ticket.ref}: {ticket.subject or 'no subject'}".split()))[:200]
