"""Intercom's REST API as a strict peer: it checks the credential and the version, holds every request body to
Intercom's own description, keeps what is written, pages, and fails when a test says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema

from tests.loopback import Answer, Asked

API = json.loads((Path(__file__).parents[2] / "contracts" / "intercom-openapi.json").read_text())
TOKEN = "ic_obviously_fake_token"
ADA = {"type": "admin", "id": "991267696", "name": "Ada", "email": "ada@support.example"}
BOT = {"type": "admin", "id": "700", "name": "Altor", "email": "altor@support.example"}
KIM = {"type": "user", "id": "6762f1571bb69f9f2193bbbb", "name": "Kim Lee", "email": "kim@acme.example"}
APP = {"type": "app", "id_code": "abcd1234", "name": "Acme", "region": "EU"}
COMPANIES = {
    "type": "list", "total_count": 1,
    "data": [{"type": "company", "id": "5f4d", "company_id": "org_7", "name": "Acme", "website": "https://acme.example/"}],
}  # fmt: skip
T0 = 1795400000
#: `sort` is documented for contacts, and used for conversations by several public clients; the description lacks it.
UNDESCRIBED = {"/conversations/search": {"sort"}, "/tickets/search": {"sort"}}
#: Not among the paths of the description that is kept here; after the client library's request types.
EXTRA_BODIES: dict[str, dict[str, Any]] = {
    "/tags": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}}},
    "/tickets/{ticket_id}/tags": {
        "type": "object", "required": ["id", "admin_id"],
        "properties": {"id": {"type": "string"}, "admin_id": {"type": "string"}},
    },
}  # fmt: skip


def conversation(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "type": "conversation", "id": str(2154698400 + number), "created_at": T0 + number, "updated_at": T0 + number,
        "title": None, "open": True, "state": "open", "read": False, "priority": "not_priority",
        "admin_assignee_id": None, "team_assignee_id": None,
        "source": {"type": "email", "id": "1", "delivered_as": "customer_initiated", "subject": f"Case {number}",
                   "body": f"<p>Payment {number} fails</p>", "author": dict(KIM), "redacted": False},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": KIM["id"], "external_id": "u-42"}]},
        "tags": {"type": "tag.list", "tags": []}, "custom_attributes": {}, **changes,
    }  # fmt: skip


def ticket(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "type": "ticket", "id": str(number), "ticket_id": "34", "created_at": T0, "updated_at": T0 + number,
        "ticket_attributes": {"_default_title_": "Export is empty", "_default_description_": "No rows."},
        "ticket_state": {"type": "ticket_state", "id": "8498", "category": "in_progress"},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": KIM["id"]}]},
        "admin_assignee_id": "0", "open": True, **changes,
    }  # fmt: skip


@dataclass
class IntercomPeer:
    """`faults` are taken one by one by requests whose "METHOD path" they match; `carry_out` ones are done first."""

    conversations: dict[str, dict[str, Any]] = field(default_factory=dict)
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    parts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=lambda: {"86": "Billing"})
    contact_gone: bool = False
    admins_hidden: bool = False
    faults: list[tuple[str, Answer, bool]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    clock: int = T0 + 10_000

    def add(self, *found: dict[str, Any]) -> None:
        for each in found:
            (self.conversations if each["type"] == "conversation" else self.tickets)[each["id"]] = each

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "unauthorized")
        if asked.headers.get("intercom-version") != "2.15":
            self.problems.append(f"version {asked.headers.get('intercom-version')!r}")
            return _error(400, "intercom_version_invalid")
        for fault in self.faults:
            pattern, answer, carry_out = fault
            if re.fullmatch(pattern, f"{asked.method} {asked.path}"):
                self.faults.remove(fault)
                if carry_out:
                    self._answer(asked)
                return answer
        return self._answer(asked)

    def _answer(self, asked: Asked) -> Answer:
        for pattern, method, template, handle in self._routes():
            match = re.fullmatch(pattern, asked.path)
            if match and method == asked.method:
                body = asked.json() if asked.body else None
                if problem := self._problem(template, method, body):
                    self.problems.append(f"{method} {asked.path}: {problem}")
                    return _error(400, "parameter_invalid", problem)
                return handle(body, *match.groups())
        self.problems.append(f"no such request: {asked.method} {asked.path}")
        return _error(404, "not_found")

    def _routes(self) -> list[tuple[str, str, str, Callable[..., Answer]]]:
        """Path pattern, method, path in the description, what to do with the body and the path's ids."""
        found: list[tuple[str, str, str, Callable[..., Answer]]] = [
            ("/me", "GET", "", lambda _: Answer(body={**BOT, "app": APP})),
            ("/admins", "GET", "", lambda _: self._teammates()),
            ("/tags", "GET", "", lambda _: Answer(body={"type": "list", "data": self._all_tags()})),
            ("/tags", "POST", "/tags", self._new_tag),
            ("/contacts/([0-9a-f]+)", "GET", "", lambda _, key: self._contact(key)),
            ("/contacts/([0-9a-f]+)/companies", "GET", "", lambda _, key: Answer(body=COMPANIES)),
        ]
        for name, kind in (("conversation", self.conversations), ("ticket", self.tickets)):
            one, described = f"/{name}s/([0-9]+)", f"/{name}s/{{{name}_id}}"
            found += [
                (f"/{name}s/search", "POST", f"/{name}s/search", partial(self._search, f"{name}s")),
                (one, "GET", "", partial(self._whole, kind)),
                (one, "PUT", described, partial(self._change, kind)),
                (f"{one}/reply", "POST", f"{described}/reply", partial(self._reply, kind)),
                (f"{one}/tags", "POST", f"{described}/tags", partial(self._tag, kind)),
            ]
        return found

    def _teammates(self) -> Answer:
        return (
            _error(403, "forbidden")
            if self.admins_hidden
            else Answer(body={"type": "admin.list", "admins": [ADA, BOT]})
        )

    def _all_tags(self) -> list[dict[str, Any]]:
        return [{"type": "tag", "id": key, "name": name} for key, name in self.tags.items()]

    def _contact(self, key: str) -> Answer:
        gone = self.contact_gone
        return _error(404, "not_found") if gone else Answer(body={**KIM, "type": "contact", "id": key, "role": "user"})

    def _problem(self, template: str, method: str, body: Any) -> str:
        if method == "GET":
            return "" if body is None else "a GET with a body"
        if template in EXTRA_BODIES:
            schema = {**EXTRA_BODIES[template], "additionalProperties": False}
        else:
            content = API["paths"][template][method.lower()]["requestBody"]["content"]["application/json"]
            schema = {**content["schema"], "components": API["components"]}
        described = {name: value for name, value in body.items() if name not in UNDESCRIBED.get(template, set())}
        found = next(jsonschema.Draft202012Validator(schema).iter_errors(described), None)
        return found.message[:300] if found else ""

    def _whole(self, kind: dict[str, dict[str, Any]], _: Any, key: str) -> Answer:
        if key not in kind:
            return _error(404, "not_found", "Resource Not Found")
        name = "conversation_parts" if kind is self.conversations else "ticket_parts"
        parts = self.parts.get(key, [])
        return Answer(body={**kind[key], name: {"type": f"{name[:-1]}.list", name: parts, "total_count": len(parts)}})

    def _reply(self, kind: dict[str, dict[str, Any]], body: dict[str, Any], key: str) -> Answer:
        if key not in kind:
            return _error(404, "not_found")
        author = next((each for each in (ADA, BOT) if each["id"] == body["admin_id"]), None)
        if author is None:
            return _error(400, "admin_not_found")
        self.clock += 1
        name = "conversation_part" if kind is self.conversations else "ticket_part"
        made = {
            "type": name, "id": str(9000 + self.clock - T0), "part_type": body["message_type"], "body": body["body"],
            "created_at": self.clock, "updated_at": self.clock, "author": author, "redacted": False,
        }  # fmt: skip
        self.parts.setdefault(key, []).append(made)
        kind[key]["updated_at"] = self.clock
        return self._whole(kind, None, key) if kind is self.conversations else Answer(body=made)

    def _change(self, kind: dict[str, dict[str, Any]], body: dict[str, Any], key: str) -> Answer:
        if key not in kind:
            return _error(404, "not_found")
        for name, values in body.items():
            kind[key].setdefault(name, {}).update(values)
        return self._whole(kind, None, key)

    def _new_tag(self, body: dict[str, Any]) -> Answer:
        key = str(100 + len(self.tags))
        self.tags[key] = body["name"]
        return Answer(body={"type": "tag", "id": key, "name": body["name"]})

    def _tag(self, kind: dict[str, dict[str, Any]], body: dict[str, Any], key: str) -> Answer:
        if key not in kind or body["id"] not in self.tags:
            return _error(404, "not_found")
        tag = {"type": "tag", "id": body["id"], "name": self.tags[body["id"]]}
        kind[key].setdefault("tags", {"type": "tag.list", "tags": []})["tags"].append(tag)
        return Answer(body=tag)

    def _search(self, home: str, body: dict[str, Any]) -> Answer:
        query, paging, sort = body["query"], body.get("pagination", {}), body.get("sort")
        oldest_first = {"field": "updated_at", "order": "ascending"}
        if (query["field"], query["operator"]) != ("updated_at", ">") or sort != oldest_first:
            return _error(400, "parameter_invalid", "this peer searches by updated_at only")
        if not 1 <= paging.get("per_page", 20) <= 150:
            return _error(400, "parameter_invalid", "per_page is 1 to 150")
        kind = self.conversations if home == "conversations" else self.tickets
        changed = sorted(
            (each["updated_at"], each["id"]) for each in kind.values() if each["updated_at"] > query["value"]
        )
        after = json.loads(paging["starting_after"]) if paging.get("starting_after") else [0, ""]
        rest = [each for each in changed if list(each) > after]
        page = rest[: paging.get("per_page", 20)]
        following = {"per_page": 50, "starting_after": json.dumps(page[-1])} if len(rest) > len(page) else None
        pages: dict[str, Any] = {"type": "pages", "page": 1, "per_page": 50, "total_pages": 1}
        return Answer(
            body={
                "type": f"{home[:-1]}.list", home: [kind[key] for _, key in page], "total_count": len(changed),
                "pages": {**pages, "next": following} if following else pages,
            }
        )  # fmt: skip


def _error(status: int, code: str, message: str = "") -> Answer:
    return Answer(status, {"type": "error.list", "request_id": "r-1", "errors": [{"code": code, "message": message}]})
