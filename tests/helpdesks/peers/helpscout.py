"""Help Scout's Inbox API as a strict peer: it hands out tokens and lets them expire, checks request bodies against the
documented fields, keeps conversations and threads, pages, redirects what was merged, and fails when a test says so.

Bodies and answers after developer.helpscout.com/mailbox-api (Create Note, Create Reply Thread, Update Thread, Tags,
Custom Fields, List Conversations, Rate limiting) and the official PHP client (helpscout/helpscout-api-php, MIT).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import jsonschema

from tests.loopback import Answer, Asked

APP, SECRET = "app-id-fake", "app-secret-fake"
KIM = {"id": 238604, "type": "customer", "first": "Kim", "last": "Lee", "email": "kim@acme.example"}
ADA = {"id": 256, "type": "user", "first": "Ada", "last": "Byron", "email": "ada@support.example"}
BOT = {"id": 300, "type": "user", "first": "Altor", "last": "", "email": "altor@support.example"}
START = datetime(2026, 11, 23, 6, tzinfo=UTC)
PAGE_SIZE = 25
STATUSES = ["active", "closed", "open", "pending", "spam"]


def body(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


TEXT, NUMBER = {"type": "string", "minLength": 1}, {"type": "integer"}
BODIES = {
    "note": body(["text"], text=TEXT, user=NUMBER, status={"enum": [*STATUSES, "inbox_predefined"]}),
    "reply": body(
        ["text", "customer"], text=TEXT, customer=body(["id"], id=NUMBER), user=NUMBER, status={"enum": STATUSES},
        draft={"type": "boolean"},
    ),
    "thread": body(["op", "path", "value"], op={"const": "replace"}, path={"enum": ["/text", "/hidden"]}, value=TEXT),
    "tags": body(["tags"], tags={"type": "array", "items": TEXT}),
    "fields": body(
        ["fields"],
        fields={"type": "array", "items": body(["id", "value"], id=NUMBER, value={"type": "string"})},
    ),
}  # fmt: skip


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def thread(number: int, kind: str, words: str, at: datetime, by: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": number, "type": kind, "state": "published", "status": "active", "body": words, "createdBy": by,
        "createdAt": stamp(at), "action": {"type": "default", "associatedEntities": {}},
        "source": {"type": "email", "via": "user"}, **changes,
    }  # fmt: skip


def conversation(number: int, **changes: Any) -> dict[str, Any]:
    at = START + timedelta(minutes=number)
    return {
        "id": number, "number": 1000 + number, "type": "email", "status": "active", "state": "published",
        "subject": f"Case {number}", "mailboxId": 85, "createdAt": stamp(at), "userUpdatedAt": stamp(at),
        "primaryCustomer": KIM, "tags": [{"id": 1, "tag": "vip"}],
        "customFields": [{"id": 6688, "name": "Plan", "value": "33077", "text": "Enterprise"}], **changes,
    }  # fmt: skip


@dataclass
class HelpScoutPeer:
    """`faults` are taken one by one by requests whose "METHOD path" they match; `carry_out` ones are done first."""

    conversations: dict[str, dict[str, Any]] = field(default_factory=dict)
    threads: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # oldest first
    merged: dict[str, str] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    asked_for_tokens: int = 0
    role: str = "admin"
    customer_hidden: bool = False
    faults: list[tuple[str, Answer, bool]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    clock: datetime = START + timedelta(days=1)

    def add(self, *found: dict[str, Any]) -> None:
        for each in found:
            key = str(each["id"])
            self.conversations[key] = each
            at = datetime.fromisoformat(each["createdAt"])
            self.threads[key] = [thread(5000 + each["id"], "customer", f"<p>Report {key} is empty</p>", at, KIM)]

    def expire(self) -> None:
        self.tokens.clear()

    def __call__(self, asked: Asked) -> Answer:
        if asked.path == "/v2/oauth2/token":
            return self._token(asked)
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Answer(401, {"error": "invalid_token"})
        for fault in self.faults:
            pattern, answer, carry_out = fault
            if re.fullmatch(pattern, f"{asked.method} {asked.path}"):
                self.faults.remove(fault)
                if carry_out:
                    self._answer(asked)
                return answer
        return self._answer(asked)

    def _token(self, asked: Asked) -> Answer:
        self.asked_for_tokens += 1
        given = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if asked.method != "POST" or given.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type"})
        if (given.get("client_id"), given.get("client_secret")) != (APP, SECRET):
            return Answer(401, {"error": "invalid_client"})
        self.tokens.append(f"token-{self.asked_for_tokens}")
        return Answer(body={"token_type": "bearer", "access_token": self.tokens[-1], "expires_in": 172800})

    def _answer(self, asked: Asked) -> Answer:
        for pattern, method, kind, handle in self._routes():
            match = re.fullmatch(f"/v2/{pattern}", asked.path)
            if match and method == asked.method:
                said = asked.json() if asked.body else None
                if problem := _problem(kind, said):
                    self.problems.append(f"{method} {asked.path}: {problem}")
                    return Answer(400, {"message": problem, "_embedded": {"errors": []}})
                return handle(asked, said, *match.groups())
        self.problems.append(f"no such request: {asked.method} {asked.path}")
        return Answer(404)

    def _routes(self) -> list[tuple[str, str, str, Callable[..., Answer]]]:
        one = "conversations/([0-9]+)"
        return [
            ("users/me", "GET", "", lambda *_: Answer(body={**BOT, "firstName": "Altor", "role": self.role})),
            ("conversations", "GET", "", self._list),
            (one, "GET", "", self._get),
            (f"{one}/threads", "GET", "", self._list_threads),
            (f"{one}/threads/([0-9]+)", "PATCH", "thread", self._change_thread),
            (f"{one}/notes", "POST", "note", partial(self._write, "note")),
            (f"{one}/reply", "POST", "reply", partial(self._write, "message")),
            (f"{one}/tags", "PUT", "tags", self._tags),
            (f"{one}/fields", "PUT", "fields", self._fields),
            ("customers/([0-9]+)", "GET", "", self._customer),
            ("organizations/([0-9]+)", "GET", "", self._organization),
        ]

    def _get(self, asked: Asked, _: Any, key: str) -> Answer:
        if key in self.merged:
            return Answer(301, {}, headers={"Location": f"/v2/conversations/{self.merged[key]}"})
        return Answer(body=self._whole(key, asked)) if key in self.conversations else Answer(404)

    def _whole(self, key: str, asked: Asked) -> dict[str, Any]:
        published = [each for each in self.threads[key] if each["type"] != "lineitem" and each["state"] == "published"]
        found = {**self.conversations[key], "threads": len(published)}
        if asked.query.get("embed") == "threads":
            found["_embedded"] = {"threads": list(reversed(self.threads[key]))}
        return found

    def _list(self, asked: Asked, _: Any) -> Answer:
        if asked.query.get("status") != "all":
            return Answer(400, {"message": "this peer lists all statuses"})
        since = asked.query.get("modifiedSince", "")
        if since and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", since):
            self.problems.append(f"modifiedSince {since}")
        changed = [each for each in self.conversations.values() if each["userUpdatedAt"] >= since]
        by = {"createdAt": "createdAt", "modifiedAt": "userUpdatedAt"}[asked.query.get("sortField", "createdAt")]
        changed.sort(key=lambda each: each[by], reverse=asked.query.get("sortOrder", "desc") == "desc")
        number = int(asked.query.get("page", "1"))
        shown = changed[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        paging = {
            "size": PAGE_SIZE, "number": number, "totalElements": len(changed),
            "totalPages": -(-len(changed) // PAGE_SIZE),
        }  # fmt: skip
        found: dict[str, Any] = {"page": paging}
        if shown:  # the key is not set when there is nothing
            found["_embedded"] = {"conversations": [self._whole(str(each["id"]), asked) for each in shown]}
        return Answer(body=found)

    def _list_threads(self, asked: Asked, _: Any, key: str) -> Answer:
        if key not in self.conversations:
            return Answer(404)
        newest_first = list(reversed(self.threads[key]))
        number, size = int(asked.query.get("page", "1")), 3
        paging = {"size": size, "number": number, "totalPages": -(-len(newest_first) // size)}
        shown = newest_first[(number - 1) * size : number * size]
        return Answer(body={"_embedded": {"threads": shown}, "page": paging})

    def _write(self, kind: str, _: Asked, said: dict[str, Any], key: str) -> Answer:
        if key not in self.conversations:
            return Answer(404)
        self.clock += timedelta(seconds=1)
        by = next((each for each in (ADA, BOT) if each["id"] == said.get("user", BOT["id"])), BOT)
        made = thread(7000 + len(self.threads[key]), kind, said["text"], self.clock, by)
        self.threads[key].append(made)
        self.conversations[key]["userUpdatedAt"] = stamp(self.clock)
        if kind == "message":
            self.conversations[key]["status"] = said.get("status", "active")
        there = f"https://api.helpscout.net/v2/conversations/{key}/threads/{made['id']}"
        return Answer(201, b"", headers={"Resource-ID": str(made["id"]), "Location": there})

    def _change_thread(self, _: Asked, said: dict[str, Any], key: str, number: str) -> Answer:
        found = next((each for each in self.threads.get(key, []) if str(each["id"]) == number), None)
        if found is None:
            return Answer(404)
        found["body"] = said["value"]
        return Answer(204, b"")

    def _tags(self, _: Asked, said: dict[str, Any], key: str) -> Answer:
        self.conversations[key]["tags"] = [{"id": n, "tag": tag} for n, tag in enumerate(said["tags"])]
        return Answer(204, b"")

    def _fields(self, _: Asked, said: dict[str, Any], key: str) -> Answer:
        self.conversations[key]["customFields"] = [{**each, "name": "", "text": ""} for each in said["fields"]]
        return Answer(204, b"")

    def _customer(self, _: Asked, __: Any, key: str) -> Answer:
        if self.customer_hidden:
            return Answer(403)
        return Answer(body={"id": int(key), "firstName": "Kim", "organization": "Acme Ltd", "organizationId": 77})

    def _organization(self, _: Asked, __: Any, key: str) -> Answer:
        return Answer(body={"id": int(key), "name": "Acme", "domains": ["acme.example", "acme.test"]})


def _problem(kind: str, said: Any) -> str:
    if not kind:
        return "" if said is None else "a GET with a body"
    found = next(jsonschema.Draft202012Validator(BODIES[kind]).iter_errors(said), None)
    return found.message[:300] if found else ""
