"""The requests that write, each safe to send again: with an id that we chose, and a look for it when it is refused.

What Linear says to an id that exists already is not documented. So whatever the refusal, the object is looked for by
its id before the refusal counts; found, it was written by an earlier try.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from escalations.linear.client import LinearWriter
from escalations.linear.documents import (
    CREATE_ATTACHMENT,
    CREATE_COMMENT,
    CREATE_ISSUE,
    CREATE_NEED,
    FIND_ATTACHMENT,
    FIND_COMMENT,
    FIND_NEED,
    ISSUE,
    ISSUES,
)
from escalations.linear.places import Place, find_place
from escalations.linear.reading import Snapshot, issue_of, web_address
from escalations.models import IssueComment, IssueLink, TrackedIssue
from investigations.helpdesks.reading import moment
from investigations.sources.base import SourceAnswerInvalid, SourceError, SourceUnavailable
from investigations.sources.http import ObjectUnknown
from investigations.sources.linear.answers import SOURCE, FeatureRefused

T = TypeVar("T")
_NO_COMMENTS: Final = "2200-01-01T00:00:00Z"  # since then


@dataclass(frozen=True, slots=True)
class Filed:
    snapshot: Snapshot
    notes: list[str]


async def file_issue(writer: LinearWriter, wanted: TrackedIssue, *, was_tried: bool) -> Filed:
    """The issue, made by this try or by an earlier one. SourceError otherwise."""
    issue_id = str(wanted.client_id)
    if was_tried:
        earlier = await read_issue(writer, issue_id)
        if earlier is not None:
            return Filed(earlier, list(wanted.notes))
    at = await find_place(writer, wanted)
    try:
        answer = await writer.send(CREATE_ISSUE, {"input": _issue_input(wanted, at)})
        _succeeded(answer["issueCreate"])
    except (SourceAnswerInvalid, SourceUnavailable) as error:
        earlier = await _look(read_issue(writer, issue_id), error)
        if earlier is None:
            raise
        return Filed(earlier, at.notes)
    found = await read_issue(writer, issue_id)
    if found is None:
        raise SourceUnavailable(SOURCE, "Linear took the issue and does not show it yet")
    return Filed(found, at.notes)


def _issue_input(wanted: TrackedIssue, at: Place) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": str(wanted.client_id),
        "teamId": at.team,
        "title": wanted.title,
        "description": wanted.description,
        "priority": wanted.priority,
    }
    optional = {"labelIds": at.labels, "projectId": at.project, "assigneeId": at.assignee}
    return fields | {name: value for name, value in optional.items() if value}


async def read_issue(writer: LinearWriter, issue_id: str) -> Snapshot | None:
    """By id; None when there is none that the key may see."""
    variables = {"filter": {"id": {"eq": issue_id}}, "first": 1, "since": _NO_COMMENTS}
    nodes = (await writer.send(ISSUES, variables))["issues"]["nodes"]
    return issue_of(nodes[0]) if nodes else None


async def read_named(writer: LinearWriter, identifier: str) -> Snapshot:
    """By its identifier, ENG-123. ObjectUnknown when Linear does not know it."""
    try:
        data = await writer.send(ISSUE, {"id": identifier})
    except SourceAnswerInvalid as error:
        raise ObjectUnknown(SOURCE, f"Linear knows no issue {identifier} that this key can see") from error
    return issue_of(data["issue"])


async def attach(writer: LinearWriter, issue_id: str, link: IssueLink) -> str:
    """Id of the attachment. Of one address there is one per issue, whoever made it."""
    fields = {
        "id": str(link.attachment_client_id),
        "issueId": issue_id,
        "url": link.url,
        "title": link.title,
        "subtitle": "Support ticket in Altor",
    }
    try:
        made = _succeeded((await writer.send(CREATE_ATTACHMENT, {"input": fields}))["attachmentCreate"])
        return str(made["attachment"]["id"])
    except (SourceAnswerInvalid, SourceUnavailable) as error:
        found = await _look(_attached(writer, issue_id, link.url), error)
        if not found:
            raise
        return found


async def _attached(writer: LinearWriter, issue_id: str, url: str) -> str:
    nodes = (await writer.send(FIND_ATTACHMENT, {"url": url}))["attachmentsForURL"]["nodes"]
    return next((str(each["id"]) for each in nodes if each["issue"]["id"] == issue_id), "")


async def add_need(writer: LinearWriter, issue_id: str, link: IssueLink) -> str:
    """Id of the customer's need. FeatureRefused where the workspace has none, SourceAnswerInvalid where it does not
    know the customer.
    """
    fields = {
        "id": str(link.need_client_id),
        "issueId": issue_id,
        "customerExternalId": link.customer,
        "attachmentId": link.attachment_id,
        "body": f"[{link.title}]({link.url})",
    }
    try:
        made = _succeeded((await writer.send(CREATE_NEED, {"input": fields}))["customerNeedCreate"])
        return str(made["need"]["id"])
    except FeatureRefused:
        raise
    except (SourceAnswerInvalid, SourceUnavailable) as error:
        found = await _look(_need(writer, str(link.need_client_id)), error)
        if not found:
            raise
        return found


async def _need(writer: LinearWriter, need_id: str) -> str:
    nodes = (await writer.send(FIND_NEED, {"filter": {"id": {"eq": need_id}}}))["customerNeeds"]["nodes"]
    return str(nodes[0]["id"]) if nodes else ""


@dataclass(frozen=True, slots=True)
class Written:
    url: str
    at: datetime | None


async def write_comment(writer: LinearWriter, issue_id: str, comment: IssueComment) -> Written:
    fields = {"id": comment.comment_id, "issueId": issue_id, "body": comment.body}
    try:
        made = _succeeded((await writer.send(CREATE_COMMENT, {"input": fields}))["commentCreate"])["comment"]
    except (SourceAnswerInvalid, SourceUnavailable) as error:
        made = await _look(_comment(writer, comment.comment_id), error)
        if not made:
            raise
    return Written(web_address(made["url"]), moment(made["createdAt"]))


async def _comment(writer: LinearWriter, comment_id: str) -> dict[str, Any]:
    nodes = (await writer.send(FIND_COMMENT, {"filter": {"id": {"eq": comment_id}}}))["comments"]["nodes"]
    return dict(nodes[0]) if nodes else {}


def _succeeded(payload: dict[str, Any]) -> dict[str, Any]:
    if payload.get("success") is not True:
        raise SourceAnswerInvalid(SOURCE, "Linear says that it did not do this, and not why")
    return payload


async def _look(reading: Awaitable[T], error: SourceError) -> T:
    """What the reading finds. When it fails too, the first error is told: it is the reason."""
    try:
        return await reading
    except SourceError:
        raise error from None
