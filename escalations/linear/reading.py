"""What Linear says of an issue, from an answer of its API or from an event, in one shape. Plain functions, no network.

Texts are written by people and by attackers: redacted, cut, without control characters. What is missing or of the wrong
kind is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from altor.errors import InvalidInput
from investigations.helpdesks.reading import items, moment, part, safe_id, text
from investigations.sources.http import cut_text

_PULL: Final = re.compile(r"/([A-Za-z0-9_.\-]{1,100})/([A-Za-z0-9_.\-]{1,100})/pull/(\d{1,9})(?:/.*)?")
_LONGEST_BODY: Final = 10_000
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Person:
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class PullLink:
    """A pull request as Linear links it. `state` and `merged_at` as far as Linear tells them."""

    url: str
    owner: str
    repo: str
    number: int
    title: str = ""
    state: str = ""  # models.IssuePull.State, "" = not told


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment of an issue."""

    id: str
    issue_id: str
    body: str
    author: str
    url: str
    at: datetime
    changed_at: datetime
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An issue at one moment. An event leaves out what only the API tells: then `project_target_on` is None and
    `is_whole` False.
    """

    id: str
    identifier: str
    url: str
    title: str
    state_name: str
    state_type: str
    assignee: Person
    priority: int
    cycle_name: str
    cycle_ends_at: datetime | None
    due_on: date | None
    project: Person
    updated_at: datetime
    closed_at: datetime | None = None
    project_target_on: date | None = None
    is_whole: bool = True
    is_removed: bool = False
    pulls: tuple[PullLink, ...] = ()


def issue_of(node: Mapping[str, Any], *, is_whole: bool = True, is_removed: bool = False) -> Snapshot:
    """From a node of the API or `data` of an event. InvalidInput when it is no issue."""
    issue_id, updated = safe_id(node.get("id")), moment(node.get("updatedAt"))
    state = part(node, "state")
    if not issue_id or updated is None or not state:
        raise InvalidInput("This is no issue of Linear: it has no id, no state or no time.")
    cycle, project = part(node, "cycle"), part(node, "project")
    return Snapshot(
        id=issue_id,
        identifier=safe_id(node.get("identifier"))[:40],
        url=web_address(node.get("url")),
        title=cut_text(text(node.get("title")), 300),
        state_name=cut_text(text(state.get("name")), 80),
        state_type=text(state.get("type"))[:20],
        assignee=_person(node.get("assignee")),
        priority=_priority(node.get("priority")),
        cycle_name=cut_text(text(cycle.get("name")) or f"Cycle {text(cycle.get('number'))}", 120) if cycle else "",
        cycle_ends_at=moment(cycle.get("endsAt")),
        due_on=day(node.get("dueDate")),
        project=_person(project),
        updated_at=updated,
        closed_at=moment(node.get("completedAt")) or moment(node.get("canceledAt")),
        project_target_on=day(project.get("targetDate")),
        is_whole=is_whole,
        is_removed=is_removed or node.get("trashed") is True,
        pulls=tuple(pulls_of(part(node, "attachments").get("nodes"))),
    )


def comment_of(node: Mapping[str, Any], *, issue_id: str = "", is_removed: bool = False) -> Remark:
    """From a node of the API or `data` of an event. InvalidInput when it is no comment."""
    comment_id, at = safe_id(node.get("id")), moment(node.get("createdAt"))
    if not comment_id or at is None:
        raise InvalidInput("This is no comment of Linear: it has no id or no time.")
    author = _person(node.get("user")).name or _person(node.get("externalUser")).name
    return Remark(
        id=comment_id,
        issue_id=issue_id or safe_id(node.get("issueId")) or safe_id(part(node, "issue").get("id")),
        body=cut_text(text(node.get("body")), _LONGEST_BODY),
        author=author,
        url=web_address(node.get("url")),
        at=at,
        changed_at=moment(node.get("updatedAt")) or at,
        is_removed=is_removed,
    )


def pulls_of(attachments: Any) -> Iterator[PullLink]:
    """Those attachments that are pull requests of GitHub."""
    for each in items(attachments):
        if "github" in text(each.get("sourceType")).lower():
            found = pull_of(each)
            if found is not None:
                yield found


def pull_of(attachment: Mapping[str, Any]) -> PullLink | None:
    """The pull request that an attachment links to; None for a commit or an issue."""
    url = web_address(attachment.get("url"))
    match = _PULL.fullmatch(urlsplit(url).path)
    if match is None:
        return None
    owner, repo, number = match.groups()
    parts = urlsplit(url)
    # What lies below a pull request (its files, its commits) is the same pull request.
    plain = f"{parts.scheme}://{parts.netloc}/{owner}/{repo}/pull/{number}"
    return PullLink(
        plain, owner, repo, int(number), cut_text(text(attachment.get("title")), 300), _pull_state(attachment)
    )


def _pull_state(attachment: Mapping[str, Any]) -> str:
    """Linear's integration notes a status with the attachment. Its words are not documented: others say nothing."""
    metadata = part(attachment, "metadata")
    if metadata.get("mergedAt"):
        return "merged"
    status = text(metadata.get("status")).lower()
    known = {"merged": "merged", "closed": "closed", "draft": "draft", "open": "open", "inreview": "open"}
    return known.get(status.replace("_", "").replace(" ", ""), "")


def web_address(value: Any, length: int = 300) -> str:
    """An address that a link may lead to; "" for anything else."""
    found = text(value).strip()
    try:
        parts = urlsplit(found)
    except ValueError:
        return ""
    return found if parts.scheme in ("http", "https") and parts.netloc and len(found) <= length else ""


def day(value: Any) -> date | None:
    """A date without a time; of a time its day as written."""
    found = text(value)[:10]
    if not _DATE.fullmatch(found):
        return None
    try:
        return date.fromisoformat(found)
    except ValueError:
        return None


def _person(value: Any) -> Person:
    """Id and name of a person or a project; empty for nobody."""
    found = part(value)
    return Person(safe_id(found.get("id")), cut_text(text(found.get("name")), 120)) if found else Person()


def _priority(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 4 else 0
