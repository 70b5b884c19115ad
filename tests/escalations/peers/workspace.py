"""A Linear workspace in memory: what its API reads and writes, and the events that its writes make.

Objects are dicts with the schema's field names; lists with arguments are functions, as graphql-core resolves them.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]
#: Refused as Linear is believed to: with HTTP 400 or 200, a code and a type.
INVALID = ("INVALID_INPUT", "invalid input")
FORBIDDEN = ("FORBIDDEN", "forbidden")
NO_FEATURE = ("FEATURE_NOT_ACCESSIBLE", "feature not accessible")


class Refused(Exception):
    def __init__(self, message: str, code: tuple[str, str] = INVALID) -> None:
        super().__init__(message)
        self.message, self.code = message, code


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Workspace:
    """`clock` gives Linear's own time, always a little later than the last one. `events` wait to be delivered."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock, self._last = clock, datetime(2000, 1, 1, tzinfo=UTC)
        self._numbers = itertools.count(101)
        self.lock = threading.RLock()
        self.has_customers = True
        self.may_write = True
        self.says_duplicate = True  # False: an id that exists is answered as a fault of its own
        self.events: list[Json] = []
        self.writes: list[str] = []  # every mutation that was carried out
        self.organization = {"id": fresh(), "name": "Harborline", "urlKey": "harborline"}
        self.team = {"id": fresh(), "key": "ENG", "name": "Engineering"}
        self.states = {
            kind: {"id": fresh(), "name": name, "type": kind}
            for kind, name in {
                "triage": "Triage", "unstarted": "Todo", "started": "In Progress",
                "completed": "Done", "canceled": "Canceled",
            }.items()
        }  # fmt: skip
        self.people = {name: {"id": fresh(), "name": name, "displayName": name.split()[0].lower(),
            "email": f"{name.split()[0].lower()}@harborline.example", "admin": False, "url": "https://linear.example/u",
        } for name in ("Altor Bot", "Priya Nair", "Eric Lund")}  # fmt: skip
        self.viewer = self.people["Altor Bot"]
        self.labels = [{"id": fresh(), "name": name, "team": None} for name in ("bug", "escalation")]
        self.projects = [{"id": fresh(), "name": "Reliability", "targetDate": None, "url": "https://linear.example/p"}]
        self.customers = {"org_0042": {"id": fresh(), "name": "Northwind Freight"}}
        self.issues: dict[str, Json] = {}
        self.comments: dict[str, Json] = {}
        self.attachments: dict[str, Json] = {}
        self.needs: dict[str, Json] = {}

    def now(self) -> str:
        self._last = max(self._clock(), self._last + timedelta(milliseconds=1))
        return stamp(self._last)

    # -------------------------------------------------------------------------------- what it does
    def issue_create(self, given: Json) -> Json:
        issue_id = self._new_id(given, self.issues, "Issue")
        if given["teamId"] != self.team["id"]:
            raise Refused("Entity not found: Team")
        at, number = self.now(), next(self._numbers)
        issue = {
            "id": issue_id, "number": float(number), "identifier": f"ENG-{number}", "title": given["title"],
            "description": given.get("description"), "priority": float(given.get("priority") or 0),
            "url": f"https://linear.example/harborline/issue/ENG-{number}/x", "createdAt": at, "updatedAt": at,
            "completedAt": None, "canceledAt": None, "trashed": None, "dueDate": given.get("dueDate"), "cycle": None,
            "state": self.states["triage"], "team": self.team,
            "project": self._named(self.projects, given, "projectId"),
            "assignee": self._named(list(self.people.values()), given, "assigneeId"),
            "labelIds": given.get("labelIds") or [],
        }  # fmt: skip
        self.issues[issue_id] = issue
        self._tell("Issue", "create", issue_id)
        return {"success": True, "lastSyncId": 1.0, "issue": self.seen(issue)}

    def change(self, issue_id: str, *, by: str = "Priya Nair", **fields: Any) -> Json:
        """As a person in Linear does. `state` is a type, `assignee` a name."""
        with self.lock:
            issue = self.issues[issue_id]
            if "state" in fields:
                fields["state"] = self.states[fields["state"]]
                fields["completedAt"] = self.now() if fields["state"]["type"] == "completed" else None
                fields["canceledAt"] = self.now() if fields["state"]["type"] == "canceled" else None
            if "assignee" in fields:
                fields["assignee"] = self.people.get(fields["assignee"])
            before = {name: issue.get(name) for name in fields}
            issue.update(fields, updatedAt=self.now())
            self._tell("Issue", "update", issue_id, by=by, updated_from=before)
            return issue

    def remove(self, issue_id: str) -> None:
        with self.lock:
            self._tell("Issue", "remove", issue_id)
            del self.issues[issue_id]

    def comment_create(self, given: Json) -> Json:
        if given["issueId"] not in self.issues:
            raise Refused("Entity not found: Issue")
        comment_id = self._new_id(given, self.comments, "Comment")
        self._say(comment_id, given["issueId"], given["body"], self.viewer)
        return {"success": True, "lastSyncId": 1.0, "comment": self.comments[comment_id]}

    def say(self, issue_id: str, body: str, by: str = "Priya Nair") -> str:
        """A person comments."""
        with self.lock:
            comment_id = fresh()
            self._say(comment_id, issue_id, body, self.people[by])
            return comment_id

    def _say(self, comment_id: str, issue_id: str, body: str, who: Json) -> None:
        at = self.now()
        self.comments[comment_id] = {
            "id": comment_id, "body": body, "createdAt": at, "updatedAt": at, "issueId": issue_id, "user": who,
            "url": f"https://linear.example/c/{comment_id}", "externalUser": None,
        }  # fmt: skip
        self._tell("Comment", "create", comment_id, by=who["name"])

    def attachment_create(self, given: Json, source_type: str = "api") -> Json:
        """Of one address there is one per issue: a second one changes the first."""
        if given["issueId"] not in self.issues:
            raise Refused("Entity not found: Issue")
        same = [
            each for each in self.attachments.values()
            if (each["issueId"], each["url"]) == (given["issueId"], given["url"])
        ]  # fmt: skip
        if same:
            same[0]["title"] = given["title"]
            return {"success": True, "lastSyncId": 1.0, "attachment": same[0]}
        attachment_id = self._new_id(given, self.attachments, "Attachment")
        at = self.now()
        self.attachments[attachment_id] = {
            "id": attachment_id, "issueId": given["issueId"], "url": given["url"], "title": given["title"],
            "subtitle": given.get("subtitle"), "metadata": given.get("metadata") or {}, "sourceType": source_type,
            "createdAt": at, "updatedAt": at, "groupBySource": False,
        }  # fmt: skip
        self._tell("Attachment", "create", attachment_id)
        return {"success": True, "lastSyncId": 1.0, "attachment": self.attachments[attachment_id]}

    def link_pull(self, issue_id: str, url: str, status: str = "open") -> None:
        """As Linear's GitHub integration does."""
        with self.lock:
            given = {"issueId": issue_id, "url": url, "title": "fix", "metadata": {"status": status}}
            self.attachment_create(given, "github")

    def need_create(self, given: Json) -> Json:
        if not self.has_customers:
            raise Refused("Customer requests are not available on this plan", NO_FEATURE)
        if given.get("customerExternalId") not in self.customers:
            raise Refused("Entity not found: Customer")
        need_id = self._new_id(given, self.needs, "CustomerNeed")
        self.needs[need_id] = {"id": need_id, "body": given.get("body"), "attachmentId": given.get("attachmentId")}
        return {"success": True, "lastSyncId": 1.0, "need": self.needs[need_id]}

    def _new_id(self, given: Json, there: Mapping[str, Any], what: str) -> str:
        wanted = str(given.get("id") or fresh())
        uuid.UUID(wanted)
        if wanted in there:
            if self.says_duplicate:
                raise Refused(f"conflict on insert of {what}: Key (id)=({wanted}) already exists.")
            raise Refused("Internal server error", ("INTERNAL_SERVER_ERROR", "internal error"))
        return wanted

    @staticmethod
    def _named(rows: list[Json], given: Json, key: str) -> Json | None:
        return next((row for row in rows if row["id"] == given.get(key)), None)

    # -------------------------------------------------------------------------------- what it shows
    def seen(self, issue: Json) -> Json:
        """With its lists. Newest first, as a default."""

        def listed(rows: Mapping[str, Json]) -> Callable[..., Json]:
            def page(info: Any, first: int = 50, filter: Json | None = None, after: str = "", **more: Any) -> Json:
                mine = [row for row in rows.values() if row["issueId"] == issue["id"] and matches(row, filter)]
                return connection(sorted(mine, key=lambda row: str(row["createdAt"]), reverse=True), first, after)

            return page

        return {**issue, "comments": listed(self.comments), "attachments": listed(self.attachments)}

    def _tell(
        self, kind: str, action: str, key: str, *, by: str = "Altor Bot", updated_from: Json | None = None
    ) -> None:
        """Keep the event that this makes, as the schema's payload types shape it."""
        data = dict({"Issue": self.issues, "Comment": self.comments, "Attachment": self.attachments}[kind][key])
        if kind == "Issue":
            data.pop("dueDate") if data["dueDate"] is None else None
            data |= {"stateId": data["state"]["id"], "teamId": self.team["id"], "priorityLabel": "x"}
            for name in ("assignee", "cycle", "project"):
                if data[name] is None:
                    del data[name]
                elif name == "project":
                    data[name] = {key: data[name][key] for key in ("id", "name", "url")}
        if kind == "Comment":
            about = self.issues[data["issueId"]]
            data |= {"userId": data["user"]["id"]}
            data["issue"] = {key: about[key] for key in ("id", "identifier", "title", "url")}
            del data["externalUser"]
        url = data.pop("url") if kind == "Comment" else data.get("url")
        self.events.append({
            "action": action, "type": kind, "createdAt": data["updatedAt"], "data": data,
            "actor": {**self.people[by], "type": "user"}, "organizationId": self.organization["id"],
            "url": url, "webhookId": "00000000-0000-4000-8000-000000000000",
            **({"updatedFrom": updated_from} if updated_from is not None else {}),
        })  # fmt: skip


def fresh() -> str:
    return str(uuid.uuid4())


def connection(rows: list[Json], first: int, after: str = "") -> Json:
    """A page; a cursor is the id of the last row before it."""
    start = next((n + 1 for n, row in enumerate(rows) if row["id"] == after), 0)
    page = rows[start : start + first]
    info = {"hasNextPage": len(rows) > start + first, "hasPreviousPage": start > 0, "startCursor": None}
    return {"nodes": page, "pageInfo": {**info, "endCursor": page[-1]["id"] if page else None}}


def matches(row: Mapping[str, Any], wanted: Json | None) -> bool:
    """The comparators that our documents use; any other is a KeyError."""
    for name, condition in (wanted or {}).items():
        if name == "or":
            if not any(matches(row, each) for each in condition):
                return False
            continue
        for comparator, value in condition.items():
            if not _fits(row[name], comparator, value):
                return False
    return True


def _fits(have: Any, comparator: str, value: Any) -> bool:
    match comparator:
        case "eq":
            return bool(have == value)
        case "in":
            return have in value
        case "eqIgnoreCase":
            return str(have).lower() == str(value).lower()
        case "gte":
            return str(value).startswith("-P") or str(have) >= str(value)
    raise KeyError(comparator)
