"""A stand-in for Zendesk's API on a loopback socket: keeps tickets, comments and tags; strict about what it is sent.

Shapes follow the vendor's documentation as far as it was read; tests/contracts/SOURCES.md tells what was not.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.helpdesks.peers.faults import Peer, Strict, only, typed
from tests.loopback import Answer, Asked

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
OWN, ADA, KIM, ACME = 9000, 9001, 7001, 501
EMAIL, TOKEN = "altor@acme.example", "obviously-fake-token"


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class ZendeskPeer(Peer):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.ids = 50_000
        self.role = "agent"
        self.shows_metadata = True
        self.audits_comments = True
        self.users = {
            OWN: {"id": OWN, "name": "Altor", "email": EMAIL, "role": "agent"},
            ADA: {"id": ADA, "name": "Ada Agent", "email": "ada@helpdesk.example", "role": "agent"},
            KIM: {
                "id": KIM, "name": "Kim Lee", "email": "kim@acme.example", "role": "end-user",
                "iana_time_zone": "Europe/Berlin",
            },
        }  # fmt: skip
        self.organizations = {ACME: {"id": ACME, "name": "Acme", "domain_names": ["acme.example"], "external_id": "42"}}
        self.tickets: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}

    # ------------------------------------------------------------------------------------------------------ contents
    def tick(self) -> str:
        self.now += timedelta(minutes=1)
        return stamp(self.now)

    def add_ticket(self, key: int, **more: Any) -> dict[str, Any]:
        at = self.tick()
        self.tickets[key] = {
            "id": key, "created_at": at, "updated_at": at, "subject": f"Ticket {key}", "description": "It fails.",
            "priority": "high", "status": "open", "requester_id": KIM, "submitter_id": KIM, "assignee_id": ADA,
            "organization_id": ACME, "tags": ["api"], "custom_fields": [{"id": 360, "value": "eu"}],
            "via": {"channel": "web"}, **more,
        }  # fmt: skip
        self.comments[key] = []
        self.add_comment(key, KIM, "<p>It fails.</p>")
        return self.tickets[key]

    def add_comment(
        self, key: int, author: int, html: str, *, public: bool = True, custom: dict[str, Any] | None = None
    ) -> int:
        self.ids += 1
        at = self.tick()
        self.tickets[key]["updated_at"] = at
        metadata = {"system": {}, "custom": custom or {}} if self.shows_metadata else {}
        self.comments[key].append(
            {
                "id": self.ids, "type": "Comment", "author_id": author, "html_body": html,
                "body": re.sub(r"<[^>]+>", " ", html).strip(), "plain_body": re.sub(r"<[^>]+>", " ", html).strip(),
                "public": public, "created_at": at, "metadata": metadata, "via": {"channel": "api"}, "attachments": [],
            }
        )  # fmt: skip
        return self.ids

    # ------------------------------------------------------------------------------------------------------- answers
    def answer(self, asked: Asked) -> Answer:
        expected = "Basic " + base64.b64encode(f"{EMAIL}/token:{TOKEN}".encode()).decode()
        is_known = asked.headers.get("authorization") in (expected, f"Bearer {TOKEN}")
        if (asked.method, asked.path) == ("GET", "/api/v2/users/me.json"):
            me = {**self.users[OWN], "role": self.role} if is_known else {"id": None, "role": "end-user"}
            return Answer(200, {"user": me})
        if not is_known:
            return Answer(401, {"error": "Couldn't authenticate you"})
        if (asked.method, asked.path) == ("GET", "/api/v2/incremental/tickets/cursor.json"):
            return self._export(asked)
        found = re.fullmatch(r"/api/v2/tickets/(\d+)(\.json|/comments\.json|/tags\.json)", asked.path)
        key = int(found[1]) if found else 0
        if found is None or key not in self.tickets:
            return Answer(404, {"error": "RecordNotFound", "description": "Not found"})
        match asked.method, found[2]:
            case "GET", ".json":
                only(asked.query, "include")
                return Answer(200, {"ticket": self.tickets[key], **self._people([self.tickets[key]])})
            case "GET", "/comments.json":
                return self._list_comments(key, asked)
            case "PUT", ".json":
                return self._update(key, asked.json())
            case "PUT", "/tags.json":
                only(asked.json(), "tags")
                wanted = [typed(tag, str, "tag") for tag in typed(asked.json()["tags"], list, "tags")]
                if any(" " in tag for tag in wanted):
                    raise Strict("a tag with a blank")
                self.tickets[key]["tags"] = [*dict.fromkeys([*self.tickets[key]["tags"], *wanted])]
                return Answer(200, {"tags": self.tickets[key]["tags"]})
        return Answer(405, {})

    def _people(self, tickets: list[dict[str, Any]]) -> dict[str, Any]:
        users = {ticket[name] for ticket in tickets for name in ("requester_id", "submitter_id", "assignee_id")}
        homes = {ticket["organization_id"] for ticket in tickets}
        return {
            "users": [self.users[one] for one in users if one in self.users],
            "organizations": [self.organizations[one] for one in homes if one in self.organizations],
        }

    def _list_comments(self, key: int, asked: Asked) -> Answer:
        only(asked.query, "include", "sort", "page[size]", "page[after]")
        size, after = int(asked.query.get("page[size]", 100)), int(asked.query.get("page[after]", 0))
        if not 1 <= size <= 100 or asked.query.get("sort", "created_at") not in ("created_at", "-created_at"):
            raise Strict("page[size] or sort")
        found = self.comments[key][:: -1 if asked.query.get("sort") == "-created_at" else 1]
        page, has_more = found[after : after + size], len(found) > after + size
        body: dict[str, Any] = {
            "comments": page,
            "meta": {"has_more": has_more, "after_cursor": str(after + size) if has_more else None},
            "links": {},
        }
        if asked.query.get("include") == "users":
            writers = {comment["author_id"] for comment in page}
            body["users"] = [self.users[one] for one in writers if one in self.users]
        return Answer(200, body)

    def _export(self, asked: Asked) -> Answer:
        only(asked.query, "start_time", "cursor", "per_page", "include")
        if ("start_time" in asked.query) == ("cursor" in asked.query):
            raise Strict("either start_time or cursor")
        if int(asked.query.get("start_time", 0)) > datetime.now(UTC).timestamp() - 60:
            return Answer(400, {"error": "StartTimeTooRecent"})
        since, skip = (asked.query.get("cursor") or f"{asked.query.get('start_time')}:0").split(":")
        changed = sorted(self.tickets.values(), key=lambda ticket: (ticket["updated_at"], ticket["id"]))
        newer = [one for one in changed if datetime.fromisoformat(one["updated_at"]).timestamp() >= int(since)]
        size = int(asked.query.get("per_page", 1000))
        page = newer[int(skip) : int(skip) + size]
        return Answer(
            200,
            {
                "tickets": page,
                "after_cursor": f"{since}:{int(skip) + len(page)}",
                "after_url": "https://acme.zendesk.com/next",
                "end_of_stream": int(skip) + size >= len(newer),
                **self._people(page),
            },
        )

    def _update(self, key: int, body: Any) -> Answer:
        only(body, "ticket")
        change = typed(body["ticket"], dict, "ticket")
        only(change, "comment", "custom_fields", "metadata")
        if self.tickets[key]["status"] == "closed":
            raise Strict("Status: closed prevents ticket update")
        events: list[dict[str, Any]] = []
        for item in change.get("custom_fields", []):
            only(item, "id", "value")
            typed(item["id"], int, "custom field id")
            self.tickets[key]["custom_fields"] = [
                *(one for one in self.tickets[key]["custom_fields"] if one["id"] != item["id"]), item
            ]  # fmt: skip
        if comment := change.get("comment"):
            only(comment, "html_body", "body", "public", "author_id")
            if ("html_body" in comment) == ("body" in comment):
                raise Strict("either html_body or body")
            public = typed(comment["public"], bool, "public")
            custom = {typed(name, str, "name"): value for name, value in change.get("metadata", {}).items()}
            said = comment.get("html_body") or comment["body"]
            made = self.add_comment(key, OWN, said, public=public, custom=custom)
            if self.audits_comments:
                events = [{"id": made + 1, "type": "Notification"}, {"id": made, "type": "Comment", "public": public}]
        audit = {"id": self.ids + 900_000, "ticket_id": key, "events": events}
        return Answer(200, {"ticket": self.tickets[key], "audit": audit})
