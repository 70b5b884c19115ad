"""What is written to the demo's tracker: issues, comments, attachments; what people do there; and the events it makes."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx

Json = dict[str, Any]
log = logging.getLogger(__name__)


class WriteRefused(Exception):
    """The text is Linear's message."""


class Hook:
    """Posts each event, signed, from a thread of its own, a few times if it must."""

    def __init__(self, address: str, secret: str) -> None:
        self._address, self._secret = address, secret.encode()

    def tell(self, event: Json) -> None:
        threading.Thread(target=self._post, args=(event, str(uuid.uuid4())), daemon=True).start()

    def _post(self, event: Json, delivery: str) -> None:
        for wait_s in (0.0, 2.0, 10.0):
            threading.Event().wait(wait_s)
            raw = json.dumps({**event, "webhookTimestamp": int(time.time() * 1000)}).encode()
            headers = {
                "Linear-Signature": hmac.new(self._secret, raw, hashlib.sha256).hexdigest(),
                "Linear-Delivery": delivery, "Linear-Event": event["type"], "Content-Type": "application/json",
            }  # fmt: skip
            try:
                if httpx.post(self._address, content=raw, headers=headers, timeout=10, trust_env=False).is_success:
                    return
            except httpx.HTTPError as error:
                log.warning("event not delivered: %s", error)


class Tracker:
    """Adds to `data` (the world's tracker). What was added is kept in `file`, so that a restart does not lose it."""

    def __init__(
        self, data: Json, clock: Callable[[], datetime], *, file: Path | None = None, hook: Hook | None = None
    ) -> None:
        self._data, self._clock, self._file, self._hook = data, clock, file, hook
        self._lock = threading.Lock()
        self.filed: list[Json] = json.loads(file.read_text()) if file is not None and file.exists() else []
        data["issues"][:0] = self.filed

    # ---- over the API
    def write(self, name: str, given: Json, base: str) -> Json:
        """The payload of a mutation. `base` is the tracker's own address, for links."""
        makers: Final = {
            "issueCreate": self._issue, "commentCreate": self._comment, "attachmentCreate": self._attachment,
        }  # fmt: skip
        if name == "customerNeedCreate":
            raise WriteRefused("Customer requests are not available in this workspace")
        if name not in makers:
            raise WriteRefused(f'Cannot query field "{name}" on type "Mutation".')
        with self._lock:
            made = makers[name](given, base)
            self._keep()
        return {"success": True, "lastSyncId": 1.0, **made}

    def _issue(self, given: Json, base: str) -> Json:
        team = self._data["teams"][0]
        if given.get("teamId") != team["id"]:
            raise WriteRefused("Entity not found: Team")
        issue_id = self._fresh(given, [issue["id"] for issue in self._data["issues"]])
        number = max(int(issue["number"]) for issue in self._data["issues"]) + 1
        at, priority = self._now(), int(given.get("priority") or 0)
        labels = [label for label in team["labels"]["nodes"] if label["id"] in (given.get("labelIds") or [])]
        issue: Json = {
            "__typename": "Issue", "id": issue_id, "identifier": f"{team['key']}-{number}", "number": float(number),
            "title": str(given.get("title") or ""), "description": str(given.get("description") or ""),
            "priority": float(priority), "priorityLabel": ["No priority", "Urgent", "High", "Medium", "Low"][priority],
            "url": f"{base}/issue/{team['key']}-{number}", "createdAt": at, "updatedAt": at, "startedAt": None,
            "completedAt": None, "canceledAt": None, "slaBreachesAt": None, "state": self.state("triage"),
            "assignee": next((u for u in self._data["users"] if u["id"] == given.get("assigneeId")), None),
            "team": {key: team[key] for key in ("id", "key", "name")}, "cycle": None, "project": None,
            "labels": {"nodes": labels}, "comments": {"nodes": []}, "attachments": {"nodes": []},
            "needs": {"nodes": []}, "releases": {"nodes": []}, "trashed": None, "dueDate": None,
        }  # fmt: skip
        self.filed.insert(0, issue)
        self._data["issues"].insert(0, issue)
        return {"issue": issue}

    def _comment(self, given: Json, base: str) -> Json:
        issue = self.issue(str(given.get("issueId")))
        comments = issue["comments"]["nodes"]
        comment_id = self._fresh(given, [comment["id"] for comment in comments])
        return {"comment": self._say(issue, comment_id, str(given.get("body") or ""), self._data["viewer"])}

    def _attachment(self, given: Json, base: str) -> Json:
        issue = self.issue(str(given.get("issueId")))
        attachments = issue["attachments"]["nodes"]
        same = [each for each in attachments if each["url"] == given["url"]]
        if not same:
            made = {
                "__typename": "Attachment", "id": self._fresh(given, [each["id"] for each in attachments]),
                "url": given["url"], "title": given["title"], "sourceType": "api", "metadata": {},
                "createdAt": self._now(),
            }  # fmt: skip
            attachments.append(made)
            same = [made]
        return {"attachment": same[0]}

    # ---- as people do on the board
    def act(self, key: str, action: str, words: str = "") -> None:
        """`take`, a state's type, or `comment`. WriteRefused for what is not there."""
        with self._lock:
            issue: Json = self.issue(key)
            person = self._data["users"][1]
            if action == "comment":
                if not words:
                    return
                comment = self._say(issue, str(uuid.uuid4()), words, person)
                data = {**comment, "issueId": issue["id"], "user": person}
                self._tell("Comment", "create", data, person, comment["url"])
            else:
                if action == "take":
                    issue["assignee"] = person
                else:
                    issue["state"] = self.state(action)
                    issue["completedAt"] = self._now() if action == "completed" else None
                    issue["canceledAt"] = self._now() if action == "canceled" else None
                issue["updatedAt"] = self._now()
                told = {name: value for name, value in issue.items() if name not in ("comments", "attachments")}
                self._tell("Issue", "update", told, person, issue["url"])
            self._keep()

    def issue(self, key: str) -> Json:
        found = [issue for issue in self.filed if key in (issue["id"], issue["identifier"])]
        if not found:
            raise WriteRefused("Entity not found: Issue")
        return found[0]

    def state(self, kind: str) -> Json:
        for state in self._data["teams"][0]["states"]["nodes"]:
            if state["type"] == kind:
                return dict(state)
        raise WriteRefused("Entity not found: WorkflowState")

    def _say(self, issue: Json, comment_id: str, body: str, person: Json) -> Json:
        at = self._now()
        comment = {
            "__typename": "Comment", "id": comment_id, "body": body, "createdAt": at, "updatedAt": at, "user": person,
            "url": f"{issue['url']}#comment-{comment_id[:8]}", "externalUser": None,
        }  # fmt: skip
        issue["comments"]["nodes"].insert(0, comment)
        return comment

    @staticmethod
    def _fresh(given: Json, there: list[str]) -> str:
        wanted = str(given.get("id") or uuid.uuid4())
        if wanted in there:
            raise WriteRefused(f"conflict on insert: Key (id)=({wanted}) already exists.")
        return wanted

    def _tell(self, kind: str, action: str, data: Json, actor: Json, url: str) -> None:
        if self._hook is not None:
            self._hook.tell({
                "action": action, "type": kind, "createdAt": self._now(), "data": data, "url": url,
                "actor": {"id": actor["id"], "name": actor["name"], "type": "user"},
                "organizationId": self._data["organization"]["id"], "webhookId": "demo",
            })  # fmt: skip

    def _now(self) -> str:
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def _keep(self) -> None:
        if self._file is not None:
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(self.filed))
            part.replace(self._file)
