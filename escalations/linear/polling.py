"""Issues asked for, when their events are away: every few minutes then, and once an hour to be sure.

Events lack some things (a project's target date, pull requests that were linked): an issue that may have changed there
is read soon after.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F, Q

from altor.errors import InvalidInput
from altor.outbound import call_scope
from altor.queue import enqueue
from escalations.linear.client import LinearWriter, open_writer
from escalations.linear.connections import config_of, note_refusal, note_success
from escalations.linear.documents import ISSUES, MORE_COMMENTS, PAGE
from escalations.linear.following import Source, apply_comment, apply_snapshot, gone
from escalations.linear.reading import comment_of, issue_of
from escalations.models import LinearConnection, TrackedIssue
from investigations.engine.work import run_bounded
from investigations.helpdesks.reading import items, part, safe_id
from investigations.sources.base import SourceError, SourceLimited, SourceRefused
from investigations.sources.http import iso

log = logging.getLogger(__name__)
TASK: Final = "escalations.linear.tasks.poll"
#: Without an event for so long, events count as away.
QUIET: Final = timedelta(minutes=15)
WHEN_AWAY: Final = timedelta(minutes=5)
WHEN_HEARD: Final = timedelta(hours=1)
CALL_SECONDS: Final = 30.0
#: Pages of one poll; the issues that were asked for longest ago come first, so the rest comes next time.
_MOST_PAGES: Final = 8
_MOST_COMMENT_PAGES: Final = 10
#: A worker that polls holds the others off for so long.
_LEASE: Final = timedelta(seconds=60)
#: Comments are asked for again a little further back than they are known: clocks differ.
_OVERLAP: Final = timedelta(minutes=10)
#: An issue that polls do not find for so long is gone.
_MISSING: Final = timedelta(minutes=2)


@dataclass(slots=True)
class _Answer:
    asked: list[TrackedIssue] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    hold_off_s: float = 0.0
    error: SourceError | None = None


def is_away(connection: LinearConnection, now: datetime) -> bool:
    """No event has come for a while: what happens in Linear is learned by asking."""
    return connection.heard_at is None or connection.heard_at < now - QUIET


def is_due(connection: LinearConnection, now: datetime) -> bool:
    every = WHEN_AWAY if is_away(connection, now) else WHEN_HEARD
    return connection.polled_at is None or connection.polled_at <= now - every


def sweep(*, now: datetime) -> int:
    """Queue a poll of each connection that is due, or of which an issue is to be read; how many."""
    count = 0
    for connection in _free(now):
        followed = TrackedIssue.objects.followed(now).filter(connection=connection)
        wanted = followed if is_due(connection, now) else followed.filter(wants_read=True)
        if wanted.exists():
            enqueue(TASK, connection.pk)
            count += 1
    return count


def poll(connection_id: int, *, now: datetime) -> int:
    """Ask for the issues that are due; how many were found. Nothing when another worker is at it."""
    connection = _free(now).filter(pk=connection_id).first()
    if connection is None or not _free(now).filter(pk=connection_id).update(poll_not_before=now + _LEASE):
        return 0
    is_full = is_due(connection, now)
    followed = TrackedIssue.objects.followed(now).filter(connection=connection)
    wanted = followed if is_full else followed.filter(wants_read=True)
    in_turn = wanted.order_by("-wants_read", F("polled_at").asc(nulls_first=True), "pk")[: PAGE * _MOST_PAGES]
    answer = _Answer()
    run_bounded(_ask(connection, list(in_turn), answer, now))
    for node in answer.nodes:
        _take(connection, node, now)
    _miss(answer, now)
    _end(connection, answer, is_full, now)
    return len(answer.nodes)


def _free(now: datetime) -> Any:
    usable = LinearConnection.objects.filter(is_active=True).exclude(secret="")
    return usable.filter(Q(poll_not_before=None) | Q(poll_not_before__lte=now)).order_by("pk")


async def _ask(connection: LinearConnection, wanted: Sequence[TrackedIssue], answer: _Answer, now: datetime) -> None:
    try:
        with call_scope(CALL_SECONDS):
            async with open_writer(config_of(connection)) as writer:
                for page in (wanted[start : start + PAGE] for start in range(0, len(wanted), PAGE)):
                    since = min(issue.polled_at or issue.filed_at or now for issue in page) - _OVERLAP
                    ids = [issue.issue_id for issue in page]
                    variables = {"filter": {"id": {"in": ids}}, "first": PAGE, "since": iso(since)}
                    data = await writer.send(ISSUES, variables)
                    nodes = data["issues"]["nodes"]
                    for node in nodes:
                        await _more_comments(writer, node, iso(since))
                    answer.nodes += nodes
                    answer.asked += page
                    answer.hold_off_s = writer.hold_off_s()
                    if answer.hold_off_s:
                        return
    except SourceError as error:
        answer.error = error


async def _more_comments(writer: LinearWriter, node: dict[str, Any], since: str | None) -> None:
    """Into the node. So many in one go that pages end before them are no comments that people read."""
    comments = node["comments"]
    for _ in range(_MOST_COMMENT_PAGES):
        if not comments["pageInfo"]["hasNextPage"]:
            return
        after = comments["pageInfo"]["endCursor"]
        data = await writer.send(MORE_COMMENTS, {"id": node["id"], "after": after, "since": since})
        comments = data["issue"]["comments"]
        node["comments"]["nodes"] += comments["nodes"]


def _take(connection: LinearConnection, node: dict[str, Any], now: datetime) -> None:
    issue = TrackedIssue.objects.filter(connection=connection, issue_id=safe_id(part(node).get("id"))).first()
    if issue is None:
        return
    try:
        apply_snapshot(issue, issue_of(node), source=Source.POLL, now=now)
        said = [comment_of(each, issue_id=issue.issue_id) for each in items(part(node, "comments").get("nodes"))]
    except InvalidInput as error:
        log.warning("an issue could not be read", extra={"issue": issue.pk, "reason": error.detail})
        return
    for comment in sorted(said, key=lambda each: each.at):
        apply_comment(issue, comment, source=Source.POLL, now=now)
    TrackedIssue.objects.filter(pk=issue.pk).update(polled_at=now, wants_read=False, missing_since=None)


def _miss(answer: _Answer, now: datetime) -> None:
    """Those that were asked for and not found: removed, or out of the key's sight. Once may be a lapse."""
    found = {safe_id(node.get("id")) for node in answer.nodes}
    for issue in answer.asked:
        if issue.issue_id in found:
            continue
        TrackedIssue.objects.filter(pk=issue.pk).update(
            polled_at=now, wants_read=False, missing_since=issue.missing_since or now
        )
        if issue.missing_since is not None and issue.missing_since <= now - _MISSING:
            gone(issue, now=now, source=Source.POLL)


def _end(connection: LinearConnection, answer: _Answer, is_full: bool, now: datetime) -> None:
    changes: dict[str, Any] = {"poll_not_before": None}
    if answer.error is None:
        note_success(connection, now)
        if is_full:
            changes["polled_at"] = now
        if answer.hold_off_s:
            changes["poll_not_before"] = now + timedelta(seconds=answer.hold_off_s)
    else:
        wait = WHEN_AWAY
        if isinstance(answer.error, SourceLimited) and answer.error.retry_after_s:
            wait = max(wait, timedelta(seconds=min(answer.error.retry_after_s, 7200)))
        if isinstance(answer.error, SourceRefused):
            note_refusal(connection, answer.error.message)
        log.warning("linear could not be polled", extra={"reason": answer.error.message})
        changes["poll_not_before"] = now + wait
    LinearConnection.objects.filter(pk=connection.pk).update(**changes)
