"""Events of Linear and GitHub, as they come in at `/api/v1/hooks/…`: what they say of issues that we follow.

They are verified, stored and known by their delivery id before they come here. They may be late, and in any order.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q

from altor.models import InboundEvent
from altor.queue import enqueue
from escalations.linear import pulls
from escalations.linear.following import Source, apply_comment, apply_snapshot, gone, take_pulls
from escalations.linear.reading import comment_of, issue_of, pull_of
from escalations.models import IssuePull, LinearConnection, TrackedIssue
from investigations.helpdesks.reading import moment, part, safe_id, text
from investigations.services.inbound import InboundHandler, Worked
from investigations.sources.http import cut_text

DONE, IGNORED = InboundEvent.Status.DONE, InboundEvent.Status.IGNORED
_MINUTE: Final = timedelta(minutes=1)


# --------------------------------------------------------------------------------------------------------------- linear
def work_linear(event: InboundEvent, now: datetime) -> Worked:
    connection = LinearConnection.objects.filter(endpoint=event.endpoint_id).first()
    if connection is None:
        return Worked(IGNORED, "No connection that files in Linear uses this address.")
    body: Mapping[str, Any] = event.body
    ours, theirs = connection.workspace.get("id"), text(body.get("organizationId"))
    if ours and theirs and ours != theirs:
        return Worked(IGNORED, "It comes from another Linear workspace.")
    silent = LinearConnection.objects.filter(Q(heard_at=None) | Q(heard_at__lt=now - _MINUTE), pk=connection.pk)
    silent.update(heard_at=now)
    kind, action, data = text(body.get("type"))[:40], text(body.get("action"))[:20], part(body, "data")
    by = cut_text(text(part(body, "actor").get("name")), 120)
    if kind == "Issue":
        return _issue(connection, data, action, by, now)
    if kind == "Comment":
        return _comment(
            connection, {"url": body.get("url"), **data}, action, now
        )  # the event tells it, not the comment
    if kind in ("Attachment", "IssueAttachment"):
        return _attachment(connection, data, action, now)
    return Worked(IGNORED, f"Altor does nothing with {kind or event.kind or 'this event'}.")


def _tracked(connection: LinearConnection, issue_id: str, identifier: str = "") -> TrackedIssue | None:
    """By id, also while it is being filed; by its identifier where the id was not told."""
    rows = TrackedIssue.objects.filter(connection=connection)
    found = rows.filter(issue_id=issue_id).first() if issue_id else None
    if found is None and (client_id := _uuid(issue_id)) is not None:
        found = rows.filter(client_id=client_id).first()
    if found is None and identifier:
        found = rows.filter(identifier=identifier).order_by("-is_open", "-pk").first()
    return found


def _uuid(given: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(given)
    except ValueError:
        return None


def _not_yet(issue: TrackedIssue | None) -> Worked | None:
    """Why an event of the issue is not taken now."""
    if issue is None:
        return Worked(IGNORED, "Altor does not follow this issue.")
    if not issue.is_filed:
        TrackedIssue.objects.filter(pk=issue.pk).update(wants_read=True)
        return Worked(IGNORED, "The issue is just being filed: it is read once that is done.")
    return None


def _issue(connection: LinearConnection, data: Mapping[str, Any], action: str, by: str, now: datetime) -> Worked:
    issue = _tracked(connection, safe_id(data.get("id")), safe_id(data.get("identifier")))
    refused = _not_yet(issue)
    if refused is not None or issue is None:
        return refused or Worked(IGNORED)
    if action == "remove":
        gone(issue, now=now, source=Source.WEBHOOK, by=by)
        return Worked(DONE, f"{issue} was removed.")
    if not apply_snapshot(issue, issue_of(data, is_whole=False), source=Source.WEBHOOK, now=now, by=by):
        return Worked(IGNORED, f"Something newer is known of {issue} already.")
    return Worked(DONE, f"{issue} is up to date.")


def _comment(connection: LinearConnection, data: Mapping[str, Any], action: str, now: datetime) -> Worked:
    said = comment_of(data, is_removed=action == "remove")
    issue = _tracked(connection, said.issue_id, safe_id(part(data, "issue").get("identifier")))
    refused = _not_yet(issue)
    if refused is not None or issue is None:
        return refused or Worked(IGNORED)
    if not apply_comment(issue, said, source=Source.WEBHOOK, now=now):
        return Worked(DONE, f"The comment on {issue} was known.")
    return Worked(DONE, f"A comment on {issue}.")


def _attachment(connection: LinearConnection, data: Mapping[str, Any], action: str, now: datetime) -> Worked:
    if "github" not in text(data.get("sourceType")).lower() and "github.com" not in text(data.get("url")):
        return Worked(IGNORED, "An attachment that is no pull request.")
    link = pull_of(data)
    if link is None or action == "remove":
        return Worked(IGNORED, "An attachment that is no pull request, or was removed.")
    issue = _tracked(connection, safe_id(data.get("issueId")))
    refused = _not_yet(issue)
    if refused is not None or issue is None:
        return refused or Worked(IGNORED)
    take_pulls(issue, [link], source=Source.WEBHOOK, now=now)
    enqueue(pulls.TASK, issue.pk)
    return Worked(DONE, f"Pull request {link.number} belongs to {issue}.")


# --------------------------------------------------------------------------------------------------------------- github
def work_github(event: InboundEvent, now: datetime) -> Worked:
    """Pull requests of followed issues; and deployments that went live, which may have brought one."""
    body: Mapping[str, Any] = event.body
    repository = text(part(body, "repository").get("full_name"))
    owner, _, repo = repository.partition("/")
    rows = IssuePull.objects.filter(owner__iexact=owner, repo__iexact=repo)
    if event.kind == "pull_request":
        return _pull(rows, part(body, "pull_request"), now)
    if event.kind == "deployment_status" and text(part(body, "deployment_status").get("state")) == "success":
        merged = rows.filter(state=IssuePull.State.MERGED, shipped_at=None)
        waiting = list(merged.order_by("issue_id").values_list("issue_id", flat=True).distinct()[:50])
        for pk in waiting:
            enqueue(pulls.TASK, pk)
        if waiting:
            return Worked(DONE, f"A deployment: {len(waiting)} merged fixes are looked for in it.")
    return Worked(IGNORED, f"No followed issue is touched by {event.kind or 'this event'}.")


def _pull(rows: Any, said: Mapping[str, Any], now: datetime) -> Worked:
    number, changed = said.get("number"), moment(said.get("updated_at"))
    found = list(rows.filter(number=number)) if isinstance(number, int) and 0 < number < 10**9 else []
    if not found or changed is None:
        return Worked(IGNORED, "No followed issue has this pull request.")
    for row in found:
        if row.changed_at is None or changed >= row.changed_at:
            pulls.take(row, said, now=now)
        enqueue(pulls.TASK, row.issue_id)
    return Worked(DONE, f"Pull request {number} is {found[0].state}.")


LINEAR: Final = InboundHandler("linear", work_linear)
GITHUB: Final = InboundHandler("github", work_github)
