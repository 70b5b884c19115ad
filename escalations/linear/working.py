"""What is to be written for an issue is written: the issue first, then its tickets, then comments in their order.

A worker claims the issue for a while by one conditional update; who claims it later wins, because every write names the
lease it belongs to. Nothing depends on that for doubles: every write carries an id of ours (see `writing`). A worker
that is killed leaves the issue to the sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from altor.audit import record_event
from altor.outbound import call_scope
from altor.queue import enqueue
from escalations.linear import telling
from escalations.linear.client import LinearWriter, open_writer
from escalations.linear.connections import config_of, note_refusal, note_success
from escalations.linear.filing import TASK
from escalations.linear.following import Kind, Source, apply_snapshot
from escalations.linear.reading import Snapshot
from escalations.linear.writing import add_need, attach, file_issue, read_named, write_comment
from escalations.models import IssueComment, IssueLink, LinearConnection, TrackedIssue
from escalations.models.linear import Outgoing
from investigations.engine.work import run_bounded
from investigations.sources.base import SourceAnswerInvalid, SourceError, SourceLimited, SourceRefused
from investigations.sources.http import CredentialRefused, ObjectUnknown
from investigations.sources.linear.answers import SOURCE, FeatureRefused

log = logging.getLogger(__name__)
#: A worker has so long for one claim; longer than its requests may take together.
LEASE: Final = timedelta(seconds=90)
CALL_SECONDS: Final = 25.0
#: Tries that were answered or timed out, about nine hours; what was killed does not count.
MOST_ATTEMPTS: Final = 24
#: Tries of what Linear does not accept, before it is given up.
MOST_REFUSALS: Final = 5
_FIRST_WAIT_S: Final = 5
_MOST_WAIT_S: Final = 1800
#: Tickets and comments of one claim.
_BATCH: Final = 12
#: Queue entries that were lost are made again after so long.
_FORGOTTEN: Final = timedelta(seconds=30)


Item = IssueLink | IssueComment


@dataclass(slots=True)
class _Done:
    """What a claim achieved, in order, and why it ended early."""

    snapshot: Snapshot | None = None
    notes: list[str] = field(default_factory=list)
    items: list[tuple[Item, dict[str, Any]]] = field(default_factory=list)
    refused: Item | None = None
    error: SourceError | None = None


def file(issue_id: int, *, now: datetime | None = None) -> None:
    """Write what is to be written for one issue. Safe to deliver twice or at once: the others find nothing to claim."""
    now = now or timezone.now()
    claimed = TrackedIssue.objects.claimable(now).filter(pk=issue_id)
    if not claimed.update(lease=F("lease") + 1, leased_until=now + LEASE):
        return
    issue = TrackedIssue.objects.select_related("connection").get(pk=issue_id)
    if not (issue.connection.is_active and issue.connection.secret):
        _end(issue, "The Linear connection is switched off.", now)
        return
    if not issue.is_filed:
        _mine(issue).update(status=TrackedIssue.Status.FILING)
    done = _Done()
    run_bounded(_write(issue, _items(issue), done))
    _keep(issue, done, now)


def _items(issue: TrackedIssue) -> list[Item]:
    to_attach = Q(status=Outgoing.PENDING) | Q(status=Outgoing.DONE, need=IssueLink.Need.PENDING)
    links: list[Item] = list(issue.links.filter(to_attach).order_by("pk")[:_BATCH])
    waiting = issue.comments.filter(direction=IssueComment.Direction.OUT, status=Outgoing.PENDING)
    return [*links, *waiting.order_by("pk")[: _BATCH - len(links)]]


async def _write(issue: TrackedIssue, items: Sequence[Item], done: _Done) -> None:
    """Into `done`, so that what was written before an error is kept."""
    try:
        with call_scope(CALL_SECONDS):
            async with open_writer(config_of(issue.connection)) as writer:
                issue_id = issue.issue_id
                if not issue.is_filed:
                    issue_id = await _open(writer, issue, done)
                for item in items:
                    done.refused = item
                    done.items.append((item, await _write_item(writer, issue.connection, issue_id, item)))
                    done.refused = None
    except SourceError as error:
        done.error = error


async def _open(writer: LinearWriter, issue: TrackedIssue, done: _Done) -> str:
    if issue.is_joined:
        done.snapshot = await read_named(writer, issue.identifier)
    else:
        # A claim before this one may have filed it, whatever became of its worker.
        filed = await file_issue(writer, issue, was_tried=issue.lease > 1)
        done.snapshot, done.notes = filed.snapshot, filed.notes
    return done.snapshot.id


async def _write_item(writer: LinearWriter, connection: LinearConnection, issue_id: str, item: Item) -> dict[str, Any]:
    """What to store with it."""
    if isinstance(item, IssueComment):
        written = await write_comment(writer, issue_id, item)
        return {"status": Outgoing.DONE, "url": written.url, "at": written.at or item.at, "reason": ""}
    found: dict[str, Any] = {"status": Outgoing.DONE}
    if item.status != Outgoing.DONE:
        item.attachment_id = found["attachment_id"] = await attach(writer, issue_id, item)
    if item.need != IssueLink.Need.PENDING:
        return found
    try:
        need_id = await add_need(writer, issue_id, item)
    except (FeatureRefused, SourceAnswerInvalid) as error:
        # The issue and the ticket are there: a plan without this feature, or an unknown customer, is no failure.
        return found | {"need": IssueLink.Need.REFUSED, "reason": error.message[:300]}
    except SourceRefused as error:
        if isinstance(error, CredentialRefused):
            raise
        return found | {"need": IssueLink.Need.REFUSED, "reason": error.message[:300]}
    return found | {"need": IssueLink.Need.DONE, "need_id": need_id}


# -------------------------------------------------------------------------------------------------------------- keeping
def _keep(issue: TrackedIssue, done: _Done, now: datetime) -> None:
    with transaction.atomic():
        row = TrackedIssue.objects.select_for_update(of=("self",)).filter(pk=issue.pk, lease=issue.lease).first()
        if row is None:
            log.info("an issue was taken over while it was written", extra={"issue": issue.pk})
            return
        row.connection = issue.connection
        if done.snapshot is not None and _is_followed_elsewhere(row, done.snapshot):
            done = _Done(
                error=ObjectUnknown(SOURCE, f"{done.snapshot.identifier} is followed for another cause already")
            )
        if done.snapshot is not None:
            row = _filed(row, done, now)
        for item, values in done.items:
            type(item).objects.filter(pk=item.pk).update(**values)
        if done.error is None or done.snapshot is not None or done.items:
            row.attempts = 0
        if done.error is None:
            note_success(issue.connection, now)
            row.not_before, row.reason = None, ""
        else:
            _after_error(row, done.refused, done.error, now)
        row.leased_until = None
        row.has_work = row.status != TrackedIssue.Status.FAILED and _is_waiting(row)
        row.save(
            update_fields=[
                "status",
                "reason",
                "notes",
                "attempts",
                "not_before",
                "leased_until",
                "has_work",
                "filed_at",
            ]
        )
        if row.has_work and row.not_before is None:
            enqueue(TASK, row.pk)


def _is_followed_elsewhere(row: TrackedIssue, said: Snapshot) -> bool:
    same = TrackedIssue.objects.filter(connection=row.connection_id, issue_id=said.id)
    return same.exclude(pk=row.pk).exists()


def _filed(row: TrackedIssue, done: _Done, now: datetime) -> TrackedIssue:
    """The issue is in Linear."""
    assert done.snapshot is not None  # noqa: S101  # the caller has looked
    row.status, row.filed_at, row.reason = TrackedIssue.Status.FILED, now, ""
    row.notes = [note[:300] for note in done.notes]
    told = {"identifier": done.snapshot.identifier, "url": done.snapshot.url, "is_joined": row.is_joined}
    row.save(update_fields=["status", "filed_at", "reason", "notes"])
    telling.note(row, Kind.FILED, after=told, at=now, source=Source.FILING)
    record_event(
        actor=None,
        action="linear_issue.joined" if row.is_joined else "linear_issue.filed",
        object_kind="linear_issue",
        object_ref=done.snapshot.identifier,
        after={"cause": row.cause_key, "attempts": row.attempts + 1},
    )
    apply_snapshot(row, done.snapshot, source=Source.FILING, now=now)
    row.refresh_from_db()
    return row


def _after_error(row: TrackedIssue, item: Item | None, error: SourceError, now: datetime) -> None:
    """When to try again, or that there is no use in it. `item` is what was being written."""
    row.reason = error.message
    if isinstance(error, SourceRefused) and not isinstance(error, (FeatureRefused, ObjectUnknown)):
        note_refusal(row.connection, error.message)
    if item is not None and isinstance(error, (SourceAnswerInvalid, ObjectUnknown)):
        # Only this one is not accepted: the others go on without it in the end.
        is_over = item.attempts + 1 >= MOST_REFUSALS
        type(item).objects.filter(pk=item.pk).update(
            attempts=item.attempts + 1,
            reason=error.message[:300],
            status=Outgoing.FAILED if is_over else Outgoing.PENDING,
        )
        row.not_before = None if is_over else now + _wait(item.attempts + 1, error)
        return
    row.attempts += 1
    if not row.is_filed and _is_hopeless(row.attempts, error):
        _give_up(row, error.message, now)
        return
    row.status = row.status if row.is_filed else TrackedIssue.Status.PENDING
    # Written with another key than this one: the test of the new one wakes it.
    is_refused = isinstance(error, SourceRefused)
    row.not_before = now + (timedelta(seconds=_MOST_WAIT_S) if is_refused else _wait(row.attempts, error))


def _is_hopeless(attempts: int, error: SourceError) -> bool:
    if isinstance(error, SourceRefused):
        return True
    return attempts >= (MOST_REFUSALS if isinstance(error, SourceAnswerInvalid) else MOST_ATTEMPTS)


def _wait(attempts: int, error: SourceError) -> timedelta:
    wait: float = min(_FIRST_WAIT_S * 3 ** (attempts - 1), _MOST_WAIT_S)
    if isinstance(error, SourceLimited) and error.retry_after_s:
        wait = max(wait, min(error.retry_after_s, 2 * _MOST_WAIT_S))
    return timedelta(seconds=wait)


def _give_up(row: TrackedIssue, reason: str, now: datetime) -> None:
    row.status, row.reason, row.not_before = TrackedIssue.Status.FAILED, reason, None
    telling.note(row, Kind.FAILED, after={"reason": reason}, at=now, source=Source.FILING)
    record_event(
        actor=None,
        action="linear_issue.failed",
        object_kind="linear_issue",
        object_ref=row.ref,
        after={"cause": row.cause_key, "attempts": row.attempts},
        reason=reason[:500],
    )


def _end(issue: TrackedIssue, reason: str, now: datetime) -> None:
    """Nothing was sent by this claim, and nothing will be before somebody acts."""
    with transaction.atomic():
        row = TrackedIssue.objects.select_for_update(of=("self",)).filter(pk=issue.pk, lease=issue.lease).first()
        if row is None:
            return
        if row.is_filed:
            row.reason, row.not_before = reason, now + timedelta(seconds=_MOST_WAIT_S)
        else:
            _give_up(row, reason, now)
        row.leased_until, row.has_work = None, row.is_filed
        row.save(update_fields=["status", "reason", "not_before", "leased_until", "has_work"])


def _is_waiting(row: TrackedIssue) -> bool:
    return not row.is_filed or bool(_items(row))


def _mine(issue: TrackedIssue) -> Any:
    return TrackedIssue.objects.filter(pk=issue.pk, lease=issue.lease)


def sweep(*, now: datetime, at_most: int = 100) -> int:
    """Queue again what is due: a later try, a worker that is gone, an entry that was lost; how many."""
    due = TrackedIssue.objects.claimable(now)
    late = due.exclude(not_before=None, leased_until=None, woken_at__gt=now - _FORGOTTEN)
    ids = list(late.order_by("pk").values_list("pk", flat=True)[:at_most])
    TrackedIssue.objects.filter(pk__in=ids).update(woken_at=now)
    for pk in ids:
        enqueue(TASK, pk)
    return len(ids)
