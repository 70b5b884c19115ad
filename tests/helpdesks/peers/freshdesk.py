"""A stand-in for Freshdesk's API on a loopback socket: keeps tickets, conversations and tags; strict about what it is
sent. Shapes follow public copies of the vendor's API page; tests/contracts/SOURCES.md tells what was not read there.
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
KEY = "obviously-fake-key"
_TICKET = re.compile(r"/api/v2/tickets/(\d+)(/conversations|/notes|/reply)?")


class FreshdeskPeer(Peer):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.step = timedelta(minutes=1)
        self.ids = 60_000
        self.last_page = 300
        self.may_read_agents = True
        self.tickets: dict[int, dict[str, Any]] = {}
        self.told: dict[int, list[dict[str, Any]]] = {}

    # ------------------------------------------------------------------------------------------------------ contents
    def tick(self) -> str:
        self.now += self.step
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def add_ticket(self, key: int, **more: Any) -> dict[str, Any]:
        at = self.tick()
        self.tickets[key] = {
            "id": key, "created_at": at, "updated_at": at, "subject": f"Ticket {key}", "priority": 3, "status": 2,
            "source": 1, "requester_id": KIM, "responder_id": ADA, "company_id": ACME, "tags": ["api"],
            "custom_fields": {"cf_region": "eu", "cf_empty": None}, "spam": False, **more,
        }  # fmt: skip
        self.told[key] = []
        return self.tickets[key]

    def tell(self, key: int, user: int, body: str, *, private: bool = False) -> dict[str, Any]:
        self.ids += 1
        at = self.tick()
        self.tickets[key]["updated_at"] = at
        entry = {
            "id": self.ids, "ticket_id": key, "user_id": user, "incoming": user == KIM, "private": private,
            "body": body, "body_text": re.sub(r"<[^>]+>", " ", body).strip(), "created_at": at, "updated_at": at,
            "from_email": '"Kim Lee" <kim@acme.example>' if user == KIM else None, "source": 2,
        }  # fmt: skip
        self.told[key].append(entry)
        return entry

    # ------------------------------------------------------------------------------------------------------- answers
    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != "Basic " + base64.b64encode(f"{KEY}:X".encode()).decode():
            return Answer(401, {"code": "invalid_credentials", "message": "You have to be logged in"})
        match asked.method, asked.path:
            case "GET", "/api/v2/agents/me":
                return Answer(200, {"id": OWN, "contact": {"name": "Altor", "email": "altor@acme.example"}})
            case "GET", "/api/v2/agents/9001":
                agent = {"id": ADA, "contact": {"name": "Ada Agent", "email": "ada@helpdesk.example"}}
                return Answer(200, agent) if self.may_read_agents else Answer(403, {"code": "access_denied"})
            case "GET", "/api/v2/companies/501":
                return Answer(200, {"id": ACME, "name": "Acme", "domains": ["acme.example", "acme.test"]})
            case "GET", "/api/v2/tickets":
                return self._list(asked)
            case "PUT", path if found := re.fullmatch(r"/api/v2/conversations/(\d+)", path):
                return self._edit(int(found[1]), asked.json())
        found = _TICKET.fullmatch(asked.path)
        key = int(found[1]) if found else 0
        if found is None or key not in self.tickets:
            return Answer(404)
        return self._one(key, found[2] or "", asked)

    def _one(self, key: int, below: str, asked: Asked) -> Answer:
        match asked.method, below:
            case "GET", "":
                only(asked.query, "include")
                return Answer(200, self._with(self.tickets[key], asked.query.get("include", ""), whole=True))
            case "GET", "/conversations":
                only(asked.query, "per_page", "page")
                return Answer(200, _page(self.told[key], asked))
            case "POST", "/notes":
                only(asked.json(), "body", "private", "notify_emails")
                private = typed(asked.json()["private"], bool, "private")
                return Answer(201, self.tell(key, OWN, typed(asked.json()["body"], str, "body"), private=private))
            case "POST", "/reply":
                only(asked.json(), "body")
                return Answer(201, self.tell(key, OWN, typed(asked.json()["body"], str, "body")))
            case "PUT", "":
                return self._update(key, asked.json())
        return Answer(405, {})

    def _with(self, ticket: dict[str, Any], include: str, *, whole: bool) -> dict[str, Any]:
        wanted = set(filter(None, include.split(",")))
        known = {"requester", "company", "conversations", "stats"} if whole else {"requester", "description", "stats"}
        if wanted - known:
            raise Strict(f"include: {include}")
        more: dict[str, Any] = {}
        if whole or "description" in wanted:
            more |= {"description": "<div>It fails.</div>", "description_text": "It fails."}
        if "requester" in wanted:
            more["requester"] = {"id": KIM, "name": "Kim Lee", "email": "kim@acme.example", "phone": None}
        if "company" in wanted:
            more["company"] = {"id": ACME, "name": "Acme"}
        return {**ticket, **more}

    def _list(self, asked: Asked) -> Answer:
        only(asked.query, "updated_since", "order_by", "order_type", "per_page", "page", "include")
        if asked.query.get("order_by") not in ("created_at", "due_by", "updated_at", "status"):
            raise Strict("order_by")
        if int(asked.query.get("page", 1)) > self.last_page:
            return Answer(400, {"description": "Validation failed", "errors": [{"field": "page"}]})
        since = datetime.strptime(asked.query["updated_since"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        newer = [one for one in self.tickets.values() if datetime.fromisoformat(one["updated_at"]) >= since]
        newer.sort(key=lambda one: (one["updated_at"], one["id"]), reverse=asked.query.get("order_type") != "asc")
        found = _page([one for one in newer if not one.get("deleted")], asked)
        return Answer(200, [self._with(one, asked.query.get("include", ""), whole=False) for one in found])

    def _edit(self, key: int, body: Any) -> Answer:
        only(body, "body")
        for entry in (entry for told in self.told.values() for entry in told if entry["id"] == key):
            entry["body"] = typed(body["body"], str, "body")
            return Answer(200, entry)
        return Answer(404)

    def _update(self, key: int, body: Any) -> Answer:
        only(body, "tags", "custom_fields")
        if "tags" in body:
            self.tickets[key]["tags"] = [typed(tag, str, "tag") for tag in typed(body["tags"], list, "tags")]
        fields = typed(body.get("custom_fields", {}), dict, "custom_fields")
        only(fields, "cf_region", "cf_cause")
        self.tickets[key]["custom_fields"] |= fields
        return Answer(200, self.tickets[key])


def _page(entries: list[dict[str, Any]], asked: Asked) -> list[dict[str, Any]]:
    size, number = int(asked.query.get("per_page", 30)), int(asked.query.get("page", 1))
    if not 1 <= size <= 100 or number < 1:
        raise Strict("per_page or page")
    return entries[(number - 1) * size : number * size]
