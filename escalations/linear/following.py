"""What Linear says of an issue becomes ours: newer news over older, each difference a change that is told once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from escalations.linear import telling
from escalations.linear.eta import Eta, eta_of
from escalations.linear.fixes import Fix, FixState
from escalations.linear.reading import PullLink, Remark, Snapshot
from escalations.models import IssueChange, IssueComment, IssuePull, TrackedIssue
from escalations.models.linear import CLOSED_TYPES, Outgoing

Kind, Source = IssueChange.Kind, IssueChange.Source


def current_eta(issue: TrackedIssue, *, now: datetime) -> Eta | None:
    """When a fix of it may be expected, None when Linear gives no date."""
    return eta_of(
        due_on=issue.due_on,
        cycle_ends_at=issue.cycle_ends_at,
        project_target_on=issue.project_target_on,
        is_open=issue.is_open,
        now=now,
    )


@transaction.atomic
def apply_snapshot(
    issue: TrackedIssue, said: Snapshot, *, source: IssueChange.Source, now: datetime, by: str = ""
) -> bool:
    """Take over what is said; False when something newer is known already. The first snapshot of an issue is its
    beginning: of it only what a caller must learn is told (it is closed, or somebody has it).
    """
    row = TrackedIssue.objects.select_for_update(of=("self",)).get(pk=issue.pk)
    if row.issue_updated_at is not None and said.updated_at < row.issue_updated_at:
        return False
    before = _told(row, now)
    is_first = row.seen_at is None
    _take(row, said)
    row.seen_at, row.seen_how = now, source
    _settle(row, said, now)
    row.save()
    after = _told(row, now)
    for kind in (Kind.STATE, Kind.ASSIGNEE, Kind.PRIORITY, Kind.CYCLE, Kind.ETA):
        if before[kind] == after[kind] or (is_first and not _matters(kind, row)):
            continue
        telling.note(
            row, kind, before=before[kind], after=after[kind], at=said.updated_at, source=source, by=by
        )  # fmt: skip
    if row.is_removed and not before["removed"]:
        telling.note(row, Kind.REMOVED, at=said.updated_at, source=source, by=by)
    take_pulls(row, said.pulls, source=source, now=now)
    return True


def _take(row: TrackedIssue, said: Snapshot) -> None:
    row.issue_id, row.identifier = said.id, said.identifier or row.identifier
    row.url, row.seen_title = said.url or row.url, said.title
    has_moved = said.state_type != row.state_type
    row.state_name, row.state_type = said.state_name, said.state_type
    row.assignee_id, row.assignee_name = said.assignee.id, said.assignee.name
    row.seen_priority = said.priority
    row.cycle_name, row.cycle_ends_at, row.due_on = said.cycle_name, said.cycle_ends_at, said.due_on
    if said.is_whole:
        row.project_target_on, row.wants_read = said.project_target_on, False
    else:
        # Events tell neither a project's target date nor pull requests: read them when they may have changed.
        is_other = said.project.id != row.project_id_seen
        if is_other:
            row.project_target_on = None
        row.wants_read = row.wants_read or is_other or has_moved
    row.project_id_seen, row.project_name = said.project.id, said.project.name
    row.issue_updated_at = said.updated_at
    row.is_removed, row.missing_since = said.is_removed, None


def _settle(row: TrackedIssue, said: Snapshot, now: datetime) -> None:
    """Open or closed. A reopened issue stays closed for its cause when another one has taken its place."""
    is_open = not (row.is_removed or row.state_type in CLOSED_TYPES)
    if is_open and not row.is_open:
        others = TrackedIssue.objects.filter(cause_key=row.cause_key, is_open=True).exclude(pk=row.pk)
        is_open = not others.exists()
    row.is_open = is_open
    row.closed_at = None if is_open else row.closed_at or said.closed_at or now


def _told(row: TrackedIssue, now: datetime) -> dict[str, Any]:
    """What changes are made of, by kind."""
    eta = current_eta(row, now=now)
    return {
        Kind.STATE: {"name": row.state_name, "type": row.state_type} if row.state_type else {},
        Kind.ASSIGNEE: {"id": row.assignee_id, "name": row.assignee_name} if row.assignee_id else {},
        Kind.PRIORITY: {"value": row.seen_priority} if row.seen_priority is not None else {},
        Kind.CYCLE: {"name": row.cycle_name, "ends_at": _iso(row.cycle_ends_at)} if row.cycle_name else {},
        Kind.ETA: {"on": eta.on.isoformat(), "source": eta.source, "confidence": eta.confidence} if eta else {},
        "removed": row.is_removed,
    }


def _matters(kind: IssueChange.Kind, row: TrackedIssue) -> bool:
    """Of the first snapshot. An assignee whom we wanted is nobody's acknowledgement."""
    if kind == Kind.STATE:
        return row.state_type in CLOSED_TYPES or row.state_type == "started"
    return kind == Kind.ETA or (kind == Kind.ASSIGNEE and (row.is_joined or not row.assignee))


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


# ------------------------------------------------------------------------------------------------------------- comments
@transaction.atomic
def apply_comment(issue: TrackedIssue, said: Remark, *, source: IssueChange.Source, now: datetime) -> bool:
    """Keep a comment that was written in Linear; True when it is new. Our own are known by their ids."""
    known = IssueComment.objects.select_for_update().filter(issue=issue, comment_id=said.id).first()
    if known is not None:
        _edit(known, said)
        return False
    if said.is_removed:
        return False
    try:
        with transaction.atomic():
            IssueComment.objects.create(
                issue=issue, direction=IssueComment.Direction.IN, comment_id=said.id, body=said.body,
                status=Outgoing.DONE, author=said.author, url=said.url, at=said.at, changed_at=said.changed_at,
            )  # fmt: skip
    except IntegrityError:
        return False  # another worker was faster
    told = {"id": said.id, "author": said.author, "body": said.body, "url": said.url}
    telling.note(issue, Kind.COMMENT, after=told, at=said.at, source=source, by=said.author)
    return True


def _edit(known: IssueComment, said: Remark) -> None:
    if known.changed_at is not None and said.changed_at < known.changed_at:
        return
    known.changed_at, known.url = said.changed_at, said.url or known.url
    if said.is_removed:
        known.body, known.is_removed = "", True
    elif known.direction == IssueComment.Direction.IN and not known.is_removed:
        known.body = said.body
    known.save(update_fields=["changed_at", "url", "body", "is_removed"])


# -------------------------------------------------------------------------------------------------------- pull requests
def take_pulls(
    issue: TrackedIssue, links: Iterable[PullLink], *, source: IssueChange.Source, now: datetime
) -> list[IssuePull]:
    """Keep pull requests that are linked now; those that are new. What Linear says of their state counts until GitHub
    itself has said something.
    """
    fresh = []
    for link in links:
        row, is_new = IssuePull.objects.get_or_create(
            issue=issue, url=link.url,
            defaults={"owner": link.owner, "repo": link.repo, "number": link.number, "title": link.title},
        )  # fmt: skip
        state = link.state or row.state
        if row.seen_at is None and state != row.state:
            row.state = state
            row.save(update_fields=["state"])
        if is_new:
            fresh.append(row)
            told = {"url": row.url, "number": row.number, "state": row.state}
            telling.note(issue, Kind.PULL, after=told, at=now, source=source)
    if fresh:
        TrackedIssue.objects.filter(pk=issue.pk).update(pulls_checked_at=None)
    return fresh


@transaction.atomic
def apply_fix(issue: TrackedIssue, found: FixState, *, source: IssueChange.Source, now: datetime) -> bool:
    """Keep how far the fix is; True when that changed."""
    row = TrackedIssue.objects.select_for_update(of=("self",)).get(pk=issue.pk)
    if row.fix == found.fix:
        return False
    before, row.fix, row.fix_at = row.fix, found.fix, found.at or now
    row.save(update_fields=["fix", "fix_at"])
    told = {"state": found.fix.value, "at": _iso(row.fix_at), "words": found.words}
    shipped = next((each.url for each in found.shipped.values() if each.url), "")
    if found.fix == Fix.SHIPPED and shipped:
        told["url"] = shipped
    telling.note(
        row, Kind.FIX, before={"state": before} if before else {}, after=told, at=row.fix_at, source=source
    )  # fmt: skip
    return True


def gone(issue: TrackedIssue, *, now: datetime, source: IssueChange.Source, by: str = "") -> None:
    """It was removed in Linear, or the key may no longer see it."""
    with transaction.atomic():
        row = TrackedIssue.objects.select_for_update(of=("self",)).get(pk=issue.pk)
        if row.is_removed:
            return
        row.is_removed, row.is_open, row.closed_at = True, False, row.closed_at or now
        row.save(update_fields=["is_removed", "is_open", "closed_at"])
        telling.note(row, Kind.REMOVED, at=now, source=source, by=by)
